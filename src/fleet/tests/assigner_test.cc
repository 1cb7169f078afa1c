// SPDX-License-Identifier: Apache-2.0
#include "fleet/assigner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace muster::fleet {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

core::EndpointId id_of(int number) {
  return core::EndpointId::of_public_key("key " + std::to_string(number));
}

class AssignerTest : public ::testing::Test {
 protected:
  AssignerTest() {
    subject_.platform = &platform_;
    assigner_.gateway_up("main", 1000, std::nullopt, now());
  }
  static core::MonoTime at(core::Duration time) { return core::MonoTime() + 1h + time; }
  core::MonoTime now() const { return at(time_); }

  void policy(std::string_view text) {
    auto parsed = SitePolicy::parse(text);
    ASSERT_TRUE(parsed) << parsed.error().message;
    assigner_.set_policy(std::make_shared<const SitePolicy>(std::move(*parsed)), now());
  }
  void up(const std::string& name, std::uint32_t capacity = 1000) {
    assigner_.gateway_up(name, capacity, std::vector<std::string>{name + ".example:7443"}, now());
  }
  Assigner::Verdict asks(int host, std::string_view gateway, bool follows = true) {
    return assigner_.asks(id_of(host), gateway, follows, now());
  }
  /// Logs it in, wherever it is sent; where it ended.
  std::string log_in(int host, std::string gateway = "main") {
    for (int i = 0; i < 5; ++i) {
      const auto verdict = asks(host, gateway);
      if (verdict.stays) break;
      gateway = verdict.gateway;
    }
    assigner_.arrived(id_of(host), gateway, now());
    return gateway;
  }
  /// Ticks for so long; what moved goes there at once.
  std::map<std::string, int> pass(core::Duration time) {
    std::map<std::string, int> moved;
    for (const auto until = time_ + time; time_ < until; time_ += 1s)
      for (const auto& move : assigner_.tick(now())) {
        ++moved[move.from + ">" + move.to.gateway];
        assigner_.left(move.host);
        EXPECT_TRUE(assigner_.asks(move.host, move.to.gateway, true, now()).stays);
        assigner_.arrived(move.host, move.to.gateway, now());
      }
    return moved;
  }
  std::size_t links(std::string_view gateway) const {
    for (const auto& view : assigner_.gateways())
      if (view.name == gateway) return view.links;
    return 0;
  }

  Platform platform_;
  Subject subject_;
  std::map<core::EndpointId, std::string> address_;
  core::Duration time_{};
  Assigner assigner_{[this](const core::EndpointId& id) {
    const auto known = address_.find(id);
    subject_.address = known == address_.end() ? std::string_view("10.1.0.1") : known->second;
    return &subject_;
  }};
};

constexpr std::string_view kEdges = "[[site]]\nname = \"a\"\ngateways = [\"edge-*\"]\n";

TEST_F(AssignerTest, NamesOtherGatewaysByTheSameStepsAndSpreadsHostsOverThem) {
  policy("[[site]]\nname = \"a\"\ngateways = [\"edge-*\"]\n");
  for (const char* name : {"edge-1", "edge-2", "edge-3", "far"}) up(name);
  std::map<std::string, int> first;
  for (int i = 0; i < 300; ++i) {
    const auto others = assigner_.others(id_of(i), "edge-1");
    ASSERT_THAT(others, SizeIs(kOthersMax));
    ASSERT_THAT(others,
                ::testing::UnorderedElementsAre("edge-2.example:7443", "edge-3.example:7443"));
    ++first[others.front()];
  }
  EXPECT_GT(first["edge-2.example:7443"], 50);
  EXPECT_GT(first["edge-3.example:7443"], 50);
  assigner_.gateway_down("edge-2", now());
  EXPECT_THAT(assigner_.others(id_of(1), "edge-1"),
              ElementsAre("edge-3.example:7443", "far.example:7443"));  // the server's has none
  assigner_.drain("far", true, now());
  EXPECT_THAT(assigner_.others(id_of(1), "edge-3"), ElementsAre("edge-1.example:7443"));
}

TEST_F(AssignerTest, WithoutAPolicyEveryoneStaysWhereItAsks) {
  up("edge-1");
  EXPECT_TRUE(asks(1, "main").stays);
  EXPECT_TRUE(asks(1, "edge-1").stays);
  log_in(1);
  EXPECT_THAT(pass(10min), IsEmpty());
}

TEST_F(AssignerTest, LoginIsSentToItsSitesGateway) {
  policy(kEdges);
  up("edge-1");
  up("edge-2");
  const auto verdict = asks(1, "main");
  EXPECT_FALSE(verdict.stays);
  EXPECT_EQ(verdict.gateway, "edge-1");
  EXPECT_THAT(verdict.addresses, ElementsAre("edge-1.example:7443"));
  EXPECT_EQ(asks(2, "main").gateway, "edge-2") << "who is on the way counts";
  EXPECT_EQ(log_in(1, "edge-1"), "edge-1");
  EXPECT_EQ(links("edge-1"), 1U);
  EXPECT_TRUE(asks(3, "main", false).stays) << "it does not know how to follow";
}

TEST_F(AssignerTest, WhoCannotGetThereIsTakenWhereItAsks) {
  policy(kEdges);
  for (const char* name : {"edge-1", "edge-2", "edge-3", "edge-4"}) up(name);
  for (const char* name : {"edge-1", "edge-2", "edge-3"})
    EXPECT_EQ(asks(1, "main").gateway, name);  // and back without having arrived
  EXPECT_TRUE(asks(1, "main").stays);
  assigner_.arrived(id_of(1), "main", now());
  EXPECT_THAT(pass(39min), IsEmpty()) << "it is left alone for a while";
  EXPECT_THAT(pass(3min), SizeIs(1)) << "then it is tried again";
}

TEST_F(AssignerTest, ArrivalsAtAGatewayHaveAPace) {
  policy(kEdges);
  up("edge-1", 50'000);
  core::Duration last{};
  for (unsigned i = 0; i < 2 * kArrivalsPerSecond; ++i)
    last = asks(static_cast<int>(i), "main").delay;
  EXPECT_GT(last, 1900ms);
  EXPECT_LT(last, 2100ms);
}

TEST_F(AssignerTest, DrainedGatewayIsEmptiedAtThePaceOfMoves) {
  up("edge-1");
  for (int i = 0; i < 350; ++i) log_in(i, "edge-1");
  EXPECT_EQ(links("edge-1"), 350U);
  assigner_.drain("edge-1", true, now());
  EXPECT_EQ(assigner_.tick(now()).size(), std::size_t{kMovesPerSecond});
  EXPECT_EQ(links("edge-1"), 350U) << "they are there until they have left";
  time_ += 1s;
  pass(4s);
  EXPECT_EQ(links("main"), 250U);
  // The first hundred never arrived; they are asked again when their time is over.
  pass(80s);
  EXPECT_EQ(links("main"), 350U);
  EXPECT_EQ(asks(1000, "edge-1").gateway, "main");
}

TEST_F(AssignerTest, DrainWithNoOtherPlaceLeavesHostsAlone) {
  log_in(1);
  assigner_.drain("main", true, now());
  EXPECT_THAT(pass(3min), IsEmpty());
  EXPECT_TRUE(asks(2, "main").stays);
  up("edge-1");
  EXPECT_THAT(pass(30s), SizeIs(1));
}

TEST_F(AssignerTest, HostsComeBackToAGatewayThatStaysAndThenRest) {
  policy("[[site]]\nname = \"a\"\ngateways = [\"edge-1\", \"edge-2\"]\n");
  up("edge-1");
  up("edge-2");
  EXPECT_EQ(log_in(1), "edge-1");
  assigner_.gateway_down("edge-1", now());
  EXPECT_EQ(links("edge-1"), 0U);
  EXPECT_EQ(log_in(1), "edge-2");
  up("edge-1");
  EXPECT_THAT(pass(9min), IsEmpty()) << "it was sent a short time ago";
  EXPECT_THAT(pass(3min), SizeIs(1));
  EXPECT_EQ(links("edge-1"), 1U);
  // A gateway that comes and goes does not drag its hosts along.
  for (int i = 0; i < 5; ++i) {
    assigner_.gateway_down("edge-1", now());
    time_ += 5s;
    up("edge-1");
    EXPECT_THAT(pass(30s), IsEmpty());
  }
}

TEST_F(AssignerTest, NewGatewayTakesItsShare) {
  policy(kEdges);
  up("edge-1");
  for (int i = 0; i < 900; ++i) log_in(i);
  up("edge-2");
  pass(kMoveRest + 3min);
  EXPECT_GE(links("edge-2"), 300U);
  EXPECT_LE(links("edge-2"), 450U);
  EXPECT_EQ(links("edge-1") + links("edge-2"), 900U);
  EXPECT_THAT(pass(1h), IsEmpty()) << "it has settled";
}

TEST_F(AssignerTest, CapacityOfThePolicyGoesFirst) {
  policy(std::string(kEdges) + "[[gateway]]\nname = \"edge-1\"\ncapacity = 2\n");
  up("edge-1");
  EXPECT_EQ(log_in(1), "edge-1");
  EXPECT_EQ(log_in(2), "edge-1");
  EXPECT_EQ(log_in(3), "main");
  assigner_.forget(id_of(1));
  EXPECT_EQ(log_in(4), "edge-1");
}

TEST_F(AssignerTest, GatewayWithoutAnAddressIsNobodysPlace) {
  policy(kEdges);
  assigner_.gateway_up("edge-1", 0, std::vector<std::string>(), now());
  EXPECT_TRUE(asks(1, "main").stays);
  policy(std::string(kEdges) + "[[gateway]]\nname = \"edge-*\"\naddresses = [\"192.0.2.1\"]\n");
  EXPECT_THAT(asks(1, "main").addresses, ElementsAre("192.0.2.1"));
}

TEST_F(AssignerTest, ExplainsWithAnotherPolicy) {
  up("edge-1");
  log_in(1);
  const auto other = SitePolicy::parse(kEdges);
  ASSERT_TRUE(other);
  const auto id = id_of(1);
  subject_.address = "10.1.0.1";
  EXPECT_EQ(assigner_.explain(&id, subject_, "", nullptr, now()).gateway, "main");
  EXPECT_EQ(assigner_.explain(&id, subject_, "", &*other, now()).gateway, "edge-1");
  EXPECT_EQ(assigner_.explain(nullptr, subject_, "main", &*other, now()).site, "a");
}

}  // namespace
}  // namespace muster::fleet
