// SPDX-License-Identifier: Apache-2.0
#include "server/run_service.h"

#include "access/audit.h"
#include "server/tests/fixture.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;
using core::Code;
using testing::answer;
using testing::bytes_of;
using ::testing::HasSubstr;
using testing::host;
using ::testing::IsEmpty;
using testing::link_down;
using testing::link_up;
using testing::run_until;
using ::testing::SizeIs;
using testing::WriterGate;
using enum jobs::TargetState;

class RunServiceTest : public testing::ServerTest {
 protected:
  RunServiceTest() {
    add_hosts(3);
    port = &hub->connect("main", a);
    log_in(*port, 3);
  }

  using Outcome = core::Result<RunService::Created>;
  /// Begins to create a run and comes back; `outcome` is filled later.
  void begin(RunService::Wanted what, std::optional<Outcome>& outcome) {
    tasks.spawn([](RunService* service, RunService::Wanted w,
                   std::optional<Outcome>* out) -> runtime::Task<void> {
      out->emplace(co_await service->create(std::move(w)));
    }(runs.get(), std::move(what), &outcome));
  }
  bool acked(core::RunId id, int number) const {
    for (const auto& acks : a.all_acks)
      for (const auto& ack : acks.acks())
        if (ack.run() == id.value() && ack.targets().find(host(number).bytes()) % 16 == 0)
          return true;
    return false;
  }
  core::Result<jobs::Run> get(core::RunId id) { return run(runs->get(id)); }
  void execute(std::string sql) {
    const auto done = database->write_blocking(
        [&](store::Connection& connection) { return connection.script(sql); });
    ASSERT_TRUE(done) << done.error().message;
  }
  /// From here on every change of a target is refused, as by a disk that is full.
  void break_disk() {
    execute(
        "CREATE TRIGGER broken BEFORE UPDATE ON jobs_targets "
        "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END");
  }
  void mend_disk() { execute("DROP TRIGGER broken"); }

  link::RegionServer* port = nullptr;
  runtime::TaskGroup tasks{loop, "test"};
};

TEST_F(RunServiceTest, RunGoesOutComesBackAndIsKept) {
  const auto watch = *live.watch_region();
  const auto id = order(2);
  ASSERT_THAT(a.dispatches, SizeIs(1));
  EXPECT_EQ(a.dispatches[0].run(), id.value());
  wire::Invoke invoke;
  ASSERT_TRUE(invoke.ParseFromString(a.dispatches[0].invoke()));
  EXPECT_EQ(invoke.command().argv(0), "true");
  EXPECT_THAT(a.dispatches[0].links(), ::testing::ElementsAre(1U, 2U));
  EXPECT_EQ(a.dispatches[0].targets(), bytes_of(host(0)) + bytes_of(host(1)));
  EXPECT_EQ(stored_state(id, 0), kSent) << "nothing leaves before it is written";
  port->reports(answer(host(0), id, "first"));
  port->reports(answer(host(1), id, "second"));
  run_until(loop, [&] { return acked(id, 0) && acked(id, 1); });
  EXPECT_FALSE(acked(id, 2));
  const auto finished = get(id);
  ASSERT_TRUE(finished);
  EXPECT_TRUE(finished->finished());
  EXPECT_EQ(finished->counts[kSucceeded], 2U);
  EXPECT_TRUE(watch->runs.contains(id));
  const auto target = database->read_blocking(
      [&](store::Connection& c) { return jobs::RunStore::target(c, id, host(1)); });
  EXPECT_EQ(target->out, "second");
}

TEST_F(RunServiceTest, OrderLeavesOnlyAfterItsCommit) {
  WriterGate gate(*database, loop);
  std::optional<Outcome> outcome;
  begin(wanted(1), outcome);
  for (int i = 0; i < 100; ++i) settle();
  EXPECT_FALSE(outcome);
  EXPECT_THAT(a.dispatches, IsEmpty());
  gate.open();
  run_until(loop, [&] { return outcome.has_value(); });
  ASSERT_TRUE(*outcome);
  EXPECT_THAT(a.dispatches, SizeIs(1));
}

TEST_F(RunServiceTest, ResultIsAcknowledgedOnlyAfterItsCommit) {
  const auto id = order(1);
  // At the moment of the acknowledgement somebody else must find the result on the disk.
  std::optional<jobs::TargetState> at_ack;
  a.on_acks = [&] { at_ack = stored_state(id, 0); };
  {
    WriterGate gate(*database, loop);
    port->reports(answer(host(0), id));
    for (int i = 0; i < 100; ++i) settle();
    EXPECT_FALSE(at_ack) << "acknowledged while the writer had not even begun";
    EXPECT_EQ(stored_state(id, 0), kSent);
    // The endpoint says it again, as after a new login: that does not make it true.
    port->link_up(link_up(host(0), 9));
    port->reports(answer(host(0), id));
    for (int i = 0; i < 100; ++i) settle();
    EXPECT_FALSE(at_ack);
  }
  run_until(loop, [&] { return at_ack.has_value(); });
  EXPECT_EQ(at_ack, kSucceeded);
  EXPECT_TRUE(acked(id, 0));
}

TEST_F(RunServiceTest, WhatIsNotCommittedIsNotAcknowledged) {
  const auto id = order(2);
  break_disk();
  port->reports(answer(host(0), id, "said while the disk was full"));
  run_until(loop, [&] { return runs->ledger().stats().write_failures >= 3; });
  EXPECT_THAT(a.all_acks, IsEmpty());
  EXPECT_THAT(runs->ledger().storage_error(), HasSubstr("the disk is full"));
  EXPECT_EQ(get(id)->counts[kSent], 2U) << "shown before it was durable";
  const auto refused = run(runs->create(wanted(1)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("the disk is full"));
  port->reports(answer(host(1), id));  // more comes meanwhile

  mend_disk();
  run_until(loop, [&] { return acked(id, 0) && acked(id, 1); });
  EXPECT_EQ(runs->ledger().storage_error(), "");
  EXPECT_EQ(stored_state(id, 0), kSucceeded);
  EXPECT_TRUE(run(runs->create(wanted(1))));
}

TEST_F(RunServiceTest, RunThatCannotBeWrittenIsRefusedAndNeverSent) {
  execute(
      "CREATE TRIGGER broken BEFORE INSERT ON jobs_runs "
      "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END");
  const auto refused = run(runs->create(wanted(2, "key", "digest")));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("the run was not begun"));
  EXPECT_THAT(a.dispatches, IsEmpty());
  EXPECT_EQ(runs->ledger().stats().open_runs, 0U);
  mend_disk();
  run_until(loop, [&] { return runs->ledger().storage_error().empty(); });
  const auto again = run(runs->create(wanted(2, "key", "digest")));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(again->repeated) << "the key of a run that was not begun";
}

TEST_F(RunServiceTest, ResultThatIsSaidTwiceIsAcknowledgedTwiceAndCountedOnce) {
  const auto id = order(2);
  port->reports(answer(host(0), id, "the first word"));
  run_until(loop, [&] { return acked(id, 0); });
  a.all_acks.clear();
  port->reports(answer(host(0), id, "another word"));
  settle();
  EXPECT_TRUE(acked(id, 0));
  EXPECT_EQ(runs->ledger().stats().results_late, 1U);
  const auto target = database->read_blocking(
      [&](store::Connection& c) { return jobs::RunStore::target(c, id, host(0)); });
  EXPECT_EQ(target->out, "the first word");
}

TEST_F(RunServiceTest, IdempotencyKeyNamesOneRun) {
  const auto first = run(runs->create(wanted(1, "key", "digest")));
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->repeated);
  const auto second = run(runs->create(wanted(1, "key", "digest")));
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->repeated);
  EXPECT_EQ(second->run.id, first->run.id);
  EXPECT_THAT(a.dispatches, SizeIs(1));
  const auto other = run(runs->create(wanted(1, "key", "another request")));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::kConflict);
  EXPECT_THAT(other.error().message, HasSubstr("Idempotency-Key"));
  auto bobs = wanted(1, "key", "another request");
  bobs.spec.created_by = "bob";  // keys are each author's own
  EXPECT_TRUE(run(runs->create(std::move(bobs))));
}

TEST_F(RunServiceTest, SameKeyTwiceAtOnceIsOneRun) {
  std::optional<Outcome> first, second;
  begin(wanted(1, "key", "digest"), first);
  begin(wanted(1, "key", "digest"), second);
  run_until(loop, [&] { return first && second; });
  ASSERT_NE(first->has_value(), second->has_value());
  EXPECT_EQ((first->has_value() ? second : first)->error().code, Code::kConflict);
  EXPECT_THAT(a.dispatches, SizeIs(1));
  const auto later = run(runs->create(wanted(1, "key", "digest")));
  ASSERT_TRUE(later) << later.error().message;
  EXPECT_TRUE(later->repeated);
}

// The second of two requests could look for the key just before the first one's commit and
// hear the answer just after it: then the same key made two runs.
TEST_F(RunServiceTest, KeyIsTakenBeforeTheDatabaseIsAsked) {
  std::promise<void> opened;
  const auto gate = opened.get_future().share();
  std::size_t reads = 0;
  for (int i = 0; i < 2; ++i)  // as many as there are readers
    tasks.spawn([](store::Database* db, std::shared_future<void> waiting,
                   std::size_t* done) -> runtime::Task<void> {
      (void)co_await db->read([waiting](store::Connection&) -> core::Status {
        waiting.wait();
        return {};
      });
      ++*done;
    }(database.get(), gate, &reads));
  std::optional<Outcome> first, second;
  begin(wanted(1, "key", "digest"), first);
  begin(wanted(1, "key", "digest"), second);
  settle();
  EXPECT_TRUE(second) << "it waits for an answer that may be out of date";
  EXPECT_FALSE(first);
  opened.set_value();
  run_until(loop, [&] { return first && second && reads == 2; });
  EXPECT_TRUE(*first);
  ASSERT_FALSE(*second);
  EXPECT_EQ(second->error().code, Code::kConflict);
}

TEST_F(RunServiceTest, CancelAsksTheEndpointsAndTheirAnswersDecide) {
  const auto id = order(2);
  const auto cancelled = run(runs->cancel(id, "bob", "a mistake"));
  ASSERT_TRUE(cancelled);
  ASSERT_THAT(a.cancels, SizeIs(1));
  EXPECT_EQ(a.cancels[0].run(), id.value());
  EXPECT_EQ(a.cancels[0].targets(), bytes_of(host(0)) + bytes_of(host(1)));
  auto stopped = answer(host(0), id, "");
  stopped.mutable_reports(0)->mutable_announce()->set_outcome(wire::OUTCOME_CANCELLED);
  port->reports(stopped);
  port->reports(answer(host(1), id));  // was faster
  run_until(loop, [&] { return acked(id, 0) && acked(id, 1); });
  const auto finished = get(id);
  EXPECT_EQ(finished->counts[kCancelled], 1U);
  EXPECT_EQ(finished->counts[kSucceeded], 1U);
  EXPECT_EQ(finished->cancelled_by, "bob");
  EXPECT_TRUE(run(runs->cancel(id, "bob", "again"))) << "fine for a finished run";
  EXPECT_EQ(run(runs->cancel(core::RunId(12), "bob", "")).error().code, Code::kNotFound);
}

TEST_F(RunServiceTest, WhatIsCancelledBeforeItLeftNeverLeaves) {
  auto queued = wanted(3);
  queued.spec.queue_for = 1h;
  port->link_down(link_down(host(2), 3));
  settle();
  const auto created = run(runs->create(std::move(queued)));
  ASSERT_TRUE(created);
  const auto id = created->run.id;
  ASSERT_TRUE(run(runs->cancel(id, "bob", "")));
  run_until(loop, [&] { return get(id)->counts[kCancelled] == 1; });
  EXPECT_EQ(stored_state(id, 2), kCancelled);
  port->link_up(link_up(host(2), 4));
  settle();
  ASSERT_THAT(a.dispatches, SizeIs(1));
  EXPECT_EQ(a.dispatches[0].targets().find(host(2).bytes()), std::string::npos);
}

TEST_F(RunServiceTest, RunsAndCancelsStandInTheAuditLogWithThem) {
  const auto id = order(1);
  ASSERT_TRUE(run(runs->cancel(id, "bob", "a mistake")));
  port->reports(answer(host(0), id));
  run_until(loop, [&] { return acked(id, 0); });
  access::Audit audit(*database);
  const auto page = run(audit.page(10, {}));
  ASSERT_TRUE(page);
  std::vector<std::string> lines;
  for (const auto& entry : page->entries)
    if (entry.object == id.str()) lines.push_back(entry.actor + " " + entry.action);
  EXPECT_THAT(lines, ::testing::ElementsAre("bob run.cancel", "ada run.create"));
}

TEST_F(RunServiceTest, RetentionRemovesFinishedRunsOnly) {
  const auto open = order(1);
  std::vector<core::RunId> done;
  for (int i = 0; i < 3; ++i) {
    done.push_back(order(1));
    port->reports(answer(host(0), done.back()));
    run_until(loop, [&] { return acked(done.back(), 0); });
  }
  std::ranges::sort(done);  // those of one millisecond are in no order
  jobs::Retention keep_two;
  keep_two.runs_max = 2;
  run([](RunService& service, jobs::Retention retention) -> runtime::Task<bool> {
    co_await service.retain(retention);
    co_return true;
  }(*runs, keep_two));
  EXPECT_TRUE(get(open));
  EXPECT_EQ(get(done[0]).error().code, Code::kNotFound);
  EXPECT_TRUE(get(done[2]));
  port->reports(answer(host(0), done[0]));  // its endpoint never got the acknowledgement
  a.all_acks.clear();
  settle();
  EXPECT_TRUE(acked(done[0], 0)) << "else the endpoint keeps it for ever";
}

TEST_F(RunServiceTest, OfflineHostsAreUnreachableAtOnce) {
  port->link_down(link_down(host(0), 1));
  settle();
  const auto id = order(1);
  EXPECT_THAT(a.dispatches, IsEmpty());
  run_until(loop, [&] { return get(id)->finished(); });
  EXPECT_EQ(stored_state(id, 0), kUnreachable);
  EXPECT_EQ(run(runs->create(wanted(0))).error().code, Code::kInvalid);
}

// An order to 75,000 endpoints of one gateway exceeded a frame, and the server aborted.
TEST_F(RunServiceTest, OrderToVeryManyTravelsInMessagesThatFit) {
  constexpr int kHosts = 80'000;
  auto many = wanted(kHosts);
  for (int i = 0; i < kHosts; ++i)
    runs->ledger().endpoint_up(many.targets[static_cast<std::size_t>(i)], "main",
                               static_cast<std::uint64_t>(i) + 1, "0123456789abcdef", {},
                               RunService::now());
  const auto targets = many.targets;
  ASSERT_TRUE(run(runs->create(std::move(many))));
  std::size_t next = 0;
  for (const auto& dispatch : a.dispatches) {
    EXPECT_LE(dispatch.ByteSizeLong(), wire::body_bytes_max(wire::REGION_DISPATCH));
    ASSERT_EQ(dispatch.targets().size(), static_cast<std::size_t>(dispatch.links_size()) * 16);
    EXPECT_EQ(dispatch.leaves().size(), static_cast<std::size_t>(dispatch.links_size()) * 32);
    EXPECT_THAT(dispatch.signature(), Not(IsEmpty()));
    for (int i = 0; i < dispatch.links_size(); ++i, ++next) {
      ASSERT_EQ(dispatch.links(i), next + 1);
      ASSERT_EQ(
          dispatch.targets().compare(static_cast<std::size_t>(i) * 16, 16, targets[next].bytes()),
          0);
    }
  }
  EXPECT_EQ(next, targets.size());
}

TEST_F(RunServiceTest, LargeResultIsAcknowledgedWhole) {
  const auto id = order(1);
  const std::string out(150'000, 'x');
  auto announced = answer(host(0), id, "");
  auto& announce = *announced.mutable_reports(0)->mutable_announce();
  announce.set_is_inline(false);
  announce.set_stdout_bytes(out.size());
  port->reports(announced);
  for (std::size_t at = 0; at < out.size(); at += 50'000) {
    settle();
    EXPECT_FALSE(acked(id, 0));
    wire::Reports part;
    part.add_reports()->set_endpoint(bytes_of(host(0)));
    auto& chunk = *part.mutable_reports(0)->mutable_chunk();
    chunk.set_run(id.value());
    chunk.set_stream(wire::STREAM_STDOUT);
    chunk.set_offset(at);
    chunk.set_data(out.substr(at, 50'000));
    port->reports(part);
  }
  run_until(loop, [&] { return acked(id, 0); });
  const auto stored = database->read_blocking([&](store::Connection& c) {
    return jobs::RunStore::output(c, runs->files(), id, host(0), wire::STREAM_STDOUT, 100'000,
                                  1'000'000);
  });
  EXPECT_EQ(*stored, out.substr(100'000));
}

}  // namespace
}  // namespace muster::server
