// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway.h"

#include "gateway/tests/fixture.h"

namespace muster::gateway {
namespace {

using namespace std::chrono_literals;
using testing::Agent;
using ::testing::ElementsAre;
using testing::FakeServer;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class GatewayTest : public testing::GatewayFixture {
 protected:
  GatewayTest() { make(); }
  void make(GatewayOptions options = {}) {
    options.region = authority.region();
    options.name = "gw";
    gateway = std::make_unique<Gateway>(loop, options);
    gateway->connect(server);
  }
  void log_in(Agent& agent, std::vector<std::uint64_t> finished = {}) {
    dial(loop, *gateway, agent);
    agent.hello(std::move(finished));
    ASSERT_FALSE(server.ups.empty());
    gateway->admit(admit(server.ups.back()));
    EXPECT_THAT(agent.socket->all<wire::Welcome>(), SizeIs(1));
  }
  /// To these agents, each on its newest link.
  wire::Dispatch dispatch(std::uint64_t run, const std::vector<const Agent*>& targets) {
    wire::Invoke invoke;
    invoke.set_run(run);
    invoke.mutable_ping();
    wire::Dispatch message;
    message.set_run(run);
    message.set_invoke(invoke.SerializeAsString());
    for (const Agent* agent : targets) {
      message.set_targets(message.targets() + agent->bytes());
      message.add_links(link_of(*agent));
    }
    return message;
  }
  /// As the server was told last; a number that no link has for somebody else.
  std::uint64_t link_of(const Agent& agent) const {
    std::uint64_t link = 999'999;
    for (const auto& up : server.ups)
      if (up.endpoint() == agent.bytes()) link = up.link();
    return link;
  }
  static std::uint64_t invoked(const Agent& agent) {
    wire::Invoke invoke;
    EXPECT_TRUE(invoke.ParseFromString(agent.socket->last<wire::SignedInvoke>().invoke()));
    return invoke.run();
  }
  void refused(Agent& agent) {
    dial(loop, *gateway, agent);
    EXPECT_TRUE(agent.socket->destroyed);
    EXPECT_THAT(server.ups, IsEmpty());
  }

  std::size_t chunks_told() {
    settle();
    std::size_t count = 0;
    for (const auto& batch : server.batches)
      for (const auto& report : batch.reports()) count += report.has_chunk();
    return count;
  }
  void server_took(std::uint64_t bytes) {
    wire::ChunksTaken message;
    message.set_bytes(bytes);
    gateway->chunks_taken(message);
  }
  /// All pieces of a result for which the agent has credit.
  static void send_granted(Agent& agent, std::uint64_t run, std::uint64_t& sent) {
    for (; sent + wire::kChunkBytesMax <= agent.granted(); sent += wire::kChunkBytesMax)
      agent.piece(run, sent);
  }

  FakeServer server;
  std::unique_ptr<Gateway> gateway;
  Agent one{authority}, two{authority};
};

TEST_F(GatewayTest, AsksTheServerAboutEachLogin) {
  dial(loop, *gateway, one);
  one.hello({41});
  ASSERT_THAT(server.ups, SizeIs(1));
  EXPECT_EQ(server.ups[0].endpoint(), one.bytes());
  EXPECT_EQ(server.ups[0].address(), "192.0.2.7");
  EXPECT_EQ(server.ups[0].certificate_serial(), one.certificate.serial());
  EXPECT_EQ(server.ups[0].hello().held(0).run(), 41U);
  EXPECT_THAT(one.socket->sent, IsEmpty());
  EXPECT_EQ(gateway->stats().links, 0U);

  auto wrong = admit(server.ups[0]);
  wrong.set_link(wrong.link() + 1);
  gateway->admit(wrong);  // of another link
  wrong = admit(server.ups[0]);
  wrong.set_endpoint(two.bytes());
  gateway->admit(wrong);  // of another machine
  EXPECT_THAT(one.socket->sent, IsEmpty());
  gateway->admit(admit(server.ups[0]));
  EXPECT_EQ(one.socket->last<wire::Welcome>().gateway(), "gw");
  EXPECT_EQ(gateway->stats().links, 1U);
}

TEST_F(GatewayTest, PassesTheServersRefusalOn) {
  dial(loop, *gateway, one);
  one.hello();
  auto refusal = admit(server.ups[0]);
  refusal.set_admitted(false);
  refusal.mutable_goodbye()->set_code(wire::GOODBYE_UNKNOWN_ENDPOINT);
  refusal.mutable_goodbye()->set_reason("enrol again");
  gateway->admit(refusal);
  EXPECT_EQ(one.socket->last<wire::Goodbye>().code(), wire::GOODBYE_UNKNOWN_ENDPOINT);
  EXPECT_EQ(one.socket->last<wire::Goodbye>().reason(), "enrol again");
  settle();
  EXPECT_TRUE(one.socket->destroyed);
  EXPECT_THAT(server.downs, IsEmpty()) << "the server has refused this link itself";
}

TEST_F(GatewayTest, LetsNobodyInWithoutACertificateOfAnEndpointOfThisRegion) {
  const auto other_region = identity::Authority::create(core::wall_now(), 24h);
  Agent stranger(other_region);
  refused(stranger);
  Agent server_like(authority);
  identity::LeafSpec spec;
  spec.role = identity::Role::kGateway;
  spec.name = "edge";
  spec.validity = 1h;
  server_like.certificate =
      authority.issue(server_like.key.public_key_der(), spec, core::wall_now()).value();
  refused(server_like);
  auto record = std::make_shared<net::testing::SocketRecord>();
  gateway->accept({}, std::make_unique<net::testing::FakeSocket>(loop, record));
  EXPECT_TRUE(record->destroyed) << "no certificate at all";
  EXPECT_EQ(gateway->stats().logins_refused, 3U);
}

TEST_F(GatewayTest, WhatArrivesInOneTurnTravelsInOneMessage) {
  log_in(one);
  log_in(two);
  one.started(1);
  two.announce(1, "two");
  one.announce(1, "one");
  EXPECT_THAT(server.batches, IsEmpty());
  settle();
  ASSERT_THAT(server.batches, SizeIs(1));
  const auto& reports = server.batches[0].reports();
  ASSERT_EQ(reports.size(), 3);
  EXPECT_TRUE(reports[0].has_started());
  EXPECT_EQ(reports[0].endpoint(), one.bytes());
  EXPECT_EQ(reports[1].endpoint(), two.bytes());
  EXPECT_EQ(reports[2].announce().stdout_inline(), "one");
  one.started(2);
  settle();
  EXPECT_THAT(server.batches, SizeIs(2));
}

TEST_F(GatewayTest, MessageHasAtMostSoManyReports) {
  log_in(one);
  for (std::uint64_t run = 1; run <= wire::kReportsPerMessageMax + 5; ++run) one.started(run);
  settle();
  ASSERT_THAT(server.batches, SizeIs(2));
  EXPECT_EQ(server.batches[0].reports_size(), static_cast<int>(wire::kReportsPerMessageMax));
  EXPECT_EQ(server.batches[1].reports_size(), 5);
  std::uint64_t run = 0;
  for (const auto& batch : server.batches)
    for (const auto& report : batch.reports()) EXPECT_EQ(report.started().run(), ++run);
}

TEST_F(GatewayTest, WhatALinkSaidComesBeforeItsEnd) {
  log_in(one);
  one.announce(7);
  one.socket->break_off();
  EXPECT_THAT(server.order, ElementsAre("up", "reports", "down"));
  EXPECT_EQ(server.downs[0].link(), server.ups[0].link());
  settle();
  EXPECT_THAT(server.batches, SizeIs(1));
}

TEST_F(GatewayTest, LargeResultWaitsForTheServersDiskAndSmallOnesPassIt) {
  constexpr std::size_t kAhead = link::kChunksAheadBytesMax / wire::kChunkBytesMax;
  log_in(one);
  log_in(two);
  one.announce_large(7, wire::kOutputBytesCeiling);
  std::uint64_t sent = 0;
  while (sent + wire::kChunkBytesMax <= one.granted()) send_granted(one, 7, sent);
  EXPECT_EQ(chunks_told(), kAhead);
  EXPECT_LE(sent, link::kCreditBudgetBytes);  // so much it keeps, and no more
  EXPECT_EQ(gateway->stats().result_bytes, link::kCreditBudgetBytes);
  two.announce(8);
  settle();
  EXPECT_EQ(server.batches.back().reports(0).announce().run(), 8U);
  EXPECT_EQ(chunks_told(), kAhead);
  server_took(2 * wire::kChunkBytesMax);
  EXPECT_EQ(chunks_told(), kAhead + 2);
}

TEST_F(GatewayTest, WhatALinkOrAServerLeavesBehindFreesItsCredit) {
  log_in(one);
  one.announce_large(7, wire::kOutputBytesCeiling);
  std::uint64_t sent = 0;
  while (sent + wire::kChunkBytesMax <= one.granted()) send_granted(one, 7, sent);
  one.socket->break_off();
  EXPECT_EQ(gateway->stats().result_bytes, link::kChunksAheadBytesMax);
  gateway->server_lost();
  EXPECT_EQ(gateway->stats().result_bytes, 0U);
  server_took(1'000'000);  // of an earlier connection
  EXPECT_EQ(gateway->stats().result_bytes, 0U);
}

TEST_F(GatewayTest, OrderGoesToEachTargetAndWhatCannotGoIsReported) {
  log_in(one);
  log_in(two);
  Agent away(authority);
  gateway->dispatch(dispatch(9, {&one, &away, &two}));
  EXPECT_EQ(invoked(one), 9U);
  EXPECT_EQ(invoked(two), 9U);
  settle();
  ASSERT_THAT(server.batches, SizeIs(1));
  ASSERT_EQ(server.batches[0].reports_size(), 1);
  EXPECT_EQ(server.batches[0].reports(0).endpoint(), away.bytes());
  EXPECT_EQ(server.batches[0].reports(0).not_sent().run(), 9U);
  gateway->cancel_run([&] {
    wire::CancelRun cancel;
    cancel.set_run(9);
    cancel.set_targets(two.bytes() + away.bytes());
    return cancel;
  }());
  EXPECT_EQ(two.socket->last<wire::Cancel>().run(), 9U);
  EXPECT_THAT(one.socket->all<wire::Cancel>(), IsEmpty());
}

TEST_F(GatewayTest, OrderForALinkThatIsNoMoreIsNotSentByANewerOne) {
  log_in(one);
  const auto late = dispatch(9, {&one});
  log_in(one);
  gateway->dispatch(late);
  EXPECT_THAT(one.socket->all<wire::SignedInvoke>(), IsEmpty());
  settle();
  EXPECT_EQ(server.batches.back().reports(0).not_sent().run(), 9U);
}

TEST_F(GatewayTest, OrderThatNamesTooFewLinksGoesNowhere) {
  log_in(one);
  log_in(two);
  auto cut = dispatch(9, {&one, &two});
  cut.mutable_links()->RemoveLast();
  gateway->dispatch(cut);
  EXPECT_THAT(one.socket->all<wire::SignedInvoke>(), IsEmpty());
  settle();
  ASSERT_EQ(server.batches.back().reports_size(), 2);
  EXPECT_THAT(server.batches.back().reports(0).not_sent().reason(), HasSubstr("a link for each"));
}

TEST_F(GatewayTest, AcknowledgementsWaitForCompany) {
  log_in(one);
  log_in(two);
  gateway->acks(acks(1, one.bytes() + two.bytes()));
  gateway->acks(acks(2, one.bytes()));
  EXPECT_THAT(one.acked(), IsEmpty());
  gateway->dispatch(dispatch(3, {&one}));  // company
  EXPECT_THAT(one.acked(), ElementsAre(1U, 2U));
  EXPECT_THAT(one.socket->all<wire::ResultAck>(), SizeIs(1));
  EXPECT_THAT(two.acked(), IsEmpty());
  gateway->stop(1s);  // no later than now
  EXPECT_THAT(two.acked(), ElementsAre(1U));
  EXPECT_THAT(one.acked(), SizeIs(2));
}

TEST_F(GatewayTest, AcknowledgementsDoNotWaitForEver) {
  GatewayOptions options;
  options.ack_delay = 1ms;
  make(options);
  log_in(one);
  gateway->acks(acks(1, one.bytes()));
  run_until([&] { return !one.acked().empty(); });
  gateway->acks(acks(2, one.bytes()));  // and the timer runs again
  run_until([&] { return one.acked().size() == 2; });
}

TEST_F(GatewayTest, ManyAcknowledgementsOfOneEndpointDoNotWait) {
  log_in(one);
  for (std::uint64_t run = 1; run <= 32; ++run) {
    EXPECT_THAT(one.acked(), IsEmpty());
    gateway->acks(acks(run, one.bytes()));
  }
  EXPECT_THAT(one.acked(), SizeIs(32));
}

TEST_F(GatewayTest, LargeResultIsAcknowledgedAtOnce) {
  log_in(one);
  wire::Announce large;
  large.set_run(5);
  large.set_outcome(wire::OUTCOME_SUCCEEDED);
  large.set_stdout_bytes(100'000);
  one.say(large);
  EXPECT_GT(one.socket->last<wire::Grant>().bytes(), 0U);
  gateway->acks(acks(4, one.bytes()));  // of another run, while the transfer goes on
  EXPECT_THAT(one.acked(), ElementsAre(4U));
}

TEST_F(GatewayTest, AcknowledgementForALinkThatIsGoneIsDropped) {
  log_in(one);
  gateway->acks(acks(1, one.bytes() + two.bytes() + "cut"));
  one.socket->break_off();
  log_in(one, {1});
  gateway->stop(1s);
  EXPECT_THAT(one.acked(), IsEmpty()) << "its new login says that it still holds the run";
}

TEST_F(GatewayTest, WithoutAServerNobodyIsLetInAndWorkGoesOn) {
  log_in(one);
  gateway->server_lost();
  dial(loop, *gateway, two);
  two.hello();
  EXPECT_EQ(two.socket->last<wire::Goodbye>().code(), wire::GOODBYE_BUSY);
  EXPECT_GT(two.socket->last<wire::Goodbye>().retry_after_ms(), 0U);
  EXPECT_THAT(server.ups, SizeIs(1));
  one.started(1);
  settle();
  EXPECT_THAT(server.batches, SizeIs(1));
  EXPECT_FALSE(one.socket->closed);

  gateway->server_found(0);
  EXPECT_EQ(one.socket->last<wire::Goodbye>().code(), wire::GOODBYE_BUSY);
  EXPECT_THAT(one.socket->last<wire::Goodbye>().reason(), HasSubstr("found its server again"));
  log_in(one, {1});
  EXPECT_EQ(server.ups.back().hello().held(0).run(), 1U);
}

TEST_F(GatewayTest, LoginsBeyondThePaceAreToldWhenToCome) {
  GatewayOptions options;
  options.logins_per_second = 1;
  make(options);
  log_in(one);
  dial(loop, *gateway, two);
  two.hello();
  EXPECT_EQ(two.socket->last<wire::Goodbye>().code(), wire::GOODBYE_BUSY);
  EXPECT_GT(two.socket->last<wire::Goodbye>().retry_after_ms(), 0U);
  EXPECT_EQ(gateway->stats().logins_paced, 1U);
}

TEST_F(GatewayTest, NewerLinkOfTheSameAgentTakesOver) {
  log_in(one);
  const auto old = one.socket;
  log_in(one);
  EXPECT_EQ(old->last<wire::Goodbye>().code(), wire::GOODBYE_REPLACED);
  EXPECT_THAT(server.order, ElementsAre("up", "down", "up"));
  EXPECT_EQ(gateway->stats().links, 1U);
}

TEST_F(GatewayTest, SecondLiveAgentWithTheSameKeyIsRefused) {
  log_in(one);
  const auto old = one.socket;
  dial(loop, *gateway, one);
  one.hello({}, "another instance");
  EXPECT_THAT(old->all<wire::Heartbeat>(), SizeIs(1));
  EXPECT_THAT(server.ups, SizeIs(1)) << "not before the older one had its time to answer";
  old->deliver(wire::HeartbeatAck{});
  gateway->start();  // which sweeps
  EXPECT_EQ(one.socket->last<wire::Goodbye>().code(), wire::GOODBYE_DUPLICATE);
  EXPECT_FALSE(old->closed);
  ASSERT_THAT(server.notices, SizeIs(1));
  EXPECT_EQ(server.notices[0].endpoint(), one.bytes());
  EXPECT_EQ(gateway->stats().duplicates, 1U);
}

TEST_F(GatewayTest, PlaceOfADeadLinkIsGivenAway) {
  log_in(one);
  const auto old = one.socket;
  dial(loop, *gateway, one);
  one.hello({}, "another instance");
  old->break_off();
  gateway->start();
  ASSERT_THAT(server.ups, SizeIs(2));
  gateway->admit(admit(server.ups[1]));
  EXPECT_THAT(one.socket->all<wire::Welcome>(), SizeIs(1));
}

TEST_F(GatewayTest, AnswerToAnUpcallNeverMeetsANewerLink) {
  log_in(one);
  wire::Upcall question;
  question.set_id(3);
  question.set_name("certificate.renew");
  one.say(question);
  ASSERT_THAT(server.upcalls, SizeIs(1));
  wire::UpcallReplyDown reply;
  reply.set_endpoint(one.bytes());
  reply.set_link(server.upcalls[0].link());
  reply.mutable_reply()->set_id(3);
  auto of_another = reply;
  of_another.set_endpoint(two.bytes());
  gateway->upcall_reply(of_another);
  EXPECT_THAT(one.socket->all<wire::UpcallReply>(), IsEmpty());
  gateway->upcall_reply(reply);
  EXPECT_EQ(one.socket->last<wire::UpcallReply>().id(), 3U);
  one.socket->break_off();
  log_in(one);
  gateway->upcall_reply(reply);
  EXPECT_THAT(one.socket->all<wire::UpcallReply>(), IsEmpty());
}

TEST_F(GatewayTest, KickEndsTheLinkWithItsReason) {
  log_in(one);
  wire::Kick kick;
  kick.set_endpoint(one.bytes());
  kick.mutable_goodbye()->set_code(wire::GOODBYE_REVOKED);
  kick.mutable_goodbye()->set_reason("revoked");
  gateway->kick(kick);
  EXPECT_EQ(one.socket->last<wire::Goodbye>().code(), wire::GOODBYE_REVOKED);
  EXPECT_THAT(server.downs, SizeIs(1));
  gateway->kick(kick);
  kick.set_endpoint("nobody");
  gateway->kick(kick);
  EXPECT_THAT(server.downs, SizeIs(1));
}

}  // namespace
}  // namespace muster::gateway
