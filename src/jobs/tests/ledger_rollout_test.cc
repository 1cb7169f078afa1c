// SPDX-License-Identifier: Apache-2.0
//
// Waves, ceilings, thresholds, pauses, stops and repeats, rule by rule.
#include <gmock/gmock.h>

#include "jobs/ledger.h"
#include "jobs/run_store.h"
#include "jobs/tests/test_sink.h"
#include "store/database.h"

namespace muster::jobs {
namespace {

using namespace std::chrono_literals;
using enum TargetState;
using ::testing::HasSubstr;

class LedgerRollout : public ::testing::Test {
 protected:
  /// Waves that end at these slots.
  static RolloutPlan plan() {
    RolloutPlan plan;
    plan.waves = {{WaveRule::Kind::kCount, 1, {}, {}}};
    return plan;
  }
  core::RunId create(std::vector<std::uint32_t> ends, RolloutPlan plan, RunSpec spec) {
    auto run = make_run(spec, h.now().wall, ++h.random).value();
    Rollout rollout{std::move(plan), {}};
    for (const auto end : ends) rollout.waves.push_back({"to " + std::to_string(end), end});
    run.rollout = std::make_shared<const Rollout>(std::move(rollout));
    h.latest = run.id;
    std::vector<core::EndpointId> targets;
    for (std::uint32_t i = 0; i < ends.back(); ++i)
      targets.push_back(endpoint_number(static_cast<int>(i)));
    EXPECT_TRUE(h.ledger.create(std::move(run), targets, "", "", h.now(),
                                [](core::Status made) { EXPECT_TRUE(made); }));
    h.settle();
    return h.latest;
  }
  core::RunId create(std::vector<std::uint32_t> ends, RolloutPlan plan) {
    return create(std::move(ends), std::move(plan), LedgerHarness::command());
  }
  void up_to(int count) {
    for (int i = 0; i < count; ++i) h.up(i);
  }
  void answer(int first, int last, wire::Outcome outcome = wire::OUTCOME_SUCCEEDED) {
    for (int i = first; i <= last; ++i) h.answer(i, h.latest, "hi\n", outcome);
    h.settle();
  }
  /// How many have been sent to, of those that were created.
  int sent() {
    int count = 0;
    for (const auto& [target, times] : h.sink.dispatched) count += times > 0;
    return count;
  }
  std::string reason(int number) { return h.sink.reasons[{h.latest, endpoint_number(number)}]; }
  const Progress& progress() { return h.sink.last.progress; }

  LedgerHarness h;
};

TEST_F(LedgerRollout, AWaveBeginsWhenTheOneBeforeIsFinal) {
  up_to(6);
  create({1, 3, 6}, plan());
  EXPECT_EQ(sent(), 1);
  EXPECT_EQ(h.state(1), kQueued);
  answer(0, 0);
  EXPECT_EQ(sent(), 3);
  answer(2, 2);
  EXPECT_EQ(sent(), 3);
  EXPECT_EQ(progress().wave, 1u);
  answer(1, 1);
  EXPECT_EQ(sent(), 6);
  answer(3, 5);
  EXPECT_TRUE(h.sink.last.finished());
  EXPECT_EQ(h.sink.last.counts[kSucceeded], 6u);
}

TEST_F(LedgerRollout, NeverMoreThanTheCeilingAtATime) {
  up_to(10);
  RolloutPlan only;
  only.parallel_max = 3;
  create({10}, only);
  EXPECT_EQ(sent(), 3);
  answer(1, 1);
  EXPECT_EQ(sent(), 4);
  answer(0, 0);
  answer(2, 3);
  EXPECT_EQ(sent(), 7);
  answer(4, 9);
  answer(7, 9);
  EXPECT_TRUE(h.sink.last.finished());
}

// A target that comes online while the ceiling is reached waits for room, also beyond its
// queue time: it is not the one that is late.
TEST_F(LedgerRollout, WhoComesBackWaitsForRoom) {
  h.up(0);
  RolloutPlan only;
  only.parallel_max = 1;
  auto spec = LedgerHarness::command();
  spec.queue_for = 60s;
  create({3}, only, spec);
  EXPECT_EQ(sent(), 1);
  h.up(1);
  h.settle();
  EXPECT_EQ(sent(), 1);
  h.pass(61s);
  EXPECT_EQ(h.state(1), kQueued);
  EXPECT_EQ(h.state(2), kQueued) << "its turn had not come, so nothing had looked at it";
  answer(0, 0);
  EXPECT_EQ(sent(), 2);
  EXPECT_EQ(h.state(1), kSent);
  answer(1, 1);
  h.pass(1s);
  EXPECT_EQ(h.state(2), kExpired);
  EXPECT_TRUE(h.sink.last.finished());
}

TEST_F(LedgerRollout, OfflineTargetsAreUnreachableWhenTheirWaveBegins) {
  h.up(0);
  create({1, 2}, plan());
  h.pass(1h);
  EXPECT_EQ(h.state(1), kQueued) << "its wave has not begun";
  h.up(0, "instance A......", {{h.latest, wire::HELD_RUNNING}});
  answer(0, 0);
  EXPECT_EQ(h.state(1), kQueued) << "it has a moment to come";
  h.pass(12s);
  EXPECT_EQ(h.state(1), kUnreachable);
  EXPECT_THAT(reason(1), HasSubstr("offline when its wave began"));
}

TEST_F(LedgerRollout, QueueTimeCountsFromTheBeginOfTheWave) {
  h.up(0);
  auto spec = LedgerHarness::command();
  spec.queue_for = 600s;
  create({1, 2}, plan(), spec);
  h.pass(500s);
  answer(0, 0);
  h.pass(500s);
  EXPECT_EQ(h.state(1), kQueued);
  h.up(1);
  h.settle();
  EXPECT_EQ(h.state(1), kSent);
}

TEST_F(LedgerRollout, TooManyFailuresStopIt) {
  up_to(9);
  auto two = plan();
  two.failures_max = 2;
  create({4, 9}, two);
  answer(0, 1, wire::OUTCOME_FAILED);
  h.answer(2, h.latest, "", wire::OUTCOME_TIMED_OUT);
  h.settle();
  ASSERT_TRUE(progress().stopped);
  EXPECT_EQ(progress().stopped->reason, "3 of 9 failed, 2 are allowed");
  EXPECT_EQ(progress().stopped->by, kByRollout);
  EXPECT_EQ(h.state(3), kSent) << "what was sent goes on";
  EXPECT_EQ(h.state(4), kCancelled);
  EXPECT_EQ(reason(4), "stopped before it was sent: 3 of 9 failed, 2 are allowed");
  EXPECT_FALSE(h.sink.last.finished());
  EXPECT_EQ(h.ledger.pause(h.latest, "anne", "", h.now()).error().code, core::Code::kConflict);
  answer(3, 3);
  EXPECT_TRUE(h.sink.last.finished());
  EXPECT_EQ(sent(), 4);
}

TEST_F(LedgerRollout, APercentageIsOfEachWave) {
  up_to(13);
  auto tenth = plan();
  tenth.failures_percent_max = 50;
  create({1, 3, 13}, tenth);
  answer(0, 0);
  answer(1, 1, wire::OUTCOME_FAILED);
  answer(2, 2);
  EXPECT_EQ(sent(), 13) << "one of two is what is allowed";
  answer(3, 7, wire::OUTCOME_FAILED);
  EXPECT_FALSE(progress().stopped) << "the failure of the wave before does not count";
  answer(8, 8, wire::OUTCOME_FAILED);
  ASSERT_TRUE(progress().stopped);
  EXPECT_EQ(progress().stopped->reason, "6 of 10 in wave 3 failed, 50% are allowed");
}

TEST_F(LedgerRollout, UnreachableIsNoFailure) {
  up_to(1);
  auto none = plan();
  none.failures_max = 0;
  create({2, 3}, none);
  answer(0, 0);
  EXPECT_FALSE(progress().stopped);
  EXPECT_EQ(progress().wave, 1u);
}

TEST_F(LedgerRollout, UnreachableIsAFailureWhereThePlanSaysSo) {
  up_to(1);
  auto none = plan();
  none.failures_max = 0;
  none.count_unreachable = true;
  create({2, 3}, none);
  ASSERT_TRUE(progress().stopped);
  EXPECT_EQ(h.state(2), kCancelled);
}

TEST_F(LedgerRollout, FailuresPauseItAndAResumeForgivesThem) {
  up_to(6);
  auto one = plan();
  one.failures_max = 1;
  one.on_failures = OnFailures::kPause;
  create({2, 4, 6}, one);
  answer(0, 1, wire::OUTCOME_FAILED);
  ASSERT_TRUE(progress().paused);
  EXPECT_EQ(progress().paused->reason, "2 of 6 failed, 1 is allowed");
  EXPECT_EQ(sent(), 2);
  h.pass(24h);
  EXPECT_EQ(h.state(2), kQueued);
  ASSERT_TRUE(h.ledger.resume(h.latest, "anne", h.now()));
  h.settle();
  EXPECT_FALSE(progress().paused);
  EXPECT_EQ(sent(), 4);
  answer(2, 2, wire::OUTCOME_FAILED);
  EXPECT_FALSE(progress().paused) << "one more is allowed";
  answer(3, 3, wire::OUTCOME_FAILED);
  EXPECT_TRUE(progress().paused);
  ASSERT_TRUE(h.ledger.cancel(h.latest, "anne", "", h.now()));
  h.settle();
  EXPECT_TRUE(h.sink.last.finished());
  EXPECT_EQ(h.sink.last.counts[kCancelled], 2u);
}

TEST_F(LedgerRollout, SomebodyBeginsEachWave) {
  up_to(3);
  auto asked = plan();
  asked.pause_between = true;
  create({1, 2, 3}, asked);
  answer(0, 0);
  ASSERT_TRUE(progress().paused);
  EXPECT_EQ(progress().paused->reason, "wave 1 of 3 is done");
  EXPECT_EQ(sent(), 1);
  ASSERT_TRUE(h.ledger.resume(h.latest, "anne", h.now()));
  h.settle();
  EXPECT_EQ(sent(), 2);
  EXPECT_EQ(h.ledger.resume(h.latest, "anne", h.now()).error().code, core::Code::kConflict);
  answer(1, 1);
  EXPECT_EQ(sent(), 2);
  ASSERT_TRUE(h.ledger.resume(h.latest, "anne", h.now()));
  h.settle();
  answer(2, 2);
  EXPECT_TRUE(h.sink.last.finished());
}

TEST_F(LedgerRollout, WavesWaitForTheirTime) {
  up_to(2);
  auto slow = plan();
  slow.wait_between = 60s;
  create({1, 2}, slow);
  answer(0, 0);
  h.pass(59s);
  EXPECT_EQ(sent(), 1);
  h.pass(1s);
  EXPECT_EQ(sent(), 2);
}

TEST_F(LedgerRollout, APauseHoldsWhatWasNotSentAtOnce) {
  up_to(2);
  const auto run = h.create(3, LedgerHarness::command());
  h.ledger.flush(h.now());  // on its way to the disk
  ASSERT_TRUE(h.ledger.pause(run, "anne", "a look", h.now()));
  h.settle();
  EXPECT_EQ(sent(), 0);
  EXPECT_EQ(h.state(0), kQueued);
  ASSERT_TRUE(progress().paused);
  EXPECT_EQ(progress().paused->by, "anne");
  ASSERT_TRUE(h.ledger.resume(run, "anne", h.now()));
  h.settle();
  EXPECT_EQ(sent(), 2);
  EXPECT_EQ(h.dispatched(0), 1);
}

// Paused, its link lost, back without the order: proven that it never arrived, but the
// pause holds.
TEST_F(LedgerRollout, APauseHoldsRepeatsToo) {
  up_to(1);
  const auto run = h.create(1);
  h.settle();
  ASSERT_TRUE(h.ledger.pause(run, "anne", "", h.now()));
  h.down(0);
  h.up(0);
  h.settle();
  EXPECT_EQ(h.dispatched(0), 1);
  h.pass(24h);
  EXPECT_EQ(h.state(0), kSent);
  ASSERT_TRUE(h.ledger.resume(run, "anne", h.now()));
  h.settle();
  EXPECT_EQ(h.dispatched(0), 2);
}

TEST_F(LedgerRollout, StopAllCancelsEverythingAndRefusesMore) {
  up_to(3);
  create({1, 3}, plan());
  const auto second = h.create(2);  // not on the disk yet
  const auto before = sent();
  h.ledger.stop_all({"anne", "wrong package", h.now().wall}, h.now());
  EXPECT_EQ(h.sink.cancelled, 1u) << "at once, not after the disk";
  h.settle();
  EXPECT_EQ(sent(), before);
  EXPECT_EQ(h.state(0, second), kCancelled);
  EXPECT_EQ(h.state(1), kCancelled);
  auto run = make_run(LedgerHarness::command(), h.now().wall, 77).value();
  const core::EndpointId target = endpoint_number(0);
  const auto refused = h.ledger.create(run, {&target, 1}, "", "", h.now(), nullptr);
  EXPECT_EQ(refused.error().code, core::Code::kConflict);
  EXPECT_THAT(refused.error().message, HasSubstr("by anne: wrong package"));
  h.ledger.lift_stop();
  EXPECT_TRUE(h.ledger.create(run, {&target, 1}, "", "", h.now(), nullptr));
}

TEST_F(LedgerRollout, ACancelSaysWhatItFound) {
  up_to(4);
  auto spec = LedgerHarness::command();
  spec.queue_for = 1h;
  const auto run = h.create(5, spec);
  h.settle();
  h.started(1, run);
  answer(2, 2);
  ASSERT_TRUE(h.ledger.cancel(run, "anne", "", h.now()));
  h.settle();
  EXPECT_EQ(progress().found, (Found{.queued = 1, .sent = 2, .running = 1, .finished = 1}));
  EXPECT_EQ(reason(4), "cancelled before it was sent");
  answer(3, 3);
  EXPECT_EQ(h.state(3), kSucceeded);
  EXPECT_EQ(reason(3), "it had ended when the cancel came");
}

TEST_F(LedgerRollout, IdempotentWorkIsSentToARestartedAgent) {
  up_to(1);
  auto spec = LedgerHarness::command();
  spec.idempotent = true;
  const auto run = h.create(1, spec);
  h.settle();
  for (int restart = 1; restart <= kRestartsMax; ++restart) {
    h.started(0, run);
    h.up(0, "instance " + std::to_string(restart) + "......");
    h.settle();
    EXPECT_EQ(h.dispatched(0), 1 + restart);
    EXPECT_EQ(h.state(0), kSent);
  }
  h.up(0, "instance Z......");
  h.settle();
  EXPECT_EQ(h.state(0), kUnknown);
  EXPECT_THAT(reason(0), HasSubstr("sent to 4 times"));
  EXPECT_EQ(h.ledger.stats().restarted, 3u);
}

// It may have run before its agent was restarted: whatever ends it, nobody is told that it
// was not started.
TEST_F(LedgerRollout, WhatWasSentToARestartedAgentIsNeverSaidNotToHaveRun) {
  up_to(3);
  auto spec = LedgerHarness::command();
  spec.idempotent = true;
  const auto run = h.create(3, spec);
  h.settle();
  ASSERT_TRUE(h.ledger.pause(run, "anne", "", h.now()));
  for (int i = 0; i < 3; ++i) h.up(i, "instance B......");
  h.settle();
  EXPECT_EQ(h.state(0), kQueued);
  h.down(0);
  h.pass(11s);
  EXPECT_EQ(h.state(0), kUnknown);
  h.ledger.endpoint_removed(endpoint_number(1), "revoked", h.now());
  ASSERT_TRUE(h.ledger.cancel(run, "anne", "", h.now()));
  h.settle();
  EXPECT_EQ(h.state(1), kUnknown);
  EXPECT_EQ(h.state(2), kCancelled);
  EXPECT_THAT(reason(2), HasSubstr("may have run"));
}

TEST_F(LedgerRollout, GoesOnAfterARestartOfTheServer) {
  auto database = store::Database::open_temporary({run_migrations()}).value();
  up_to(4);
  auto spec = LedgerHarness::command();
  spec.idempotent = true;
  auto two = plan();
  two.parallel_max = 1;
  two.failures_max = 1;
  two.on_failures = OnFailures::kPause;
  h.sink.write = [&](const Batch& batch) {
    const auto written = database->write_blocking(
        [&](store::Connection& connection) { return RunStore::apply(connection, batch); });
    EXPECT_TRUE(written) << written.error().message;
  };
  const auto run = create({1, 4}, two, spec);
  answer(0, 0, wire::OUTCOME_FAILED);
  ASSERT_TRUE(h.ledger.pause(run, "anne", "lunch", h.now()));
  h.settle();
  const auto load = [&] {
    return database->read_blocking([](store::Connection& c) { return RunStore::load_open(c); })
        .value();
  };
  auto open = load();
  ASSERT_EQ(open.size(), 1u);
  EXPECT_TRUE(open[0].run.idempotent);
  EXPECT_EQ(open[0].run.progress.wave, 1u);

  LedgerHarness other;
  other.latest = run;
  other.at = h.at;
  other.ledger.restore(std::move(open), other.now());
  other.up(1);
  other.up(2);
  other.settle();
  EXPECT_EQ(other.sink.dispatched.size(), 0u) << "paused";
  ASSERT_TRUE(other.ledger.find(run)->progress.paused);
  EXPECT_EQ(other.ledger.find(run)->progress.paused->reason, "lunch");
  ASSERT_TRUE(other.ledger.resume(run, "anne", other.now()));
  other.settle();
  EXPECT_EQ(other.sink.dispatched.size(), 1u) << "its ceiling";
  const auto counts = database->read_blocking([&](store::Connection& c) {
    return RunStore::wave_counts(c, run, *other.ledger.find(run)->rollout);
  });
  ASSERT_TRUE(counts);
  EXPECT_EQ((*counts)[0][kFailed], 1u);
  EXPECT_EQ((*counts)[1].total(), 3u);
}

// One batch never carries more than a bounded number of rows of a wave or a cancel.
TEST_F(LedgerRollout, ALargeWaveIsWrittenInParts) {
  constexpr int kMany = 30'000;
  up_to(kMany);
  create({1, kMany}, plan());
  h.answer(0, h.latest);
  h.ledger.flush(h.now());
  std::size_t largest = 0;
  while (h.sink.pending) {
    largest = std::max(largest, h.sink.pending->rows.size());
    h.commit();
  }
  EXPECT_LE(largest, 20'001u);
  EXPECT_EQ(sent(), kMany);
  ASSERT_TRUE(h.ledger.cancel(h.latest, "anne", "", h.now()));
  h.settle();
  EXPECT_EQ(h.sink.cancelled, static_cast<std::size_t>(kMany - 1));
}

}  // namespace
}  // namespace muster::jobs
