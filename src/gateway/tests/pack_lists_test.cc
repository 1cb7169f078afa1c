// SPDX-License-Identifier: Apache-2.0
#include "gateway/pack_lists.h"

#include <gtest/gtest.h>

namespace muster::gateway {
namespace {

using namespace std::chrono_literals;

core::EndpointId endpoint(std::uint8_t number) {
  return *core::EndpointId::from_bytes(std::string(16, static_cast<char>(number)));
}

const std::string kList = R"({"packs":[],"more":false})";

TEST(PackLists, AreGivenOutWhileFreshAndWithTheirAgeWithoutAServer) {
  PackLists lists;
  const core::MonoTime begin = core::mono_now();
  EXPECT_FALSE(lists.find(endpoint(1), true, begin));
  lists.asked(7, 1);
  lists.answered(endpoint(1), 7, 1, kList, begin);
  EXPECT_EQ(lists.find(endpoint(1), true, begin + 1s), kList);
  EXPECT_FALSE(lists.find(endpoint(1), true, begin + PackLists::kFresh + 1s));
  EXPECT_EQ(lists.find(endpoint(1), false, begin + 60s), R"({"age_s":60,"packs":[],"more":false})");
  EXPECT_FALSE(lists.find(endpoint(1), false, begin + PackLists::kLasts + 1s));
  EXPECT_FALSE(lists.find(endpoint(2), false, begin)) << "another machine's list";
}

TEST(PackLists, OnlyAnswersToWhatWasAskedAreKept) {
  PackLists lists;
  const core::MonoTime begin = core::mono_now();
  lists.answered(endpoint(1), 7, 1, kList, begin);
  lists.asked(7, 2);
  lists.refused(7, 2);
  lists.answered(endpoint(1), 7, 2, kList, begin);
  lists.asked(7, 3);
  lists.answered(endpoint(1), 7, 3, "null", begin);
  EXPECT_FALSE(lists.find(endpoint(1), true, begin));
  for (std::uint64_t i = 0; i < PackLists::kAskedMax + 5; ++i) lists.asked(1, i);
  lists.answered(endpoint(1), 1, 2, kList, begin);
  EXPECT_FALSE(lists.find(endpoint(1), true, begin)) << "the oldest question was given up";
}

TEST(PackLists, WhatIsAlikeIsKeptOnceAndAllOfItIsBounded) {
  PackLists lists;
  const core::MonoTime begin = core::mono_now();
  for (std::uint8_t i = 0; i < 100; ++i) {
    lists.asked(i, 1);
    lists.answered(endpoint(i), i, 1, kList, begin);
  }
  EXPECT_EQ(lists.bytes(), kList.size());
  for (std::uint8_t i = 0; i < 100; ++i) {
    lists.asked(i, 2);
    lists.answered(endpoint(i), i, 2, "{\"" + std::string(1 << 20, static_cast<char>(i)) + "\":1}",
                   begin);
  }
  EXPECT_LE(lists.bytes(), PackLists::kBytesMax);
  EXPECT_FALSE(lists.find(endpoint(0), true, begin));
  EXPECT_TRUE(lists.find(endpoint(99), true, begin));
}

}  // namespace
}  // namespace muster::gateway
