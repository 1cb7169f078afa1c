// SPDX-License-Identifier: Apache-2.0
#include "gateway/pace.h"

#include <gtest/gtest.h>

#include <functional>
#include <queue>
#include <vector>

namespace muster::gateway {
namespace {

using namespace std::chrono_literals;

constexpr core::MonoTime kStart{1000s};

TEST(Pace, ASecondsWorthPassesAtOnceAndTheRestInLine) {
  Pace pace(10);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(pace.next_ms(kStart), 0U) << i;
  EXPECT_EQ(pace.next_ms(kStart), 100U);
  EXPECT_EQ(pace.next_ms(kStart), 200U);
}

TEST(Pace, WhoComesWhenToldPasses) {
  Pace pace(10);
  for (int i = 0; i < 10; ++i) pace.next_ms(kStart);
  const auto wait = pace.next_ms(kStart);
  EXPECT_EQ(pace.next_ms(kStart + std::chrono::milliseconds(wait + 100)), 0U);
}

TEST(Pace, WholeFleetThatComesAtOnceGetsInAsFastAsThePaceAllows) {
  // Those who came when they were told used to join the line's end each time: as many came as
  // passed, the line never grew shorter, and a fleet that all came at once stayed outside.
  Pace pace(100);
  std::priority_queue<core::MonoTime, std::vector<core::MonoTime>, std::greater<>> due;
  for (int i = 0; i < 5'000; ++i) due.push(kStart);
  core::MonoTime last = kStart;
  while (!due.empty()) {
    last = due.top();
    ASSERT_LT(last, kStart + 60s) << due.size() << " are still outside";
    due.pop();
    if (const auto wait = pace.next_ms(last); wait > 0)
      due.push(last + std::chrono::milliseconds(wait));
  }
  EXPECT_GE(last, kStart + 48s);
  EXPECT_LE(last, kStart + 51s);
}

TEST(Pace, SlotsThatNobodyTookAreKeptForASecondOnly) {
  Pace pace(10);
  pace.next_ms(kStart);
  int passed = 0;
  while (pace.next_ms(kStart + 1h) == 0) ++passed;
  EXPECT_EQ(passed, 10);
}

TEST(Pace, SpreadingTakesNoSlot) {
  Pace pace(1000);
  EXPECT_EQ(pace.spread_ms(0), 1U);
  EXPECT_EQ(pace.spread_ms(5000), 5001U);
  EXPECT_EQ(pace.next_ms(kStart), 0U);
}

TEST(Pace, ZeroIsTakenAsOne) {
  Pace pace(0);
  EXPECT_EQ(pace.next_ms(kStart), 0U);
  EXPECT_EQ(pace.next_ms(kStart), 1000U);
}

}  // namespace
}  // namespace muster::gateway
