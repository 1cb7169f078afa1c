// SPDX-License-Identifier: Apache-2.0
#include "server/gateway_link.h"

#include "net/tests/fake_socket.h"
#include "server/tests/fixture.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;
using net::CloseCode;
using net::testing::FakeSocket;
using net::testing::SocketRecord;
using testing::bytes_of;
using ::testing::HasSubstr;
using testing::host;
using ::testing::SizeIs;

/// The bytes of a frame that no encoder would make.
std::string raw(unsigned kind, std::string_view body) {
  return std::string{static_cast<char>(kind >> 8), static_cast<char>(kind & 255)} +
         std::string(body);
}

wire::GatewayHello good_hello() {
  wire::GatewayHello hello;
  hello.set_version(wire::kVersion);
  hello.set_version_oldest(wire::kVersionOldest);
  hello.set_name("what it calls itself counts for nothing");
  hello.set_instance("0123456789abcdef");
  return hello;
}

class GatewayLinkTest : public testing::ServerTest {
 protected:
  GatewayLinkTest() { dial(); }
  ~GatewayLinkTest() override {
    link.reset();
    older.reset();
  }

  /// A gateway named "edge" has opened /region.
  void dial(core::Duration silence_max = GatewayLink::kSilenceMax) {
    socket = std::make_shared<SocketRecord>();
    link = std::make_unique<GatewayLink>(
        loop, *hub, "region", authority.authority().certificate(), "edge",
        std::make_unique<FakeSocket>(loop, socket),
        [this](GatewayLink& gone) { (&gone == link.get() ? link : older).reset(); }, silence_max);
    link->start();
  }
  void join() {
    socket->deliver(good_hello());
    EXPECT_THAT(socket->all<wire::GatewayWelcome>(), SizeIs(1));
  }
  /// That these bytes end the connection, with a reason that says what was wrong.
  void refuses(std::string_view bytes, const std::string& why) {
    socket->deliver(bytes);
    EXPECT_EQ(socket->closed, CloseCode::kPolicy) << why;
    EXPECT_THAT(socket->reason, HasSubstr(why));
    EXPECT_EQ(hub->find("edge"), nullptr) << why;
    const std::size_t sent = socket->sent.size();
    socket->deliver(good_hello());  // what follows is not even looked at
    EXPECT_EQ(socket->sent.size(), sent);
    settle();
    EXPECT_TRUE(socket->destroyed) << why;
    EXPECT_EQ(link, nullptr);
    dial();
  }
  template <std::derived_from<google::protobuf::MessageLite> Message>
  void refuses(const Message& message, const std::string& why) {
    refuses(std::string_view(wire::encode(message)), why);
  }

  std::shared_ptr<SocketRecord> socket;
  std::unique_ptr<GatewayLink> link, older;
};

TEST_F(GatewayLinkTest, WelcomesAGatewayByTheNameInItsCertificate) {
  EXPECT_EQ(hub->find("edge"), nullptr);
  join();
  EXPECT_EQ(hub->find("edge"), link.get());
  const auto welcome = socket->last<wire::GatewayWelcome>();
  EXPECT_EQ(welcome.version(), wire::kVersion);
  EXPECT_EQ(welcome.region(), "region");
  EXPECT_GT(welcome.admit_per_second(), 0U);
}

TEST_F(GatewayLinkTest, SpeaksTheOlderOfTwoVersions) {
  auto hello = good_hello();
  hello.set_version(wire::kVersion + 9);  // a newer gateway that still understands ours
  socket->deliver(hello);
  EXPECT_EQ(socket->last<wire::GatewayWelcome>().version(), wire::kVersion);
}

TEST_F(GatewayLinkTest, RefusesVersionsThatItDoesNotSpeak) {
  auto hello = good_hello();
  hello.set_version(wire::kVersionOldest - 1);
  refuses(hello, "no common protocol version");
  hello.set_version(wire::kVersion + 9);
  hello.set_version_oldest(wire::kVersion + 1);
  refuses(hello, "no common protocol version");
}

TEST_F(GatewayLinkTest, HelloComesFirstAndOnce) {
  refuses(testing::link_up(host(0), 1), "before GatewayHello");
  wire::RegionPing ping;
  refuses(raw(wire::REGION_PING, ping.SerializeAsString()), "before GatewayHello");
  join();
  refuses(good_hello(), "a second GatewayHello");
}

TEST_F(GatewayLinkTest, RefusesBytesThatAreNoFrame) {
  for (const bool joined : {false, true}) {
    const auto begin = [&] {
      if (joined) join();
    };
    begin();
    refuses("", "without a kind");
    begin();
    refuses("\x01", "without a kind");
    begin();
    refuses(raw(0, "x"), "unknown kind 0");
    begin();
    refuses(raw(29, ""), "unknown kind 29");
    begin();
    refuses(raw(0xffff, "anything"), "unknown kind 65535");
    begin();
    refuses(raw(wire::REGION_GATEWAY_HELLO, std::string(8193, 'x')), "8192 are allowed");
    begin();
    refuses(raw(wire::REGION_GATEWAY_HELLO, "\xff\xff\xff"), "malformed");
  }
}

TEST_F(GatewayLinkTest, RefusesMalformedAndOversizedMessagesOfEveryKind) {
  for (const auto kind : {wire::REGION_LINK_UP, wire::REGION_LINK_DOWN, wire::REGION_REPORTS,
                          wire::REGION_UPCALL, wire::REGION_NOTICE, wire::REGION_PING}) {
    join();
    refuses(raw(kind, "\x0f"), "malformed");  // field 1 with wire type 7, which there is not
    join();
    refuses(raw(kind, std::string(wire::body_bytes_max(kind) + 1, '\0')), "are allowed");
  }
}

TEST_F(GatewayLinkTest, RefusesWhatOnlyAServerSays) {
  for (const auto kind : {wire::REGION_GATEWAY_WELCOME, wire::REGION_ADMIT, wire::REGION_DISPATCH,
                          wire::REGION_CANCEL_RUN, wire::REGION_ACKS, wire::REGION_KICK,
                          wire::REGION_UPCALL_REPLY, wire::REGION_PONG}) {
    join();
    refuses(raw(kind, ""), "kind " + std::to_string(kind) + " is not a gateway's");
  }
}

// The limit of reports in a message stood in the protocol's page, but only gateways
// kept it: two million empty reports fitted in one frame.
TEST_F(GatewayLinkTest, RefusesTooManyReportsInOneMessage) {
  wire::Reports reports;
  for (std::size_t i = 0; i < wire::kReportsPerMessageMax; ++i) reports.add_reports();
  for (auto& report : *reports.mutable_reports()) report.set_endpoint(bytes_of(host(0)));
  join();
  socket->deliver(reports);
  EXPECT_FALSE(socket->closed);
  reports.add_reports()->set_endpoint(bytes_of(host(0)));
  refuses(reports, "4097 reports");
}

// Messages about no endpoint at all were dropped in silence.
TEST_F(GatewayLinkTest, RefusesEndpointsThatAreNone) {
  const auto refused = [&](auto message) {
    join();
    refuses(message, "an endpoint's id has 16 bytes");
  };
  wire::LinkUp up = testing::link_up(host(0), 1);
  up.set_endpoint("short");
  refused(up);
  wire::LinkDown down;
  refused(down);
  wire::Notice notice;
  notice.set_endpoint(std::string(17, 'x'));
  refused(notice);
  wire::Reports reports;
  reports.add_reports()->set_endpoint(bytes_of(host(0)));
  reports.add_reports();
  refused(reports);
  wire::UpcallUp upcall;
  upcall.set_endpoint("x");
  refused(upcall);
}

TEST_F(GatewayLinkTest, RefusesHelloOfNoAgent) {
  join();
  wire::LinkUp up = testing::link_up(host(0), 1, "an instance that is far too long");
  refuses(up, "Hello.instance must have 16 bytes");
  join();
  up = testing::link_up(host(0), 1);
  up.mutable_hello()->set_nonce(std::string(20'000, 'n'));
  refuses(up, "Hello.nonce must have 16 bytes");
  join();
  up = testing::link_up(host(0), 1);
  up.set_address(std::string(257, 'a'));
  refuses(up, "an address");
}

TEST_F(GatewayLinkTest, AnswersEachPing) {
  join();
  for (const std::uint64_t sequence : {1, 2, 77}) {
    wire::RegionPing ping;
    ping.set_sequence(sequence);
    socket->deliver(raw(wire::REGION_PING, ping.SerializeAsString()));
    const auto pong = wire::split_region_frame(socket->sent.back());
    ASSERT_TRUE(pong);
    EXPECT_EQ(pong->kind, wire::REGION_PONG);
    wire::RegionPing echoed;
    ASSERT_TRUE(wire::decode(pong->body, echoed));
    EXPECT_EQ(echoed.sequence(), sequence);
  }
}

TEST_F(GatewayLinkTest, CarriesALoginAndItsWorkBothWays) {
  add_hosts(1);
  join();
  socket->deliver(testing::link_up(host(0), 8));
  settle();
  EXPECT_TRUE(socket->last<wire::Admit>().admitted());
  EXPECT_EQ(socket->last<wire::Admit>().link(), 8U);
  const auto id = order(1);
  EXPECT_EQ(socket->last<wire::Dispatch>().run(), id.value());
  socket->deliver(testing::answer(host(0), id));
  testing::run_until(loop, [&] { return !socket->all<wire::Acks>().empty(); });
  EXPECT_EQ(socket->last<wire::Acks>().acks(0).run(), id.value());
  EXPECT_EQ(socket->last<wire::Acks>().acks(0).targets(), bytes_of(host(0)));
  socket->deliver(testing::link_down(host(0), 8));
  settle();
  EXPECT_EQ(registry.online(), 0U);
}

TEST_F(GatewayLinkTest, HelloWithNoAddressesOfAGatewayIsRefused) {
  auto hello = good_hello();
  hello.add_addresses("no port:at all");
  socket->deliver(hello);
  EXPECT_EQ(hub->find("edge"), nullptr);
}

TEST_F(GatewayLinkTest, StandsBesideTheGatewayOfThisProcess) {
  add_hosts(2);
  auto& main = hub->connect("main", a);
  join();
  main.link_up(testing::link_up(host(0), 1));
  socket->deliver(testing::link_up(host(1), 1));
  settle();
  order(2);
  ASSERT_THAT(a.dispatches, SizeIs(1));
  EXPECT_EQ(a.dispatches[0].targets(), bytes_of(host(0)));
  EXPECT_EQ(socket->last<wire::Dispatch>().targets(), bytes_of(host(1)));

  socket->break_off();
  EXPECT_EQ(link, nullptr);
  EXPECT_EQ(hub->find("edge"), nullptr);
  EXPECT_TRUE(registry.find(host(0))->online());
  EXPECT_FALSE(registry.find(host(1))->online());
}

TEST_F(GatewayLinkTest, NewerConnectionOfTheNameClosesTheOlder) {
  add_hosts(1);
  join();
  socket->deliver(testing::link_up(host(0), 1));
  settle();
  const auto first = socket;
  older = std::move(link);
  dial();
  EXPECT_FALSE(first->closed) << "not before its GatewayHello";
  join();
  EXPECT_EQ(first->closed, CloseCode::kPolicy);
  EXPECT_THAT(first->reason, HasSubstr("a newer gateway of this name"));
  EXPECT_EQ(registry.online(), 0U);
  settle();
  EXPECT_EQ(older, nullptr);
  EXPECT_EQ(hub->find("edge"), link.get()) << "the old link's end took the new one's seat";
}

TEST_F(GatewayLinkTest, SilenceEndsTheConnection) {
  for (const bool joined : {false, true}) {
    link.reset();
    dial(1ms);
    if (joined) socket->deliver(good_hello());
    testing::run_until(loop, [&] { return link == nullptr; });
    EXPECT_EQ(socket->closed, CloseCode::kPolicy);
    EXPECT_THAT(socket->reason, HasSubstr("silent for too long"));
    EXPECT_EQ(hub->find("edge"), nullptr);
  }
}

TEST_F(GatewayLinkTest, GatewayThatDoesNotReadIsGivenUp) {
  add_hosts(2);
  join();
  socket->deliver(testing::link_up(host(0), 1));
  settle();
  socket->full = true;
  socket->deliver(testing::link_up(host(1), 2));
  settle();  // the hub is in the middle of its change while send() fails
  testing::run_until(loop, [&] { return link == nullptr; });
  EXPECT_THAT(socket->reason, HasSubstr("does not read"));
  EXPECT_EQ(registry.online(), 0U);
}

TEST_F(GatewayLinkTest, RefusedGatewayIsToldWhyAndHearsNoMore) {
  join();
  link->close("this gateway is revoked");
  EXPECT_EQ(socket->closed, CloseCode::kPolicy);
  EXPECT_EQ(hub->find("edge"), nullptr);
  wire::Kick kick;
  link->kick(kick);
  link->close("for another reason");
  EXPECT_EQ(socket->reason, "this gateway is revoked");
  socket->deliver(testing::link_up(host(0), 1));
  settle();
  EXPECT_TRUE(socket->destroyed);
  EXPECT_EQ(link, nullptr);
}

// After a stall of the disk one commit acknowledged more results than fit in a frame,
// and the server aborted.
TEST_F(GatewayLinkTest, ManyAcknowledgementsTravelInSeveralFrames) {
  join();
  wire::Acks acks;
  for (std::uint64_t run = 1; run <= 30; ++run) {
    acks.add_acks()->set_run(run);
    acks.mutable_acks()->rbegin()->set_targets(std::string(160'000, 't'));
  }
  ASSERT_GT(acks.ByteSizeLong(), wire::kRegionFrameBytesMax);
  link->acks(acks);
  const auto parts = socket->all<wire::Acks>();
  EXPECT_THAT(parts, SizeIs(2));
  std::uint64_t run = 0;
  for (const auto& part : parts)
    for (const auto& ack : part.acks()) {
      EXPECT_EQ(ack.run(), ++run);
      EXPECT_EQ(ack.targets().size(), 160'000U);
    }
  EXPECT_EQ(run, 30U);
}

}  // namespace
}  // namespace muster::server
