// SPDX-License-Identifier: Apache-2.0
#include "link/reconnect.h"

#include <gtest/gtest.h>

namespace muster::link {
namespace {

using namespace std::chrono_literals;

core::MonoTime at(core::Duration since) {
  return core::MonoTime{} + 1h + since;
}

TEST(Reconnect, GrowsWithJitterRotatesAndStartsAnewAfterAStableMinute) {
  Reconnect pacing({"a:1", "b:1"}, "c:1", 3);
  EXPECT_EQ(pacing.server(), "c:1");
  core::Duration longest{};
  for (int i = 0; i < 30; ++i) longest = std::max(longest, pacing.ended({}, at(0s)));
  EXPECT_LE(longest, 60s);
  EXPECT_GT(longest, 20s);
  EXPECT_EQ(pacing.server(), "c:1");
  EXPECT_GT(pacing.ended({}, at(0s)), 0s);
  EXPECT_EQ(pacing.server(), "a:1");
  pacing.connected(at(0s));
  EXPECT_LE(pacing.ended({}, at(61s)), 500ms);
  EXPECT_EQ(pacing.server(), "a:1");
}

TEST(Reconnect, ALongListIsGoneThroughSoonAndTheRoundsGrowApart) {
  std::vector<std::string> servers;
  for (int i = 0; i < 8; ++i) servers.push_back("s" + std::to_string(i) + ":1");
  Reconnect pacing(servers, "", 3);
  pacing.connected(at(0s));
  EXPECT_LE(pacing.ended({}, at(61s)), 500ms);  // where it was
  core::Duration longest{};
  for (int round = 0; round < 12; ++round) {
    core::Duration inside{};
    for (std::size_t i = 1; i < servers.size(); ++i) {
      const auto wait = pacing.ended({}, at(62s));
      EXPECT_LE(wait, Reconnect::kNextWithin);
      inside += wait;
    }
    if (round == 0) EXPECT_LE(inside, 7s);
    longest = std::max(longest, pacing.ended({}, at(62s)));
    EXPECT_EQ(pacing.server(), "s0:1");
  }
  EXPECT_GT(longest, 20s);
  EXPECT_LE(longest, Reconnect::kCeiling);
}

TEST(Reconnect, ObeysTheGatewayAndSlowsDownWhereWaitingDoesNotHelp) {
  Reconnect pacing({"a:1"}, "", 3);
  const auto wait =
      pacing.ended({.code = wire::GOODBYE_BUSY, .reason = {}, .retry_after_ms = 10'000}, at(0s));
  EXPECT_GE(wait, 10s);
  EXPECT_LE(wait, 12s);
  EXPECT_EQ(pacing.ended({.code = wire::GOODBYE_REVOKED, .reason = {}}, at(0s)), 10min);
  EXPECT_NE(pacing.explanation().find("revoked; if"), std::string::npos);
  EXPECT_NE(pacing.explanation().find("muster-agent enrol --again"), std::string::npos);
}

TEST(Reconnect, GoesWhereItIsSentWithItsServersBehind) {
  Reconnect pacing({"edge:1", "server:1"}, "", 3);
  pacing.connected(at(0s));
  const auto moved = [&](std::vector<std::string> gateways, core::Duration now) {
    return pacing.ended({.code = wire::GOODBYE_MOVED,
                         .reason = {},
                         .retry_after_ms = 0,
                         .by_peer = true,
                         .gateways = std::move(gateways)},
                        at(now));
  };
  EXPECT_LE(moved({"north:1", "north:2"}, 61s), Reconnect::kMovedWithin);
  std::vector<std::string> tried;
  for (int i = 0; i < 4; ++i) {
    tried.push_back(pacing.server());
    pacing.ended({}, at(62s));
  }
  EXPECT_EQ(tried, (std::vector<std::string>{"north:1", "north:2", "edge:1", "server:1"}));
  EXPECT_EQ(pacing.server(), "north:1");
  pacing.connected(at(63s));  // the last good one, and behind it those that are configured
  pacing.ended({}, at(64s));
  EXPECT_EQ(pacing.server(), "north:1");
  pacing.ended({}, at(64s));
  EXPECT_EQ(pacing.server(), "edge:1");
  moved({}, 65s);
  EXPECT_EQ(pacing.server(), "server:1");  // no address: the region's server, the last one
}

TEST(Reconnect, GatewaysThatSendItToEachOtherDoNotKeepItBusy) {
  Reconnect pacing({"a:1"}, "", 3);
  const Ending to_b{.code = wire::GOODBYE_MOVED,
                    .reason = {},
                    .retry_after_ms = 0,
                    .by_peer = true,
                    .gateways = {"b:1"}};
  core::Duration longest{};
  for (unsigned i = 0; i < 30; ++i) {
    const auto wait = pacing.ended(to_b, at(0s));
    if (i < Reconnect::kMovesInARow) EXPECT_LE(wait, Reconnect::kMovedWithin);
    longest = std::max(longest, wait);
  }
  EXPECT_GT(longest, 10s);
}

TEST(Reconnect, TriesTheGatewaysThatWouldTakeItBeforeTheConfiguredOnes) {
  Reconnect pacing({"a:1", "server:1"}, "", 3);
  pacing.connected(at(0s), {"b:1", "a:1", "c:1"});
  std::vector<std::string> tried;
  for (int i = 0; i < 5; ++i) {
    pacing.ended({}, at(61s));
    tried.push_back(pacing.server());
  }
  EXPECT_EQ(tried, (std::vector<std::string>{"a:1", "b:1", "c:1", "server:1", "a:1"}));
}

TEST(Reconnect, SeeksWhereNobodyInTheListAnswersAndRarely) {
  Reconnect pacing({"a:1", "b:1"}, "", 3);
  pacing.ended({}, at(0s));
  EXPECT_FALSE(pacing.shall_seek(at(0s)));
  pacing.ended({.code = wire::GOODBYE_BUSY, .reason = {}}, at(1s));  // somebody is there
  pacing.ended({}, at(2s));
  EXPECT_FALSE(pacing.shall_seek(at(2s)));
  pacing.ended({}, at(3s));
  EXPECT_TRUE(pacing.shall_seek(at(3s)));
  pacing.found({});
  pacing.ended({}, at(4s));
  EXPECT_FALSE(pacing.shall_seek(at(32s)));
  EXPECT_TRUE(pacing.shall_seek(at(49s)));    // 30 s and up to a half more
  EXPECT_FALSE(pacing.shall_seek(at(108s)));  // then 60
  EXPECT_TRUE(pacing.shall_seek(at(140s)));
  pacing.found({"near:1", "b:1"});
  std::vector<std::string> tried;
  for (int i = 0; i < 3; ++i) {
    tried.push_back(pacing.server());
    EXPECT_FALSE(pacing.shall_seek(at(24h)));  // first they are tried
    pacing.ended({}, at(24h));
  }
  EXPECT_EQ(tried, (std::vector<std::string>{"near:1", "b:1", "a:1"}));
  EXPECT_TRUE(pacing.shall_seek(at(24h)));
}

}  // namespace
}  // namespace muster::link
