// SPDX-License-Identifier: Apache-2.0
//
// A captured gateway has everything that passes through it, and time. It must not be able
// to invent, alter, retarget, delay past expiry or replay an order.
#include "region.h"

namespace muster::orders {
namespace {

using namespace testing;
using core::Code;

TEST(Merkle, EveryLeafIsFoundInTreesOfEverySize) {
  for (std::size_t size : {1, 2, 3, 4, 5, 7, 8, 9, 31, 33, 100}) {
    std::vector<core::Digest> leaves;
    for (std::size_t i = 0; i < size; ++i)
      leaves.push_back(leaf_of("0123456789abcdef", "fedcba9876543210", core::RunId(i + 1)));
    const Tree tree(leaves);
    const auto root = core::view(tree.root());
    for (std::size_t i = 0; i < size; ++i) {
      const std::string proof = tree.proof(i);
      EXPECT_TRUE(is_included(leaves[i], i, size, proof, root)) << i << " of " << size;
      EXPECT_FALSE(is_included(leaves[i], i, size, proof + std::string(32, 'x'), root));
      EXPECT_FALSE(is_included(leaves[i], size, size, proof, root));
      if (size == 1) continue;
      EXPECT_FALSE(is_included(leaves[(i + 1) % size], i, size, proof, root));
      EXPECT_FALSE(is_included(leaves[i], (i + 1) % size, size, proof, root));
      EXPECT_FALSE(is_included(leaves[i], i, size, proof.substr(0, proof.size() - 1), root));
      EXPECT_FALSE(is_included(leaves[i], i, size, "", root));
    }
  }
}

TEST(Merkle, InnerNodePassesForNoLeaf) {
  std::vector<core::Digest> leaves(4);
  for (std::size_t i = 0; i < 4; ++i)
    leaves[i] = leaf_of("0123456789abcdef", "fedcba9876543210", core::RunId(i + 1));
  const Tree tree(leaves);
  const Tree left({leaves[0], leaves[1]});
  const std::string proof = tree.proof(0).substr(32);
  EXPECT_FALSE(is_included(left.root(), 0, 4, proof, core::view(tree.root())));
}

TEST(Merkle, RefusesWhatIsNoListOfLeaves) {
  EXPECT_EQ(Tree::of("").error().code, Code::kInvalid);
  EXPECT_EQ(Tree::of(std::string(33, 'x')).error().code, Code::kInvalid);
}

TEST(Orders, HonestGatewayPassesThemOn) {
  Region region;
  std::vector<std::unique_ptr<Endpoint>> endpoints;
  std::vector<const Endpoint*> targets;
  for (int i = 0; i < 9; ++i) {
    endpoints.push_back(std::make_unique<Endpoint>(region, "endpoint " + std::to_string(i)));
    ASSERT_TRUE(endpoints.back()->log_in());
    targets.push_back(endpoints.back().get());
  }
  const auto invoke = command(7);
  auto message = dispatch(region, invoke, targets, at(10s));
  auto frames = OrderFrames::of(message).value();
  for (std::size_t i = 0; i < 9; ++i) {
    const auto until = endpoints[i]->guard.check(at_place(frames, i), invoke, at(11s));
    ASSERT_TRUE(until) << until.error().message;
    EXPECT_GE(*until, at(10s) + kTransitMax);
    EXPECT_LE(*until, at(10s) + kTransitMax + 30s);
  }
}

TEST(Orders, NothingIsInventedOrAltered) {
  Region region, foreign;
  Endpoint host(region, "host"), theirs(foreign, "host");
  const auto invoke = command(7);
  const auto good = order_for(region, invoke, {&host}, at(10s));
  EXPECT_EQ(host.guard.check(good, invoke, at(11s)).error().code, Code::kUnauthorized)
      << "before its ticket an endpoint does nothing";
  ASSERT_TRUE(host.log_in());
  ASSERT_TRUE(host.guard.check(good, invoke, at(11s)));

  wire::SignedInvoke bare;
  bare.set_invoke(invoke.SerializeAsString());
  EXPECT_FALSE(host.guard.check(bare, invoke, at(11s)));
  EXPECT_FALSE(host.guard.check(order_for(foreign, invoke, {&theirs}, at(10s)), invoke, at(11s)));

  const auto worse = command(7, "rm");
  auto altered = good;
  altered.set_invoke(worse.SerializeAsString());
  EXPECT_FALSE(host.guard.check(altered, worse, at(11s)));
  const auto other_run = command(8);
  altered.set_invoke(other_run.SerializeAsString());
  EXPECT_FALSE(host.guard.check(altered, other_run, at(11s)));

  wire::Order order;
  ASSERT_TRUE(order.ParseFromString(good.order()));
  order.set_expires_unix_ms(order.expires_unix_ms() + 3'600'000);
  altered = good;
  altered.set_order(order.SerializeAsString());
  EXPECT_FALSE(host.guard.check(altered, invoke, at(11s)));
  altered = good;
  altered.mutable_signature()->back() ^= 1;
  EXPECT_FALSE(host.guard.check(altered, invoke, at(11s)));
}

TEST(Orders, GatewaysOwnCertificateSignsNothing) {
  Region region;
  Endpoint host(region, "host");
  const Signer captured(region.authority.region(), region.key,
                        region.certify(identity::Role::kGateway, "gw"), kWall, at(0s));
  const auto taken = host.guard.take_ticket(captured.ticket(host.id.bytes(), host.nonce, at(1s)),
                                            host.nonce, at(0s), at(1s));
  EXPECT_EQ(taken.error().code, Code::kUnauthorized);
}

TEST(Orders, NothingIsAimedAtAnotherEndpoint) {
  Region region;
  Endpoint one(region, "one"), two(region, "two"), third(region, "third");
  for (Endpoint* endpoint : {&one, &two, &third}) ASSERT_TRUE(endpoint->log_in());
  const auto invoke = command(7);
  auto message = dispatch(region, invoke, {&one, &two}, at(10s));
  auto frames = OrderFrames::of(message).value();
  const auto first = at_place(frames, 0), second = at_place(frames, 1);
  EXPECT_TRUE(one.guard.check(first, invoke, at(11s)));
  EXPECT_TRUE(two.guard.check(second, invoke, at(11s)));
  EXPECT_FALSE(two.guard.check(first, invoke, at(11s)));
  EXPECT_FALSE(third.guard.check(first, invoke, at(11s)));
  EXPECT_FALSE(third.guard.check(second, invoke, at(11s)));
}

TEST(Orders, NothingIsReplayedToAnAgentThatStartedAnew) {
  Region region;
  Endpoint before(region, "host", 'a'), after(region, "host", 'b');
  ASSERT_TRUE(before.log_in());
  ASSERT_TRUE(after.log_in());
  const auto invoke = command(7);
  const auto order = order_for(region, invoke, {&before}, at(10s));
  EXPECT_TRUE(before.guard.check(order, invoke, at(11s)));
  EXPECT_FALSE(after.guard.check(order, invoke, at(12s)));
}

TEST(Orders, NothingIsDelayedPastItsExpiry) {
  Region region;
  Endpoint host(region, "host");
  ASSERT_TRUE(host.log_in());
  const auto invoke = command(7);
  const auto order = order_for(region, invoke, {&host}, at(10s));
  EXPECT_TRUE(host.guard.check(order, invoke, at(10s) + kTransitMax));
  EXPECT_EQ(host.guard.check(order, invoke, at(10s) + kTransitMax + 10s).error().code,
            Code::kTimeout);

  // A ticket that the gateway kept back makes orders expire sooner, never later.
  Endpoint slow(region, "host");
  ASSERT_TRUE(slow.guard.take_ticket(region.signer.ticket(slow.id.bytes(), slow.nonce, at(1s)),
                                     slow.nonce, at(0s), at(40s)));
  EXPECT_EQ(slow.guard.check(order, invoke, at(10s) + kTransitMax + 10s).error().code,
            Code::kTimeout);

  // Nor does the ticket of an earlier link turn the clock back.
  const auto old = region.signer.ticket(host.id.bytes(), host.nonce, at(0s));
  EXPECT_FALSE(host.guard.take_ticket(old, std::string(16, 'm'), at(100s), at(101s)));
  EXPECT_EQ(host.guard.check(order, invoke, at(102s)).error().code, Code::kTimeout);
}

TEST(Orders, TicketIsForOneEndpointAndOneSigner) {
  Region region, foreign;
  Endpoint host(region, "host"), other(region, "other");
  const auto take = [&](const wire::SignedTicket& ticket) {
    return host.guard.take_ticket(ticket, host.nonce, at(0s), at(1s)).has_value();
  };
  EXPECT_FALSE(take({}));
  EXPECT_FALSE(take(region.signer.ticket(other.id.bytes(), host.nonce, at(0s))));
  EXPECT_FALSE(take(foreign.signer.ticket(host.id.bytes(), host.nonce, at(0s))));
  auto ticket = region.signer.ticket(host.id.bytes(), host.nonce, at(0s));
  wire::Ticket inside;
  ASSERT_TRUE(inside.ParseFromString(ticket.ticket()));
  inside.set_server_unix_ms(inside.server_unix_ms() - 60'000);
  auto altered = ticket;
  altered.set_ticket(inside.SerializeAsString());
  EXPECT_FALSE(take(altered));
  EXPECT_TRUE(take(ticket));
}

TEST(Orders, SignatureOfOneKindPassesForNoOther) {
  Region region;
  Endpoint host(region, "host");
  ASSERT_TRUE(host.log_in());
  const auto ticket = region.signer.ticket(host.id.bytes(), host.nonce, at(0s));
  const auto invoke = command(7);
  auto message = order_for(region, invoke, {&host}, at(10s));
  message.set_order(ticket.ticket());
  message.set_signature(ticket.signature());
  EXPECT_EQ(host.guard.check(message, invoke, at(11s)).error().message,
            "the order is not signed by this region's server");
}

TEST(Orders, ServersClockDoesNotStep) {
  Region region;
  Endpoint host(region, "host");
  ASSERT_TRUE(host.log_in());
  // Whatever becomes of the wall clock: ten days later by the monotonic one.
  const auto invoke = command(7);
  const auto order = order_for(region, invoke, {&host}, at(240h));
  EXPECT_TRUE(host.guard.check(order, invoke, at(240h) + 1s));
}

TEST(Orders, PingNeedsNone) {
  Region region;
  Endpoint host(region, "host");
  wire::Invoke ping;
  ping.set_run(1);
  ping.mutable_ping();
  wire::SignedInvoke bare;
  bare.set_invoke(ping.SerializeAsString());
  EXPECT_TRUE(host.guard.check(bare, ping, at(0s)));
}

TEST(OrderFrames, RefusesListsOfDifferentLengths) {
  Region region;
  Endpoint one(region, "one"), two(region, "two");
  auto message = dispatch(region, command(7), {&one, &two}, at(10s));
  message.add_links(2);
  EXPECT_EQ(OrderFrames::of(message).error().code, Code::kInvalid);
  message.mutable_links()->Truncate(2);
  message.mutable_leaves()->resize(32);
  EXPECT_EQ(OrderFrames::of(message).error().code, Code::kInvalid);
}

TEST(OrderFrames, RefusesWorkThatIsTooLargeForALink) {
  Region region;
  Endpoint one(region, "one");
  auto message =
      dispatch(region, command(7, std::string(wire::body_bytes_max(wire::FRAME_INVOKE), 'x')),
               {&one}, at(10s));
  EXPECT_EQ(OrderFrames::of(message).error().code, Code::kLimit);
}

}  // namespace
}  // namespace muster::orders
