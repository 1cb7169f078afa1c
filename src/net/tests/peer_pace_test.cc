// SPDX-License-Identifier: Apache-2.0
#include "net/detail/peer_pace.h"

#include <gtest/gtest.h>

namespace muster::net::detail {
namespace {

using namespace std::chrono_literals;

TEST(PeerPace, AByteNowAndThenDoesNotHelp) {
  PeerPace pace(30s, 4096);
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(pace.exhausted());
    pace.moved(10s, 1);
  }
  pace.moved(1ms, 1);
  EXPECT_TRUE(pace.exhausted());
  EXPECT_EQ(pace.left(), 0s);
}

TEST(PeerPace, AHonestSlowLineIsServedForEver) {
  PeerPace pace(30s, 4096);
  for (int i = 0; i < 100'000; ++i) pace.moved(1s, 5000);
  EXPECT_FALSE(pace.exhausted());
}

TEST(PeerPace, AFastStartDoesNotPayForALongSilence) {
  PeerPace pace(30s, 4096);
  for (int i = 0; i < 100; ++i) pace.moved(1ms, 1'000'000'000);
  EXPECT_EQ(pace.left(), 2min);
  pace.moved(2min, 0);
  EXPECT_TRUE(pace.exhausted());
}

}  // namespace
}  // namespace muster::net::detail
