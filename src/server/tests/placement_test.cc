// SPDX-License-Identifier: Apache-2.0
//
// The site policy at work between registry, hub and database.
#include "server/placement.h"

#include "access/audit.h"
#include "server/tests/fixture.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;
using core::Code;
using testing::bytes_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::host;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kEdgeForAll =
    "new_hosts = \"hold\"\n[[site]]\nname = \"all\"\ngateways = [\"edge\"]\n";

class PlacementTest : public testing::ServerTest {
 protected:
  PlacementTest() {
    const auto opened = placement.open();
    EXPECT_TRUE(opened) << opened.error().message;
    hub->place_by(placement);
  }
  core::Result<fleet::StoredPolicy> set(std::string_view text,
                                        std::optional<std::int64_t> made_from = std::nullopt) {
    return run(placement.set(access::Principal::system(), std::string(text), made_from));
  }
  link::RegionServer& connect_edge() {
    return hub->connect("edge", b, {{}, [] {}, 100, std::vector<std::string>{"192.0.2.9:7443"}});
  }
  static wire::LinkUp follower(int number, std::uint64_t link) {
    auto up = testing::link_up(host(number), link);
    up.mutable_hello()->set_follows(true);
    return up;
  }
  std::string gateway_of(int number) {
    const auto* endpoint = registry.find(host(number));
    return endpoint && endpoint->online() ? endpoint->connection->gateway : "";
  }

  Placement placement{loop, *database, registry,
                      [this](const std::string& name) { return hub->find(name); }};
};

TEST_F(PlacementTest, LoginAtTheServerIsSentToItsGateway) {
  add_hosts(2);
  ASSERT_TRUE(set(kEdgeForAll));
  auto& main = hub->connect("main", a);
  auto& edge = connect_edge();
  main.link_up(follower(0, 1));
  main.link_up(testing::link_up(host(1), 2));  // an agent that would not follow
  settle();
  ASSERT_THAT(a.admits, SizeIs(2));
  EXPECT_FALSE(a.admits[0].admitted());
  EXPECT_EQ(a.admits[0].goodbye().code(), wire::GOODBYE_MOVED);
  EXPECT_THAT(a.admits[0].goodbye().gateways(), ElementsAre("192.0.2.9:7443"));
  EXPECT_THAT(a.admits[0].goodbye().reason(), HasSubstr("edge"));
  EXPECT_TRUE(a.admits[1].admitted());
  EXPECT_EQ(registry.find(host(0))->name, "h-" + host(0).str().substr(0, 6))
      << "what it says of itself is known already";

  edge.link_up(follower(0, 1));
  settle();
  EXPECT_EQ(gateway_of(0), "edge");
  for (const auto& gateway : placement.gateways()) EXPECT_EQ(gateway.links, 1U) << gateway.name;
}

TEST_F(PlacementTest, GatewayThatIsGoneIsNobodysPlace) {
  add_hosts(1);
  ASSERT_TRUE(set(kEdgeForAll));
  auto& main = hub->connect("main", a);
  auto& edge = connect_edge();
  edge.link_up(follower(0, 1));
  settle();
  EXPECT_EQ(gateway_of(0), "edge");
  hub->disconnect("edge", b);
  main.link_up(follower(0, 1));
  settle();
  EXPECT_EQ(gateway_of(0), "main");
}

TEST_F(PlacementTest, UnknownAndRevokedAreRefusedAsEver) {
  add_hosts(1);
  ASSERT_TRUE(registry.revoke(host(0)));
  ASSERT_TRUE(set(kEdgeForAll));
  auto& main = hub->connect("main", a);
  connect_edge();
  main.link_up(follower(0, 1));
  main.link_up(follower(1, 2));
  settle();
  ASSERT_THAT(a.admits, SizeIs(2));
  EXPECT_EQ(a.admits[0].goodbye().code(), wire::GOODBYE_REVOKED);
  EXPECT_EQ(a.admits[1].goodbye().code(), wire::GOODBYE_UNKNOWN_ENDPOINT);
}

TEST_F(PlacementTest, DrainedGatewaysHostsAreToldToLeave) {
  add_hosts(1);
  hub->connect("main", a);
  auto& edge = connect_edge();
  edge.link_up(follower(0, 1));
  settle();
  ASSERT_TRUE(run(placement.drain(access::Principal::system(), "edge", true)));
  placement.start();
  testing::run_until(loop, [&] { return !b.kicks.empty(); });
  placement.stop();
  EXPECT_EQ(b.kicks[0].endpoint(), bytes_of(host(0)));
  EXPECT_EQ(b.kicks[0].goodbye().code(), wire::GOODBYE_MOVED);
  EXPECT_THAT(b.kicks[0].goodbye().gateways(), IsEmpty()) << "the server's own: it knows where";

  Placement again(loop, *database, registry, [](const std::string&) { return nullptr; });
  ASSERT_TRUE(again.open());
  ASSERT_THAT(again.gateways(), SizeIs(1));
  EXPECT_TRUE(again.gateways()[0].draining) << "it holds over a restart";
  ASSERT_TRUE(run(placement.drain(access::Principal::system(), "edge", false)));
  Placement third(loop, *database, registry, [](const std::string&) { return nullptr; });
  ASSERT_TRUE(third.open());
  EXPECT_THAT(third.gateways(), IsEmpty());
}

TEST_F(PlacementTest, PolicyIsKeptInVersions) {
  EXPECT_EQ(run(placement.stored(std::nullopt))->version, 0);
  EXPECT_EQ(set("")->version, 1);
  EXPECT_EQ(set(kEdgeForAll, 1)->version, 2);
  EXPECT_EQ(set("", 1).error().code, Code::kConflict) << "somebody else was quicker";
  const auto wrong = set("new_hosts = \"maybe\"");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::kInvalid);
  EXPECT_THAT(wrong.error().message, HasSubstr("line 1, column 13"));
  EXPECT_EQ(run(placement.stored(1))->text, "");
  EXPECT_EQ(run(placement.stored(2))->text, kEdgeForAll);
  EXPECT_EQ(run(placement.stored(7)).error().code, Code::kNotFound);
  EXPECT_THAT(*run(placement.versions()), SizeIs(2));
  EXPECT_EQ(placement.policy()->new_hosts, fleet::NewHosts::kHold);

  Placement again(loop, *database, registry, [](const std::string&) { return nullptr; });
  ASSERT_TRUE(again.open());
  EXPECT_EQ(again.policy()->sites.size(), 1U);
  for (int i = 0; i < fleet::kPolicyVersionsKept + 5; ++i) ASSERT_TRUE(set(""));
  EXPECT_EQ(run(placement.versions())->size(), std::size_t{fleet::kPolicyVersionsKept});
}

TEST_F(PlacementTest, HeldHostIsLinkedAndGetsNoWork) {
  ASSERT_TRUE(registry.add(host(0), {}, core::wall_now(), fleet::EndpointState::kHeld));
  auto& main = hub->connect("main", a);
  log_in(main, 1);
  EXPECT_TRUE(a.admits[0].admitted());
  EXPECT_EQ(gateway_of(0), "main");
  order(1);  // the API would not order it; the ledger has it as unreachable
  settle();
  EXPECT_THAT(a.dispatches, IsEmpty());

  ASSERT_TRUE(registry.approve(host(0)));
  EXPECT_EQ(registry.approve(host(0)).error().code, Code::kConflict);
  main.link_up(testing::link_up(host(0), 2));
  settle();
  order(1);
  EXPECT_THAT(a.dispatches, SizeIs(1));
}

}  // namespace
}  // namespace muster::server
