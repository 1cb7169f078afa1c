// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "fakes.h"

namespace muster::link {
namespace {

using namespace testing;

struct Gateway : ::testing::Test {
  GatewayShared shared{"region", "gw1"};
  FakeGatewayPort port;
  GatewaySession session{port, shared, at(0s)};

  template <typename Message>
  void say(const Message& message, core::Duration when = 1s) {
    session.receive(wire::encode(message), at(when));
  }
  void open() {
    say(good_hello(), 0s);
    session.admit({}, {}, at(0s));
    port.frames.clear();
  }
  wire::GoodbyeCode ended() const {
    return port.endings.size() == 1 ? port.endings[0].code : wire::GOODBYE_NONE;
  }
  wire::Announce large(std::uint64_t run, std::uint64_t bytes) {
    wire::Announce announce;
    announce.set_run(run);
    announce.set_outcome(wire::OUTCOME_FAILED);
    announce.set_stdout_bytes(bytes);
    return announce;
  }
  wire::Chunk piece(std::uint64_t run, std::uint64_t offset, std::size_t bytes) {
    wire::Chunk chunk;
    chunk.set_run(run);
    chunk.set_stream(wire::STREAM_STDOUT);
    chunk.set_offset(offset);
    chunk.set_data(std::string(bytes, 'x'));
    return chunk;
  }
};

TEST_F(Gateway, IsSmall) {
  EXPECT_LE(sizeof(GatewaySession), 96U);
}

TEST_F(Gateway, WelcomesAfterTheServersDecision) {
  say(good_hello());
  ASSERT_EQ(port.hellos.size(), 1U);
  EXPECT_TRUE(port.frames.empty());
  session.admit({}, {}, at(2s));
  const auto welcome = port.only<wire::Welcome>();
  EXPECT_EQ(welcome.gateway(), "gw1");
  EXPECT_EQ(welcome.heartbeat_ms(), 20'000U);
  EXPECT_TRUE(session.open());
}

TEST_F(Gateway, RefusesBadHellos) {
  for (int i = 0; i < 4; ++i) {
    FakeGatewayPort p;
    GatewaySession s(p, shared, at(0s));
    wire::Hello hello = good_hello();
    if (i == 0) hello.set_instance("short");
    if (i == 1) hello.add_held()->set_run(1);
    if (i == 2) hello.set_version(0);
    if (i == 3) hello.set_version_oldest(99);
    s.receive(wire::encode(hello), at(1s));
    EXPECT_TRUE(p.hellos.empty());
    ASSERT_EQ(p.endings.size(), 1U);
    EXPECT_EQ(p.endings[0].code, i < 2 ? wire::GOODBYE_PROTOCOL : wire::GOODBYE_VERSION);
    EXPECT_FALSE(p.only<wire::Goodbye>().reason().empty());
  }
}

TEST_F(Gateway, HoldsEachStateToItsDeadline) {
  EXPECT_EQ(session.deadline(), at(15s));
  session.tick(at(14s));
  EXPECT_TRUE(port.endings.empty());
  session.tick(at(15s));
  EXPECT_EQ(ended(), wire::GOODBYE_SILENT);

  FakeGatewayPort p;
  GatewaySession s(p, shared, at(0s));
  s.receive(wire::encode(good_hello()), at(1s));
  s.tick(at(31s));
  EXPECT_EQ(p.endings.at(0).code, wire::GOODBYE_BUSY);
  s.admit({}, {}, at(32s));
  EXPECT_FALSE(s.open());
}

TEST_F(Gateway, StretchesHeartbeatsAndNoticesSilence) {
  open();
  wire::Heartbeat beat;
  beat.set_sequence(1);
  say(beat, 18s);
  EXPECT_EQ(port.only<wire::HeartbeatAck>().heartbeat_ms(), 0U);
  say(beat, 61s);
  EXPECT_EQ(port.all<wire::HeartbeatAck>().back().heartbeat_ms(), 60'000U);
  EXPECT_EQ(session.deadline(), at(61s + 130s));
  shared.links = 30'000;
  say(beat, 120s);
  EXPECT_EQ(port.all<wire::HeartbeatAck>().back().heartbeat_ms(), 180'000U);
  session.tick(session.deadline());
  EXPECT_EQ(ended(), wire::GOODBYE_SILENT);
}

TEST_F(Gateway, EndsTheLinkOnFramesOutOfPlace) {
  open();
  say(good_hello());
  EXPECT_EQ(ended(), wire::GOODBYE_PROTOCOL);

  FakeGatewayPort p;
  GatewaySession s(p, shared, at(0s));
  s.receive(wire::encode(wire::Heartbeat{}), at(1s));
  EXPECT_EQ(p.endings.at(0).code, wire::GOODBYE_PROTOCOL);

  FakeGatewayPort p2;
  GatewaySession s2(p2, shared, at(0s));
  s2.receive(wire::encode(good_hello()), at(1s));
  s2.receive(wire::encode(wire::Welcome{}), at(1s));
  EXPECT_EQ(p2.endings.at(0).code, wire::GOODBYE_PROTOCOL);
}

TEST_F(Gateway, InlineResultsMustMatchTheirSizes) {
  open();
  wire::Announce announce = large(1, 3);
  announce.set_is_inline(true);
  announce.set_stdout_inline("abc");
  announce.set_reason(std::string(2000, 'r'));
  say(announce);
  ASSERT_EQ(port.announces.size(), 1U);
  EXPECT_EQ(port.announces[0].reason().size(), kReasonBytesMax);
  announce.set_stdout_bytes(4);
  say(announce);
  EXPECT_EQ(ended(), wire::GOODBYE_PROTOCOL);
}

TEST_F(Gateway, LargeResultsGetCreditAndCompleteInOrder) {
  open();
  say(large(1, 100'000));
  EXPECT_EQ(port.only<wire::Grant>().bytes(), 100'000U);
  EXPECT_EQ(shared.credit.in_flight_bytes(), 100'000U);
  say(piece(1, 0, 65'536));
  EXPECT_EQ(port.complete, 0);
  say(piece(1, 65'536, 100'000 - 65'536));
  EXPECT_EQ(port.complete, 1);
  EXPECT_EQ(port.chunks.size(), 100'000U);
  EXPECT_EQ(shared.credit.in_flight_bytes(), 0U);
  EXPECT_EQ(session.transfers(), 0U);
  say(piece(1, 0, 1));
  EXPECT_EQ(ended(), wire::GOODBYE_PROTOCOL);
}

TEST_F(Gateway, NeverGrantsMoreThanTwoSlicesToOneEndpoint) {
  open();
  say(large(1, 10 * kCreditSliceBytes));
  say(large(2, 10 * kCreditSliceBytes));
  EXPECT_EQ(shared.credit.in_flight_bytes(), 2 * kCreditSliceBytes);
  say(piece(1, 1, 10));  // a gap
  EXPECT_EQ(ended(), wire::GOODBYE_PROTOCOL);
  EXPECT_EQ(shared.credit.in_flight_bytes(), 0U);
}

TEST_F(Gateway, UnusedCreditEndsTheLink) {
  open();
  say(large(1, 100'000), 1s);
  wire::Heartbeat beat;
  say(beat, 50s);
  EXPECT_EQ(session.deadline(), at(61s));
  session.tick(at(61s));
  EXPECT_EQ(ended(), wire::GOODBYE_PROTOCOL);
}

TEST_F(Gateway, AnAckInMidTransferEndsItAndToleratesWhatCrossed) {
  open();
  say(large(1, 200'000));
  say(piece(1, 0, 65'536));
  wire::ResultAck ack;
  ack.add_runs(1);
  EXPECT_TRUE(session.send_message(ack));
  EXPECT_EQ(shared.credit.in_flight_bytes(), 0U);
  say(piece(1, 65'536, 65'536));
  EXPECT_EQ(port.chunks.size(), 65'536U);
  EXPECT_TRUE(port.endings.empty());
  session.tick(at(100s));  // forgets it; not a stall
  EXPECT_EQ(session.transfers(), 0U);
}

TEST_F(Gateway, BoundsUpcalls) {
  open();
  wire::Upcall upcall;
  upcall.set_name("x");
  for (std::uint64_t id = 1; id <= kUpcallsPendingMax; ++id) {
    upcall.set_id(id);
    say(upcall);
  }
  wire::UpcallReply reply;
  reply.set_id(1);
  EXPECT_TRUE(session.send_message(reply));
  say(upcall);
  EXPECT_TRUE(port.endings.empty());
  say(upcall);
  EXPECT_EQ(ended(), wire::GOODBYE_PROTOCOL);
}

TEST_F(Gateway, PassesNothingUnlessOpen) {
  EXPECT_FALSE(session.pass(wire::encode(unsigned_order(command(1)))));
  open();
  EXPECT_TRUE(session.pass(wire::encode(unsigned_order(command(1)))));
  wire::Invoke huge = command(2);
  huge.mutable_command()->set_stdin(std::string(wire::kCommandBytesMax * 2, 'x'));
  EXPECT_EQ(session.send_message(unsigned_order(huge)).error().code, core::Code::kLimit);
  session.goodbye(wire::GOODBYE_REVOKED, "revoked");
  EXPECT_FALSE(session.pass(wire::encode(unsigned_order(command(1)))));
  EXPECT_EQ(port.only<wire::Goodbye>().code(), wire::GOODBYE_REVOKED);
}

struct Client final : CreditClient {
  CreditWindow* window = nullptr;
  std::uint64_t want = 0, got = 0;
  std::uint64_t take_credit(std::uint64_t bytes_max) override {
    const std::uint64_t bytes = std::min(want, bytes_max);
    want -= bytes;
    got += bytes;
    if (want > 0) window->enter(*this);
    return bytes;
  }
};

TEST(CreditWindow, ServesInTurnWithinItsBudget) {
  CreditWindow window(40, 10);
  Client a, b;
  a.window = b.window = &window;
  a.want = 100;
  b.want = 15;
  window.hold(40);
  window.enter(a);
  window.enter(b);
  EXPECT_EQ(window.in_flight_bytes(), 40U);  // what is held leaves no room
  window.returned(40);
  EXPECT_EQ(a.got, 20U);
  EXPECT_EQ(b.got, 15U);
  EXPECT_EQ(window.in_flight_bytes(), 35U);
  window.returned(4);
  EXPECT_EQ(a.got, 20U);  // whole slices only
  window.returned(31);
  EXPECT_EQ(a.got, 60U);
  window.leave(a);
  window.returned(40);
  EXPECT_EQ(window.in_flight_bytes(), 0U);
}

}  // namespace
}  // namespace muster::link
