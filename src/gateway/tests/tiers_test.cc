// SPDX-License-Identifier: Apache-2.0
#include "gateway/tiers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "core/clock.h"
#include "wire/limits.h"

namespace muster::gateway {
namespace {

using core::Code;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

wire::RepeatHello hello() {
  wire::RepeatHello message;
  message.set_version(wire::kVersion);
  message.set_version_oldest(wire::kVersionOldest);
  return message;
}

wire::RepeatWelcome ask(const Standing& at, bool allowed = true, std::size_t held = 0,
                        const std::string& newcomer = "far") {
  return answer_to(hello(), "hub", at, allowed, held, newcomer);
}

TEST(Tiers, AGatewayWithAServerTakesOthers) {
  const auto welcome = ask({.has_server = true});
  EXPECT_EQ(welcome.refused(), "");
  EXPECT_THAT(welcome.above(), ElementsAre("hub"));
  EXPECT_TRUE(check_welcome(welcome, "far"));
  EXPECT_THAT(ask({.has_server = true, .above = {"top"}}).above(), ElementsAre("hub", "top"));
}

TEST(Tiers, RefusesWithASentence) {
  const auto why = [](const wire::RepeatWelcome& welcome) {
    EXPECT_THAT(welcome.above(), IsEmpty());
    const auto checked = check_welcome(welcome, "far");
    EXPECT_FALSE(checked);
    return checked ? "" : checked.error().message;
  };
  EXPECT_THAT(why(ask({.has_server = true}, false)), HasSubstr("start it with --repeat"));
  EXPECT_THAT(why(ask({.has_server = true}, true, 0, "hub")), HasSubstr("behind itself"));
  EXPECT_THAT(why(ask({})), HasSubstr("has no server itself"));
  EXPECT_THAT(why(ask({.has_server = true, .above = {"far"}})), HasSubstr("behind each other"));
  EXPECT_THAT(why(ask({.has_server = true, .above = {"a", "b", "c", "d"}})),
              HasSubstr("a gateway may stand behind 4"));
  EXPECT_EQ(ask({.has_server = true, .above = {"a", "b", "c"}}).refused(), "");
  EXPECT_THAT(why(ask({.has_server = true}, true, kBehindMax)), HasSubstr("as it takes (256)"));
  auto strange = hello();
  strange.set_version_oldest(wire::kVersion + 1);
  EXPECT_THAT(why(answer_to(strange, "hub", {.has_server = true}, true, 0, "far")),
              HasSubstr("no common protocol version"));
  // Who lets nobody stand behind it tells nothing about itself.
  EXPECT_THAT(ask({.waiting = {"x"}}, false).waiting(), IsEmpty());
}

TEST(Tiers, BelievesNoNonsense) {
  wire::RepeatWelcome welcome;
  welcome.set_version(wire::kVersion);
  EXPECT_EQ(check_welcome(welcome, "far").error().code, Code::kInvalid);  // nobody above
  welcome.add_above("hub");
  EXPECT_TRUE(check_welcome(welcome, "far"));
  welcome.add_above("far");
  EXPECT_EQ(check_welcome(welcome, "far").error().code, Code::kConflict);
  welcome.set_above(1, "no name\n");
  EXPECT_EQ(check_welcome(welcome, "far").error().code, Code::kInvalid);
  for (int i = 0; i < 5; ++i) welcome.add_above("x");
  EXPECT_EQ(check_welcome(welcome, "far").error().code, Code::kInvalid);
  wire::RepeatWelcome refusal;
  refusal.set_refused("\x1b[31mred");
  EXPECT_THAT(check_welcome(refusal, "far").error().message, HasSubstr("\\x1b"));
}

/// Gateways that ask each other in any order, some of which fail at any time.
struct Region {
  struct Node {
    std::vector<std::string> ways;  // "server", or a gateway's name
    Standing at;
    std::string upper;  // "": the server, while it has one
    std::string why;
    std::size_t next = 0;
  };
  std::map<std::string, Node> nodes;
  bool server_up = true;

  /// What the loss of its server means: all behind it lose theirs.
  void lose(const std::string& name) {
    Node& node = nodes.at(name);
    if (!node.at.has_server) return;
    node.at = {};
    for (auto& [other, each] : nodes)
      if (each.at.has_server && each.upper == name) lose(other);
  }
  void try_next(const std::string& name) {
    Node& node = nodes.at(name);
    if (node.at.has_server) return;
    const std::string way = node.ways[node.next++ % node.ways.size()];
    if (way == "server") {
      if (server_up) {
        node.at = {.has_server = true};
        node.upper.clear();
      }
      return;
    }
    const auto welcome = answer_to(hello(), way, nodes.at(way).at, true, 0, name);
    if (const auto good = check_welcome(welcome, name); !good) {
      node.why = good.error().message;
      node.at.waiting = good.error().code != Code::kInvalid ? waiting_of(welcome, name)
                                                            : std::vector<std::string>{};
      return;
    }
    node.at = {.has_server = true, .above = {welcome.above().begin(), welcome.above().end()}};
    node.upper = way;
  }
  /// Who has a server reaches it by the gateways that it says, in no circle.
  void check() const {
    for (const auto& [name, node] : nodes) {
      if (!node.at.has_server) continue;
      EXPECT_LE(node.at.above.size(), kTiersMax);
      const Node* at = &node;
      for (const std::string& above : node.at.above) {
        EXPECT_EQ(at->upper, above);
        EXPECT_NE(above, name);
        at = &nodes.at(above);
        EXPECT_TRUE(at->at.has_server);
      }
      EXPECT_EQ(at->upper, "");
    }
  }
};

TEST(Tiers, ACircleIsToldToEachOfIt) {
  for (const std::vector<std::string>& names :
       {std::vector<std::string>{"a", "b"}, std::vector<std::string>{"a", "b", "c", "d"}}) {
    Region region;
    for (std::size_t i = 0; i < names.size(); ++i)
      region.nodes[names[i]].ways = {names[(i + 1) % names.size()]};
    for (int round = 0; round < 6; ++round)
      for (const auto& name : names) region.try_next(name);
    for (const auto& [name, node] : region.nodes) {
      EXPECT_FALSE(node.at.has_server);
      EXPECT_THAT(node.why, HasSubstr("in a circle, " + name + " -> ")) << name;
      EXPECT_THAT(node.why, HasSubstr(" -> " + name + ": give one of them"));
    }
  }
}

// Uppers and lowers restart, and the server is cut off, at any time; ways are drawn by lot, so
// that many name each other. There is never a circle, and whoever has a way in the end has a
// server.
TEST(Tiers, WhateverHappensThereIsNoCircle) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    core::Random random(seed);
    Region region;
    const std::vector<std::string> names{"a", "b", "c", "d", "e", "f"};
    for (const auto& name : names) {
      auto& ways = region.nodes[name].ways;
      for (std::uint64_t i = random.below(3) + 1; i > 0; --i) {
        const auto& other = names[random.below(names.size())];
        if (other != name) ways.push_back(other);
      }
      if (random.below(2) == 0 || ways.empty()) ways.emplace_back("server");
    }
    region.nodes["a"].ways.emplace_back("server");
    for (int step = 0; step < 300; ++step) {
      const std::string& name = names[random.below(names.size())];
      switch (random.below(8)) {
        case 0:
          region.lose(name);  // it restarts, or its line breaks
          break;
        case 1:
          region.server_up = !region.server_up;
          if (!region.server_up)
            for (const auto& each : names) region.lose(each);
          break;
        default:
          region.try_next(name);
      }
      region.check();
    }
    region.server_up = true;
    for (int round = 0; round < 60; ++round)
      for (const auto& name : names) region.try_next(name);
    region.check();
    for (const auto& [name, node] : region.nodes)
      if (std::ranges::find(node.ways, "server") != node.ways.end())
        EXPECT_TRUE(node.at.has_server) << name;
  }
}

}  // namespace
}  // namespace muster::gateway
