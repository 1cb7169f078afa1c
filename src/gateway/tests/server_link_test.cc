// SPDX-License-Identifier: Apache-2.0
#include "gateway/server_link.h"

#include "gateway/tests/fixture.h"

namespace muster::gateway {
namespace {

using namespace std::chrono_literals;
using core::Code;
using net::testing::FakeSocket;
using net::testing::SocketRecord;
using testing::Agent;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string raw(unsigned kind, std::string_view body) {
  return std::string{static_cast<char>(kind >> 8), static_cast<char>(kind & 255)} +
         std::string(body);
}

class ServerLinkTest : public testing::GatewayFixture {
 protected:
  ServerLinkTest() { make(); }

  void make(ServerLink::Times times = {}) {
    gateway = std::make_unique<Gateway>(loop, GatewayOptions{authority.region(), "gw"});
    link = std::make_unique<ServerLink>(
        loop, std::vector{net::ServerAddress{"server.example", 7443}}, nullptr, *gateway, times);
    gateway->connect(*link);
  }
  /// A connection to the server, as keep_connected() dials it.
  void dial_server() {
    server = std::make_shared<SocketRecord>();
    link->take(std::make_unique<FakeSocket>(loop, server));
  }
  static wire::GatewayWelcome welcome() {
    wire::GatewayWelcome message;
    message.set_version(wire::kVersion);
    message.set_region("region");
    message.set_admit_per_second(500);
    return message;
  }
  void join() {
    dial_server();
    server->deliver(welcome());
    EXPECT_TRUE(link->connected());
  }
  void log_in(Agent& to_log_in, std::vector<std::uint64_t> finished = {}) {
    dial(loop, *gateway, to_log_in);
    to_log_in.hello(std::move(finished));
    server->deliver(admit(server->last<wire::LinkUp>()));
    EXPECT_THAT(to_log_in.socket->all<wire::Welcome>(), SizeIs(1));
  }
  /// That these bytes end the connection, with a reason.
  void refuses(std::string_view bytes, const std::string& why) {
    server->deliver(bytes);
    EXPECT_EQ(server->closed, net::CloseCode::kProtocolError) << why;
    EXPECT_THAT(server->reason, HasSubstr(why));
    settle();
    EXPECT_FALSE(link->connected());
    EXPECT_TRUE(server->destroyed);
  }

  std::shared_ptr<SocketRecord> server;
  std::unique_ptr<Gateway> gateway;
  std::unique_ptr<ServerLink> link;
  Agent agent{authority};
};

TEST_F(ServerLinkTest, SaysHelloAndWaitsForTheWelcome) {
  dial_server();
  const auto hello = server->last<wire::GatewayHello>();
  EXPECT_EQ(hello.name(), "gw");
  EXPECT_EQ(hello.version(), wire::kVersion);
  EXPECT_EQ(hello.instance().size(), 16U);
  EXPECT_EQ(wire::split_region_frame(server->sent[0])->kind, wire::REGION_GATEWAY_HELLO);
  EXPECT_FALSE(link->connected());
  dial(loop, *gateway, agent);
  agent.hello();
  EXPECT_EQ(agent.socket->last<wire::Goodbye>().code(), wire::GOODBYE_BUSY);
  EXPECT_THAT(server->all<wire::LinkUp>(), IsEmpty());
  server->deliver(welcome());
  EXPECT_TRUE(link->connected());
  EXPECT_EQ(link->why(), "");
  log_in(agent);
}

// What is wrong with a GatewayWelcome was found and then forgotten: a gateway of another
// version sat at a server that would never have it, without a word.
TEST_F(ServerLinkTest, RefusesWhatNoServerSays) {
  const auto after_welcome = [&](std::string_view bytes, const std::string& why) {
    join();
    refuses(bytes, why);
  };
  dial_server();
  refuses(wire::encode(wire::Acks{}), "before GatewayWelcome");
  dial_server();
  auto strange = welcome();
  strange.set_version(wire::kVersion + 1);
  refuses(wire::encode(strange), "no common protocol version");
  after_welcome(wire::encode(welcome()), "a second GatewayWelcome");
  after_welcome("", "without a kind");
  after_welcome(raw(29, ""), "unknown kind 29");
  after_welcome(raw(wire::REGION_KICK, std::string(8193, '\0')), "8192 are allowed");
  for (const auto kind : {wire::REGION_ADMIT, wire::REGION_DISPATCH, wire::REGION_CANCEL_RUN,
                          wire::REGION_ACKS, wire::REGION_KICK, wire::REGION_UPCALL_REPLY})
    after_welcome(raw(kind, "\x0f"), "malformed");
  for (const auto kind :
       {wire::REGION_GATEWAY_HELLO, wire::REGION_LINK_UP, wire::REGION_LINK_DOWN,
        wire::REGION_REPORTS, wire::REGION_UPCALL, wire::REGION_NOTICE, wire::REGION_PING})
    after_welcome(raw(kind, ""), "kind " + std::to_string(kind) + " is not a server's");
}

TEST_F(ServerLinkTest, ReportsAreCutIntoFramesThatFit) {
  join();
  wire::Reports reports;
  const std::string block(wire::kChunkBytesMax, 'x');
  for (std::uint64_t run = 1; run <= 200; ++run) {  // 12.5 MiB
    auto& chunk = *reports.add_reports()->mutable_chunk();
    chunk.set_run(run);
    chunk.set_data(block);
  }
  link->reports(reports);
  const auto parts = server->all<wire::Reports>();
  EXPECT_GE(parts.size(), 6U);
  EXPECT_LE(parts.size(), 8U);
  std::uint64_t run = 0;
  for (const auto& part : parts)
    for (const auto& report : part.reports()) EXPECT_EQ(report.chunk().run(), ++run);
  EXPECT_EQ(run, 200U);
  for (const auto& frame : server->sent) EXPECT_LE(frame.size(), wire::kRegionFrameBytesMax);
}

TEST_F(ServerLinkTest, AcknowledgementReachesItsEndpoint) {
  join();
  log_in(agent);
  agent.announce(7, "out");
  settle();
  EXPECT_EQ(server->last<wire::Reports>().reports(0).announce().run(), 7U);
  EXPECT_THAT(agent.acked(), IsEmpty()) << "nobody but the server acknowledges";
  server->deliver(acks(7, agent.bytes()));
  gateway->stop(1s);
  EXPECT_THAT(agent.acked(), ElementsAre(7U));
}

TEST_F(ServerLinkTest, ResultThatWasNotAcknowledgedIsSaidAgainToTheServerThatReturns) {
  join();
  log_in(agent);
  agent.announce(7, "said before the break");
  settle();
  server->break_off();
  EXPECT_FALSE(link->connected());
  EXPECT_FALSE(agent.socket->closed) << "links stay, so that work goes on";
  agent.announce(8, "said while there was no server");
  settle();
  EXPECT_THAT(agent.acked(), IsEmpty());

  join();  // the server is back and knows nothing of the links
  EXPECT_THAT(server->all<wire::Reports>(), IsEmpty()) << "nothing is repeated from memory";
  EXPECT_EQ(agent.socket->last<wire::Goodbye>().code(), wire::GOODBYE_BUSY);
  EXPECT_GT(agent.socket->last<wire::Goodbye>().retry_after_ms(), 0U);
  log_in(agent, {7, 8});
  EXPECT_EQ(server->last<wire::LinkUp>().hello().held_size(), 2);
  agent.announce(7);
  agent.announce(8);
  settle();
  EXPECT_EQ(server->last<wire::Reports>().reports_size(), 2);
  server->deliver(acks(7, agent.bytes()));
  server->deliver(acks(8, agent.bytes()));
  gateway->stop(1s);
  EXPECT_THAT(agent.acked(), ElementsAre(7U, 8U));
}

TEST_F(ServerLinkTest, AcknowledgementThatArrivedBeforeTheBreakIsStillPassedOn) {
  join();
  log_in(agent);
  server->deliver(acks(7, agent.bytes()));
  server->break_off();
  gateway->stop(1s);
  EXPECT_THAT(agent.acked(), ElementsAre(7U));
}

TEST_F(ServerLinkTest, WithoutAServerEndpointsAreSentElsewhereAfterAWhile) {
  ServerLink::Times times;
  times.patience = 1ms;
  make(times);
  join();
  log_in(agent);
  server->break_off();
  run_until([&] { return !agent.socket->all<wire::Goodbye>().empty(); });
  EXPECT_EQ(agent.socket->last<wire::Goodbye>().code(), wire::GOODBYE_BUSY);
  EXPECT_THAT(agent.socket->last<wire::Goodbye>().reason(), HasSubstr("lost its server"));
}

TEST_F(ServerLinkTest, SilentServerIsGivenUp) {
  ServerLink::Times times;
  times.heartbeat = times.silence_max = 1ms;
  make(times);
  join();
  run_until([&] { return server->closed.has_value(); });
  EXPECT_THAT(server->reason, HasSubstr("silent for too long"));
  settle();
  EXPECT_FALSE(link->connected());
}

TEST_F(ServerLinkTest, ServerThatDoesNotReadIsGivenUp) {
  join();
  log_in(agent);
  server->full = true;
  agent.announce(7);
  settle();
  EXPECT_THAT(server->reason, HasSubstr("does not read"));
  settle();
  EXPECT_FALSE(link->connected());
}

TEST_F(ServerLinkTest, RenewalIsAnsweredOnceWhateverHappens) {
  join();
  std::vector<core::Result<std::string>> answers;
  const auto keep = [&](core::Result<std::string> answer) { answers.push_back(std::move(answer)); };
  link->renew("a request", keep);
  const auto asked = server->last<wire::UpcallUp>();
  EXPECT_EQ(asked.upcall().name(), "certificate.renew");
  EXPECT_EQ(asked.endpoint(), "");
  wire::UpcallReplyDown reply;
  reply.mutable_reply()->set_body("a certificate");
  server->deliver(reply);
  server->deliver(reply);  // nobody asked
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(*answers[0], "a certificate");

  link->renew("a request", keep);
  reply.mutable_reply()->set_error_code("denied");
  reply.mutable_reply()->set_error("revoked\x1b[31m");
  server->deliver(reply);
  ASSERT_THAT(answers, SizeIs(2));
  EXPECT_EQ(answers[1].error().code, Code::kDenied);
  EXPECT_EQ(answers[1].error().message.find('\x1b'), std::string::npos);

  link->renew("a request", keep);
  server->break_off();
  ASSERT_THAT(answers, SizeIs(3));
  EXPECT_EQ(answers[2].error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace muster::gateway
