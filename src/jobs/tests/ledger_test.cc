// SPDX-License-Identifier: Apache-2.0
#include "jobs/ledger.h"

#include "jobs/tests/test_sink.h"

namespace muster::jobs {
namespace {

using namespace std::chrono_literals;
using enum TargetState;

TEST(Ledger, NothingLeavesOrShowsBeforeItIsWritten) {
  LedgerHarness h;
  h.up(0);
  const auto run = h.create(2);
  h.ledger.flush(h.now());
  ASSERT_TRUE(h.sink.pending);
  EXPECT_EQ(h.dispatched(0), 0);
  EXPECT_FALSE(h.created);
  h.commit();
  EXPECT_TRUE(h.created && *h.created);
  EXPECT_EQ(h.dispatched(0), 1);
  EXPECT_EQ(h.state(0), kSent);
  EXPECT_EQ(h.state(1), kUnreachable);
  h.started(0, run);
  h.answer(0, run);
  EXPECT_EQ(h.sink.acked, 0u);
  h.ledger.flush(h.now());
  EXPECT_EQ(h.state(0), kSent);
  h.commit();
  EXPECT_EQ(h.state(0), kSucceeded);
  EXPECT_EQ(h.sink.acked, 1u);
  EXPECT_TRUE(h.sink.last.finished());
  EXPECT_EQ(h.sink.last.counts[kSucceeded], 1u);
  EXPECT_EQ(h.ledger.find(run), nullptr);
  h.answer(0, run);  // once more: acknowledged, counted, nothing else
  EXPECT_EQ(h.sink.acked, 2u);
  EXPECT_EQ(h.ledger.stats().results_late, 1u);
}

TEST(Ledger, ReconcilesAsTheProtocolSays) {
  LedgerHarness h;
  for (int i = 0; i < 4; ++i) h.up(i);
  const auto run = h.create(4);
  h.settle();
  for (int i = 0; i < 4; ++i) h.down(i);
  h.up(0, "instance A......");                               // same, not held: again
  h.up(1, "instance B......");                               // other, not held: unknown
  h.up(2, "instance A......", {{run, wire::HELD_RUNNING}});  // wait
  h.up(3, "instance A......", {{run, wire::HELD_FINISHED}});
  h.answer(3, run);
  h.settle();
  EXPECT_EQ(h.dispatched(0), 2);
  EXPECT_EQ(h.dispatched(1), 1);
  EXPECT_EQ(h.state(1), kUnknown);
  EXPECT_EQ(h.dispatched(2), 1);
  EXPECT_EQ(h.state(3), kSucceeded);
  h.answer(1, run);  // late: acknowledged, the state stays
  h.answer(0, run);
  h.answer(2, run, "", wire::OUTCOME_FAILED);
  h.settle();
  EXPECT_EQ(h.state(1), kUnknown);
  EXPECT_EQ(h.state(2), kFailed);
  EXPECT_EQ(h.sink.acked, 4u);
  EXPECT_EQ(h.ledger.stats().open_runs, 0u);
}

TEST(Ledger, NotSentIsProvedOnlyWhenNothingElseIsUnderWay) {
  LedgerHarness h;
  h.up(0);
  const auto run = h.create(1);
  h.settle();
  h.up(0);  // a newer link of the same process: sent again
  EXPECT_EQ(h.dispatched(0), 2);
  h.not_sent(0, run);  // the first never left; the second may have
  h.up(0, "instance B......");
  h.settle();
  EXPECT_EQ(h.state(0), kUnknown);
  EXPECT_EQ(h.dispatched(0), 2);

  LedgerHarness g;
  g.up(0);
  const auto other = g.create(1);
  g.settle();
  g.not_sent(0, other);
  g.down(0);
  g.up(0, "instance B......");  // proven unsent: a new process may have it
  g.settle();
  EXPECT_EQ(g.dispatched(0), 2);
  EXPECT_EQ(g.state(0), kSent);
}

TEST(Ledger, OrderNamesTheLinkAndTheProcessThatItIsFor) {
  LedgerHarness h;
  h.up(0);
  h.up(0, "instance B......");
  h.create(1);
  h.settle();
  const std::string target(endpoint_number(0).bytes());
  EXPECT_EQ(h.sink.last_link[target], 2U);
  EXPECT_EQ(h.sink.last_instance[target], "instance B......");
}

TEST(Ledger, WhatWaitsInTheQueue) {
  LedgerHarness h;
  auto spec = LedgerHarness::command();
  spec.queue_for = 1h;
  h.create(2, spec);
  h.settle();
  EXPECT_EQ(h.state(0), kQueued);
  h.pass(30min);
  h.up(0);
  h.settle();
  EXPECT_EQ(h.dispatched(0), 1);
  h.pass(31min);
  EXPECT_EQ(h.state(1), kExpired);
}

TEST(Ledger, SilenceEndsAtTheDeadline) {
  LedgerHarness h;
  h.up(0);
  h.up(1);
  auto spec = LedgerHarness::command();
  spec.limits.set_timeout_ms(60'000);
  h.create(2, spec);
  h.settle();
  h.down(0);
  h.pass(2min);
  EXPECT_EQ(h.state(0), kSent);
  h.pass(16s);
  EXPECT_EQ(h.state(0), kUnknown);
  EXPECT_EQ(h.state(1), kSent);  // connected: told to stop first
  EXPECT_EQ(h.sink.cancelled, 1u);
  h.pass(16s);
  EXPECT_EQ(h.state(1), kUnknown);
}

TEST(Ledger, CancelEndsWhatIsQueuedAndAsksTheRest) {
  LedgerHarness h;
  h.up(0);
  auto spec = LedgerHarness::command();
  spec.queue_for = 1h;
  const auto run = h.create(2, spec);
  h.settle();
  ASSERT_TRUE(h.ledger.cancel(run, "ann", "", h.now()));
  h.settle();
  EXPECT_EQ(h.state(1), kCancelled);
  EXPECT_EQ(h.state(0), kSent);
  EXPECT_EQ(h.sink.cancelled, 1u);
  EXPECT_EQ(h.sink.last.cancelled_by, "ann");
  h.answer(0, run);  // it had just succeeded
  h.settle();
  EXPECT_EQ(h.state(0), kSucceeded);
  EXPECT_EQ(h.ledger.cancel(run, "ann", "", h.now()).error().code, core::Code::kNotFound);
}

TEST(Ledger, AFullDiskLosesNothingAndRefusesNewRuns) {
  LedgerHarness h;
  h.up(0);
  const auto run = h.create(1);
  h.settle();
  h.answer(0, run);
  h.create(1);
  h.ledger.flush(h.now());
  h.commit(core::fail(core::Code::kUnavailable, "the disk is full"));
  ASSERT_TRUE(h.created);
  EXPECT_FALSE(*h.created);
  EXPECT_EQ(h.sink.acked, 0u);
  auto refused = h.ledger.create(make_run(LedgerHarness::command(), h.now().wall, 99).value(),
                                 std::vector{endpoint_number(0)}, "", "", h.now(), nullptr);
  EXPECT_EQ(refused.error().code, core::Code::kUnavailable);
  EXPECT_NE(refused.error().message.find("the disk is full"), std::string::npos);
  h.pass(2s);  // tried again, and there is room
  EXPECT_EQ(h.sink.acked, 1u);
  EXPECT_EQ(h.state(0, run), kSucceeded);
  EXPECT_EQ(h.ledger.storage_error(), "");
  h.create(1);
  h.settle();
  EXPECT_EQ(h.dispatched(0), 2);
}

TEST(Ledger, LargeResultsArriveInPieces) {
  LedgerHarness h;
  h.up(0);
  const auto run = h.create(1);
  h.settle();
  const std::string big(150'000, 'x');
  const auto announce = [&] {
    h.report(0, [&](wire::Report& r) {
      auto& a = *r.mutable_announce();
      a.set_run(run.value());
      a.set_outcome(wire::OUTCOME_SUCCEEDED);
      a.set_stdout_bytes(big.size());
      a.set_stderr_bytes(3);
    });
  };
  const auto chunk = [&](wire::Stream stream, std::size_t offset, std::string data) {
    h.report(0, [&](wire::Report& r) {
      auto& c = *r.mutable_chunk();
      c.set_run(run.value());
      c.set_stream(stream);
      c.set_offset(offset);
      c.set_data(std::move(data));
    });
  };
  announce();
  chunk(wire::STREAM_STDOUT, 0, big.substr(0, 50'000));
  h.up(0, "instance A......", {{run, wire::HELD_FINISHED}});  // the link broke: all anew
  chunk(wire::STREAM_STDOUT, 50'000, big.substr(0, 50'000));
  EXPECT_EQ(h.sink.kicked, 0u);
  announce();
  for (std::size_t at = 0; at < big.size(); at += 50'000)
    chunk(wire::STREAM_STDOUT, at, big.substr(at, 50'000));
  chunk(wire::STREAM_STDERR, 0, "err");
  h.ledger.flush(h.now());
  EXPECT_FALSE(h.sink.pending) << "final before its output is kept";
  ASSERT_TRUE(h.sink.storing);
  EXPECT_EQ(h.sink.storing->blocks.size(), 4u);
  h.store(core::fail(core::Code::kUnavailable, "full"));
  EXPECT_FALSE(h.sink.storing) << "again at once";
  h.ledger.tick({core::MonoTime(h.at + 1h), h.now().wall});
  ASSERT_TRUE(h.sink.storing);
  h.store();
  ASSERT_TRUE(h.sink.pending);
  ASSERT_EQ(h.sink.pending->rows.size(), 1u);
  EXPECT_TRUE(h.sink.pending->rows[0].target.is_stored_apart);
  EXPECT_EQ(h.sink.pending->rows[0].output_digest.size(), 32u);
  h.commit();
  EXPECT_EQ(h.state(0), kSucceeded);
  EXPECT_EQ(h.ledger.stats().pending_bytes, 0u);
}

TEST(Ledger, TooManyResultsForTheDiskComeAgainLater) {
  LedgerSettings settings;
  settings.pending_bytes_max = 1000;
  LedgerHarness h(settings);
  h.up(0);
  h.up(1);
  const auto run = h.create(2);
  h.settle();
  h.answer(0, run, std::string(900, 'x'));
  h.answer(1, run, std::string(900, 'x'));
  EXPECT_EQ(h.sink.kicked, 1u);
  h.settle();
  h.answer(1, run, std::string(900, 'x'));
  h.settle();
  EXPECT_EQ(h.state(1), kSucceeded);
}

TEST(Ledger, ARemovedEndpointEndsItsTargets) {
  LedgerHarness h;
  h.up(0);
  auto spec = LedgerHarness::command();
  spec.queue_for = 1h;
  h.create(2, spec);
  h.settle();
  h.ledger.endpoint_removed(endpoint_number(0), "revoked", h.now());
  h.ledger.endpoint_removed(endpoint_number(1), "revoked", h.now());
  h.settle();
  EXPECT_EQ(h.state(0), kUnknown);
  EXPECT_EQ(h.state(1), kUnreachable);
}

TEST(RunSpec, SaysWhatIsWrong) {
  const auto now = core::wall_from_unix_ms(1'800'000'000'000);
  const auto refused = [&](auto change) {
    auto spec = LedgerHarness::command();
    change(spec);
    const auto run = make_run(spec, now, 1);
    EXPECT_FALSE(run);
    return run ? "" : run.error().message;
  };
  EXPECT_NE(refused([](RunSpec& s) { s.argv.clear(); }), "");
  EXPECT_NE(refused([](RunSpec& s) { s.shell = "ls"; }), "");
  EXPECT_NE(refused([](RunSpec& s) { s.argv = {""}; }), "");
  EXPECT_NE(refused([](RunSpec& s) { s.argv.push_back(std::string("a\0b", 3)); }), "");
  EXPECT_NE(refused([](RunSpec& s) { s.environment = {"=x"}; }), "");
  EXPECT_NE(refused([](RunSpec& s) { s.directory = "tmp"; }), "");
  EXPECT_NE(refused([](RunSpec& s) { s.standard_input = std::string(300'000, 'x'); }), "");
  EXPECT_NE(refused([](RunSpec& s) { s.limits.set_memory_bytes(5); }), "");
  EXPECT_NE(refused([](RunSpec& s) { s.limits.set_output_bytes_max(1ULL << 40); }), "");
  EXPECT_NE(refused([](RunSpec& s) { s.queue_for = -1ms; }), "");
  EXPECT_NE(refused([](RunSpec& s) { s.kind = RunKind::kPing; }), "");
  const auto run = make_run(LedgerHarness::command(), now, 1).value();
  EXPECT_EQ(run.invoke.limits().timeout_ms(), 600'000u);
  EXPECT_EQ(run.invoke.run(), run.id.value());
}

}  // namespace
}  // namespace muster::jobs
