// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "fakes.h"
#include "link/clean.h"

namespace muster::link {
namespace {

using namespace testing;

struct Endpoint : ::testing::Test {
  FakeWork work;
  EndpointRuns runs{work, 2};
  FakeEndpointPort port;
  FakeOrders orders;
  EndpointSession session{port, runs, orders, 7};

  template <typename Message>
  void say(const Message& message, core::Duration when = 1s) {
    session.receive(wire::encode(message), at(when));
  }
  void say(const wire::Invoke& invoke, core::Duration when = 1s) {
    say(unsigned_order(invoke), when);
  }
  void welcome(std::uint32_t inline_max = 100) {
    session.start({.instance = "0123456789abcdef", .nonce = "n", .facts = {}}, at(0s));
    wire::Welcome message;
    message.set_version(1);
    message.set_heartbeat_ms(20'000);
    message.set_inline_result_bytes_max(inline_max);
    say(message, 0s);
    port.frames.clear();
  }
};

TEST_F(Endpoint, PingIsAnsweredAtOnceAndForgottenAfterAck) {
  welcome();
  wire::Invoke ping;
  ping.set_run(5);
  ping.mutable_ping();
  say(ping);
  const auto announce = port.only<wire::Announce>();
  EXPECT_EQ(announce.run(), 5U);
  EXPECT_EQ(announce.outcome(), wire::OUTCOME_SUCCEEDED);
  EXPECT_TRUE(announce.is_inline());
  EXPECT_TRUE(work.started.empty());
  wire::ResultAck ack;
  ack.add_runs(5);
  say(ack);
  EXPECT_TRUE(runs.all().empty());
}

TEST_F(Endpoint, DoesNothingWithoutAnOrder) {
  welcome();
  orders.why_not = "the order is not signed by this region's server";
  say(command(5));
  EXPECT_TRUE(work.started.empty());
  EXPECT_TRUE(runs.all().empty());
  const auto announce = port.only<wire::Announce>();
  EXPECT_EQ(announce.outcome(), wire::OUTCOME_REFUSED);
  EXPECT_EQ(announce.reason(), orders.why_not);

  orders.why_not.clear();
  say(command(5));
  ASSERT_EQ(work.started.size(), 1U);
  orders.why_not = "forged";
  say(command(5));  // what runs is not told off because somebody forges its order
  EXPECT_EQ(port.all<wire::Announce>().size(), 1U);
}

TEST_F(Endpoint, RemembersWhatItDidUntilTheOrderHasExpired) {
  welcome();
  say(command(5), 1s);
  runs.finished(core::RunId{5}, result("out"), at(1s));
  wire::ResultAck ack;
  ack.add_runs(5);
  say(ack, 2s);
  say(command(5), 60s);
  EXPECT_EQ(work.started.size(), 1U);
  // From here on the order itself is refused: the port stands for that.
  say(command(5), 62s);
  EXPECT_EQ(work.started.size(), 2U);
}

TEST_F(Endpoint, RefusesWorkRatherThanForgetWhatItDid) {
  welcome();
  wire::ResultAck ack;
  ack.add_runs(0);
  for (std::uint64_t run = 1; run <= kRecentRunsMax; ++run) {
    say(command(run));
    runs.finished(core::RunId{run}, result(""), at(1s));
    ack.set_runs(0, run);
    say(ack);
    port.frames.clear();
  }
  say(command(kRecentRunsMax + 1));
  EXPECT_EQ(work.started.size(), kRecentRunsMax);
  EXPECT_EQ(port.only<wire::Announce>().outcome(), wire::OUTCOME_REFUSED);
  say(command(kRecentRunsMax + 2), 100s);  // the old ones have expired
  EXPECT_EQ(work.started.size(), kRecentRunsMax + 1);
}

TEST_F(Endpoint, StartsARunOnceQueuesBeyondTheLimitAndAnnouncesFinishedAgain) {
  welcome();
  for (const std::uint64_t run : {1, 2, 3, 1, 3}) say(command(run));
  ASSERT_EQ(work.started.size(), 2U);
  runs.started(core::RunId{1});
  EXPECT_EQ(port.only<wire::Started>().run(), 1U);
  runs.finished(core::RunId{1}, result("out", "err"), at(2s));
  EXPECT_EQ(port.only<wire::Announce>().stdout_inline(), "out");
  EXPECT_EQ(work.started.size(), 3U);
  say(command(1));
  EXPECT_EQ(port.all<wire::Announce>().size(), 2U);
  EXPECT_EQ(work.started.size(), 3U);
}

TEST_F(Endpoint, QueuedWorkExpires) {
  welcome();
  say(command(1));
  say(command(2));
  wire::Invoke late = command(3);
  late.set_expires_in_ms(500);
  say(late);
  EXPECT_EQ(runs.deadline(), at(1500ms));
  runs.tick(at(1400ms));
  EXPECT_TRUE(port.all<wire::Announce>().empty());
  runs.tick(at(1500ms));
  EXPECT_EQ(port.only<wire::Announce>().outcome(), wire::OUTCOME_EXPIRED);
  EXPECT_EQ(runs.deadline(), core::MonoTime::max());
}

TEST_F(Endpoint, CancelFindsEachState) {
  welcome();
  for (const std::uint64_t run : {1, 2, 3}) say(command(run));
  wire::Cancel cancel;
  for (const std::uint64_t run : {1, 3, 9}) {  // running, queued, unknown
    cancel.set_run(run);
    say(cancel);
    say(cancel);
  }
  EXPECT_EQ(work.cancelled, std::vector{core::RunId{1}});
  const auto announces = port.all<wire::Announce>();
  ASSERT_EQ(announces.size(), 4U);  // 3 and 9, each twice
  for (const auto& announce : announces) EXPECT_EQ(announce.outcome(), wire::OUTCOME_CANCELLED);
  say(command(9));  // the Invoke comes after its Cancel
  EXPECT_EQ(work.started.size(), 2U);
}

TEST_F(Endpoint, RefusesWhatItCannotHold) {
  welcome();
  for (std::uint64_t run = 1; run <= wire::kHeldRunsMax; ++run) say(command(run));
  say(command(1000));
  auto announce = port.only<wire::Announce>();
  EXPECT_EQ(announce.run(), 1000U);
  EXPECT_EQ(announce.outcome(), wire::OUTCOME_REFUSED);
  EXPECT_EQ(runs.find(core::RunId{1000}), nullptr);
}

TEST_F(Endpoint, RefusesEmptyAndUnknownWork) {
  welcome();
  wire::Invoke odd;
  odd.set_run(1);
  say(odd);
  odd.set_run(2);
  odd.mutable_command();
  say(odd);
  for (const auto& announce : port.all<wire::Announce>())
    EXPECT_EQ(announce.outcome(), wire::OUTCOME_REFUSED);
  EXPECT_EQ(port.all<wire::Announce>().size(), 2U);
}

TEST_F(Endpoint, LargeResultsTravelByCreditStdoutFirst) {
  welcome(10);
  say(command(1));
  runs.finished(core::RunId{1}, result(std::string(100'000, 'o'), "errors"), at(2s));
  EXPECT_FALSE(port.only<wire::Announce>().is_inline());
  EXPECT_TRUE(port.all<wire::Chunk>().empty());
  wire::Grant grant;
  grant.set_run(1);
  grant.set_bytes(70'000);
  say(grant);
  EXPECT_EQ(port.all<wire::Chunk>().size(), 2U);
  port.backlog = kChunkBacklogBytesMax + 1;
  grant.set_bytes(1'000'000);
  say(grant);
  EXPECT_EQ(port.all<wire::Chunk>().size(), 2U);
  // Nobody told it when there was room: the rest waited for the next heartbeat.
  EXPECT_EQ(port.wants_below, kChunkBacklogBytesMax / 2);
  port.backlog = 0;
  session.drained(at(3s));
  std::string out, err;
  for (const auto& chunk : port.all<wire::Chunk>()) {
    std::string& to = chunk.stream() == wire::STREAM_STDOUT ? out : err;
    EXPECT_EQ(chunk.offset(), to.size());
    to += chunk.data();
  }
  EXPECT_EQ(out.size(), 100'000U);
  EXPECT_EQ(err, "errors");
}

struct FakeSource final : core::ByteSource {
  std::uint64_t size_in = 0;
  std::uint64_t readable = 0;
  std::uint64_t size() const override { return size_in; }
  core::Result<std::string> read(std::uint64_t offset, std::size_t bytes) const override {
    if (offset + bytes > readable) return core::fail(core::Code::kIo, "the disk is broken");
    return std::string(bytes, static_cast<char>('a' + offset % 26));
  }
};

TEST_F(Endpoint, WhatIsNotInMemoryIsReadWhenItsCreditComes) {
  welcome(10);
  say(command(1));
  const auto source = std::make_shared<FakeSource>();
  source->size_in = source->readable = 200'000;
  RunResult large = result("", "errors");
  large.stdout_source = source;
  runs.finished(core::RunId{1}, std::move(large), at(2s));
  const auto announce = port.only<wire::Announce>();
  EXPECT_FALSE(announce.is_inline());
  EXPECT_EQ(announce.stdout_bytes(), 200'000U);
  wire::Grant grant;
  grant.set_run(1);
  grant.set_bytes(1'000'000);
  say(grant);
  std::uint64_t out = 0;
  std::string err;
  for (const auto& chunk : port.all<wire::Chunk>()) {
    if (chunk.stream() == wire::STREAM_STDERR) {
      err += chunk.data();
      continue;
    }
    EXPECT_EQ(chunk.offset(), out);
    out += chunk.data().size();
  }
  EXPECT_EQ(out, 200'000U);
  EXPECT_EQ(err, "errors");
}

// It was announced with its size, so this link cannot tell it otherwise: the next one can.
TEST_F(Endpoint, OutputThatCannotBeReadAnyMoreIsLostNotTheResult) {
  welcome(10);
  say(command(1));
  const auto source = std::make_shared<FakeSource>();
  source->size_in = 200'000;
  source->readable = 100'000;
  RunResult large = result("");
  large.stdout_source = source;
  runs.finished(core::RunId{1}, std::move(large), at(2s));
  wire::Grant grant;
  grant.set_run(1);
  grant.set_bytes(1'000'000);
  say(grant);
  ASSERT_EQ(port.endings.size(), 1U);
  EXPECT_TRUE(session.is_closed());

  FakeEndpointPort port2;
  EndpointSession second(port2, runs, orders, 8);
  second.start({.instance = "0123456789abcdef", .nonce = "m", .facts = {}}, at(4s));
  wire::Welcome message;
  message.set_version(1);
  message.set_inline_result_bytes_max(10);
  second.receive(wire::encode(message), at(5s));
  const auto announce = port2.only<wire::Announce>();
  EXPECT_TRUE(announce.is_inline());
  EXPECT_EQ(announce.stdout_bytes(), 0U);
  EXPECT_EQ(announce.stdout_bytes_cut(), 200'000U);
  EXPECT_NE(announce.reason().find("the disk is broken"), std::string::npos);
}

TEST_F(Endpoint, ProgressTravelsWithoutBeingAskedFor) {
  welcome();
  say(command(1));
  runs.progress(core::RunId{1}, 42, "copying");
  runs.progress(core::RunId{2}, 1, "no such run");
  port.backlog = kLiveBacklogBytesMax + 1;
  runs.progress(core::RunId{1}, 43, "the socket is full");
  const auto output = port.only<wire::Output>();
  EXPECT_EQ(output.stream(), wire::STREAM_PROGRESS);
  EXPECT_EQ(output.percent(), 42U);
  EXPECT_EQ(output.data(), "copying");
  port.backlog = 0;
  port.frames.clear();
  runs.progress(core::RunId{1}, {}, std::string(1000, 'x') + "\xff");
  EXPECT_FALSE(port.only<wire::Output>().has_percent());
  EXPECT_LE(port.only<wire::Output>().data().size(), wire::kProgressTextBytesMax);
}

TEST_F(Endpoint, HeldRunsSurviveTheLink) {
  welcome();
  say(command(1));
  say(command(2));
  session.broken("reset");
  EXPECT_EQ(port.endings.at(0).code, wire::GOODBYE_NONE);
  runs.finished(core::RunId{1}, result("x"), at(3s));

  FakeEndpointPort port2;
  EndpointSession second(port2, runs, orders, 8);
  second.start({.instance = "0123456789abcdef", .nonce = "m", .facts = {}}, at(4s));
  const auto hello = port2.only<wire::Hello>();
  ASSERT_EQ(hello.held_size(), 2);
  EXPECT_EQ(hello.held(0).state(), wire::HELD_FINISHED);
  EXPECT_EQ(hello.held(1).state(), wire::HELD_RUNNING);
  wire::Welcome message;
  message.set_version(1);
  second.receive(wire::encode(message), at(5s));
  EXPECT_EQ(port2.only<wire::Announce>().run(), 1U);
}

TEST_F(Endpoint, BeatsWhenSilentAndNoticesADeadGateway) {
  welcome();
  const core::MonoTime beat = session.deadline();
  EXPECT_GE(beat, at(15s));
  EXPECT_LE(beat, at(20s));
  session.tick(beat);
  EXPECT_EQ(port.only<wire::Heartbeat>().sequence(), 1U);
  wire::HeartbeatAck ack;
  ack.set_sequence(1);
  ack.set_heartbeat_ms(60'000);
  session.receive(wire::encode(ack), beat);
  EXPECT_GT(session.deadline(), beat + 45s);
  core::MonoTime now = session.deadline();
  while (!session.is_closed() && now < beat + 10min) {
    session.tick(now);
    now = std::max(session.deadline(), now + 1ms);
  }
  EXPECT_EQ(port.endings.at(0).code, wire::GOODBYE_SILENT);
  EXPECT_EQ(port.all<wire::Heartbeat>().size(), 4U);
}

TEST_F(Endpoint, UpcallsEndByReplyTimeoutOrTheLinksEnd) {
  welcome();
  std::vector<std::string> ends;
  const auto note = [&](core::Result<std::string> r) {
    ends.push_back(r ? *r : std::string(core::name(r.error().code)));
  };
  for (int i = 0; i < 3; ++i) session.upcall("certificate.renew", "csr", 5s, at(1s), note);
  EXPECT_EQ(port.all<wire::Upcall>().size(), 3U);
  wire::UpcallReply reply;
  reply.set_id(1);
  reply.set_body("pem");
  say(reply, 2s);
  reply.set_id(2);
  reply.set_error_code("denied");
  say(reply, 2s);
  say(reply, 2s);
  session.tick(at(7s));
  session.upcall("x", "", 5s, at(8s), note);
  session.broken("gone");
  session.upcall("x", "", 5s, at(8s), note);
  EXPECT_EQ(ends,
            (std::vector<std::string>{"pem", "denied", "timeout", "unavailable", "unavailable"}));
}

TEST_F(Endpoint, EndsTheLinkOnNonsense) {
  welcome();
  session.receive("\xff\xff???", at(1s));
  EXPECT_EQ(port.only<wire::Goodbye>().code(), wire::GOODBYE_PROTOCOL);
  EXPECT_EQ(port.endings.size(), 1U);
  session.receive(wire::encode(unsigned_order(command(1))), at(2s));
  EXPECT_TRUE(work.started.empty());
}

TEST_F(Endpoint, LiveOutputIsDroppedWhenTheSocketIsFull) {
  welcome();
  wire::Invoke live = command(1);
  live.set_live_output(true);
  say(live);
  say(command(2));
  runs.output(core::RunId{1}, wire::STREAM_STDERR, 0, "abc");
  runs.output(core::RunId{2}, wire::STREAM_STDERR, 0, "not asked for");
  port.backlog = kLiveBacklogBytesMax + 1;
  runs.output(core::RunId{1}, wire::STREAM_STDERR, 3, "def");
  EXPECT_EQ(port.only<wire::Output>().data(), "abc");
}

TEST(Clean, MakesForeignTextValidAndBounded) {
  EXPECT_EQ(clean_text("grün", 100), "grün");
  EXPECT_EQ(clean_text("grün", 3), "gr");
  EXPECT_EQ(clean_text("a\xff"
                       "b",
                       100),
            "a\xEF\xBF\xBD"
            "b");
  wire::Facts facts;
  facts.set_hostname(std::string(5000, '\xfe'));
  for (int i = 0; i < 1000; ++i) facts.add_features("x");
  clean_facts(facts);
  EXPECT_LE(facts.hostname().size(), kFactBytesMax);
  EXPECT_EQ(facts.features_size(), static_cast<int>(kFactEntriesMax));
}

}  // namespace
}  // namespace muster::link
