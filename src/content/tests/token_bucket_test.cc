// SPDX-License-Identifier: Apache-2.0
#include "content/token_bucket.h"

#include <gtest/gtest.h>

#include "content/tests/fakes.h"

namespace muster::content {
namespace {

using testing::at;
using namespace std::chrono_literals;

TEST(TokenBucket, FillsSteadilyUpToItsBurst) {
  TokenBucket bucket(1'000, 500, at(0s));
  EXPECT_TRUE(bucket.take(500, at(0s)));
  EXPECT_FALSE(bucket.take(1, at(0s)));
  const auto ready = bucket.ready_at(100, at(0s));
  EXPECT_GE(ready, at(100ms));
  EXPECT_LE(ready, at(101ms));
  EXPECT_TRUE(bucket.take(100, ready));
  EXPECT_TRUE(bucket.take(500, at(1h)));
  EXPECT_FALSE(bucket.take(1, at(1h)));
  bucket.give_back(10);
  EXPECT_TRUE(bucket.take(10, at(1h)));
}

TEST(TokenBucket, MoreThanItHoldsIsPaidBack) {
  TokenBucket bucket(1'000, 500, at(0s));
  EXPECT_TRUE(bucket.take(1'500, at(0s)));
  EXPECT_FALSE(bucket.take(1, at(1s)));
  EXPECT_TRUE(bucket.take(1, at(1002ms)));
}

TEST(TokenBucket, NoRateIsNoLimit) {
  TokenBucket bucket(0, 1, at(0s));
  EXPECT_TRUE(bucket.take(1ULL << 60, at(0s)));
  EXPECT_EQ(bucket.ready_at(1ULL << 60, at(5s)), at(5s));
}

}  // namespace
}  // namespace muster::content
