// SPDX-License-Identifier: Apache-2.0
#include "jobs/run_store.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>

#include "jobs/tests/test_sink.h"
#include "store/database.h"

namespace muster::jobs {
namespace {

using namespace std::chrono_literals;
using enum TargetState;

class RunStoreTest : public ::testing::Test {
 protected:
  void settle() {
    h.ledger.flush(h.now());
    while (h.sink.pending || h.sink.storing) h.sink.storing ? h.store() : write_one();
  }
  void write_one() {
    const auto batch = h.sink.pending;
    const auto written = database->write_blocking(
        [&](store::Connection& connection) { return RunStore::apply(connection, *batch); });
    EXPECT_TRUE(written) << written.error().message;
    h.commit();
  }
  template <typename F>
  auto read(F work) {
    auto result = database->read_blocking(std::move(work));
    EXPECT_TRUE(result) << result.error().message;
    return std::move(*result);
  }

  std::unique_ptr<store::Database> database =
      store::Database::open_temporary({run_migrations()}).value();
  LedgerHarness h;
};

TEST_F(RunStoreTest, KeepsARunAndFoldsItsAnswers) {
  for (int i = 0; i < 9; ++i) h.up(i);
  const auto run = h.create(10);
  settle();
  for (int i = 0; i < 8; ++i) h.answer(i, run, i % 4 == 0 ? "odd\n" : "even\xff\n");
  settle();
  const auto stored = read([&](store::Connection& c) { return RunStore::run(c, run); });
  EXPECT_FALSE(stored.finished());
  EXPECT_EQ(stored.counts[kSucceeded], 8u);
  EXPECT_EQ(stored.counts[kSent], 1u);
  EXPECT_EQ(stored.counts[kUnreachable], 1u);
  EXPECT_EQ(stored.invoke.command().argv(0), "true");
  const auto folds = read([&](store::Connection& c) { return RunStore::folds(c, run); });
  ASSERT_EQ(folds.size(), 4u);
  EXPECT_EQ(folds[0].endpoints.size(), 6u);
  EXPECT_EQ(folds[0].sample.out, "even\xff\n");
  EXPECT_EQ(folds[1].endpoints.size(), 2u);
  EXPECT_EQ(folds[3].sample.reason, kOfflineReason);
  const auto page = read(
      [&](store::Connection& c) { return RunStore::targets(c, run, kSucceeded, 5, std::nullopt); });
  ASSERT_EQ(page.targets.size(), 5u);
  ASSERT_TRUE(page.next);
  const auto rest = read(
      [&](store::Connection& c) { return RunStore::targets(c, run, kSucceeded, 5, page.next); });
  EXPECT_EQ(rest.targets.size(), 3u);
  EXPECT_FALSE(rest.next);
  const auto fold = read([&](store::Connection& c) {
    return RunStore::targets(c, run, std::nullopt, 10, std::nullopt, folds[1].digest);
  });
  ASSERT_EQ(fold.targets.size(), 2u);
  EXPECT_EQ(fold.targets[0].target.endpoint, folds[1].endpoints[0]);
  EXPECT_EQ(fold.targets[1].target.endpoint, folds[1].endpoints[1]);
}

TEST_F(RunStoreTest, KeepsATreeOfRuns) {
  for (int i = 0; i < 2; ++i) h.up(i);
  RunSpec spec = LedgerHarness::command();
  Chain chain;
  chain.grant = {{"db::load"}, true, "role=db"};
  chain.selectors = {"site=a"};
  spec.chain = std::make_shared<const Chain>(chain);
  const auto root = h.create(1, spec);
  const Chain below = *chain_of_child(chain, {root, endpoint_number(0), "db::dump"}, "db::load");
  spec.chain = std::make_shared<const Chain>(below);
  const auto child = h.create(2, spec);
  h.create(1);
  settle();
  h.answer(0, root);
  settle();
  const auto runs = read([&](store::Connection& c) { return RunStore::tree(c, root); });
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(*runs[0].chain, chain);
  EXPECT_EQ(runs[1].id, child);
  EXPECT_EQ(*runs[1].chain, below);
  EXPECT_EQ(runs[1].counts.total(), 2u);
  const auto rows = read([&](store::Connection& c) { return RunStore::chain_rows(c, root); });
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_TRUE(rows[0].finished);
  EXPECT_FALSE(rows[1].finished);
  EXPECT_EQ(read([&](store::Connection& c) { return RunStore::children(c, root); }),
            std::vector{child});
  const auto restored = read([](store::Connection& c) { return RunStore::load_open(c); });
  ASSERT_EQ(restored.size(), 2u);
  EXPECT_EQ(*restored[0].run.chain, below);
  const Retention none{.age_max = 1h, .bytes_max = 0, .runs_max = 0};
  const auto removed = database->write_blocking([&](store::Connection& c) {
    return RunStore::retain(c, none, h.now().wall + std::chrono::hours(2));
  });
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_EQ(removed->runs_removed, 1u);
  EXPECT_EQ(read([&](store::Connection& c) { return RunStore::tree(c, root); }).size(), 1u);
}

TEST_F(RunStoreTest, RestoresWhatIsNotFinished) {
  h.up(0);
  h.up(1);
  const auto run = h.create(3);
  settle();
  h.started(1, run);
  h.answer(0, run);
  settle();
  auto open = read([](store::Connection& c) { return RunStore::load_open(c); });
  ASSERT_EQ(open.size(), 1u);
  TestSink sink;
  Ledger ledger(sink);
  ledger.restore(std::move(open), h.now());
  EXPECT_EQ(ledger.find(run)->counts[kRunning], 1u);
  EXPECT_EQ(ledger.find(run)->counts[kSucceeded], 1u);
  ledger.endpoint_up(endpoint_number(1), "gw", 9, "instance B......", {}, h.now());
  ledger.flush(h.now());
  ASSERT_TRUE(sink.pending);
  EXPECT_EQ(sink.pending->rows[0].target.state, kUnknown);
  EXPECT_EQ(sink.pending->ends.size(), 1u);
}

TEST_F(RunStoreTest, LargeOutputIsReadByRange) {
  char folder[] = "/tmp/muster-results-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  h.files = std::make_unique<OutputFiles>(std::filesystem::path(folder) / "results");
  h.up(0);
  const auto run = h.create(1);
  settle();
  std::string big;
  for (int i = 0; i < 200'000; ++i) big += static_cast<char>(i * 7);
  h.report(0, [&](wire::Report& r) {
    auto& a = *r.mutable_announce();
    a.set_run(run.value());
    a.set_outcome(wire::OUTCOME_SUCCEEDED);
    a.set_stderr_bytes(big.size());
  });
  for (std::size_t at = 0; at < big.size(); at += 33'333)
    h.report(0, [&](wire::Report& r) {
      auto& c = *r.mutable_chunk();
      c.set_run(run.value());
      c.set_stream(wire::STREAM_STDERR);
      c.set_offset(at);
      c.set_data(big.substr(at, 33'333));
    });
  settle();
  const auto range = [&](std::uint64_t offset, std::size_t max) {
    return read([&](store::Connection& c) {
      return RunStore::output(c, *h.files, run, endpoint_number(0), wire::STREAM_STDERR, offset,
                              max);
    });
  };
  EXPECT_EQ(range(0, big.size()), big);
  EXPECT_EQ(range(65'530, 20), big.substr(65'530, 20));
  EXPECT_EQ(range(199'999, 100), big.substr(199'999));
  EXPECT_EQ(range(200'000, 100), "");

  EXPECT_THAT(h.files->runs(), ::testing::ElementsAre(run));
  const auto file = std::filesystem::path(folder) / "results" / run.str() / "0.err";
  std::filesystem::resize_file(file, 100);
  EXPECT_EQ(h.files->read(run, 0, wire::STREAM_STDERR, 50, 100).error().code, core::Code::kCorrupt);
  h.files->remove(run);
  EXPECT_THAT(h.files->runs(), ::testing::IsEmpty());
  EXPECT_EQ(h.files->read(run, 0, wire::STREAM_STDERR, 0, 1).error().code, core::Code::kNotFound);
  std::filesystem::remove_all(folder);
}

TEST_F(RunStoreTest, RetentionRemovesTheOldest) {
  h.up(0);
  std::vector<core::RunId> runs;
  for (int i = 0; i < 5; ++i) {
    runs.push_back(h.create(1));
    settle();
    h.answer(0, runs.back(), std::string(1000, 'x'));
    settle();
    h.pass(1h);
  }
  Retention retention;
  retention.bytes_max = 3500;
  const auto report = database->write_blocking(
      [&](store::Connection& c) { return RunStore::retain(c, retention, h.now().wall); });
  ASSERT_TRUE(report);
  EXPECT_EQ(report->runs_removed, 2u);
  EXPECT_EQ(report->output_bytes, 3000u);
  const auto page = read([](store::Connection& c) { return RunStore::runs(c, 2, std::nullopt); });
  ASSERT_EQ(page.runs.size(), 2u);
  EXPECT_EQ(page.runs[0].id, runs[4]);
  const auto rest = read([&](store::Connection& c) { return RunStore::runs(c, 10, page.next); });
  ASSERT_EQ(rest.runs.size(), 1u);
  EXPECT_EQ(rest.runs[0].counts[kSucceeded], 1u);
}

// Who is narrowed to a selector sees their own runs. They were picked out of pages that
// had been cut already, so a page could be short or empty and yet have a next one.
TEST_F(RunStoreTest, PagesOfOneCreatorsRunsAreFull) {
  std::vector<core::RunId> annes;
  for (int i = 0; i < 12; ++i) {
    auto spec = LedgerHarness::command();
    spec.created_by = i % 4 == 0 ? "anne" : "others";
    const auto run = h.create(1, spec);
    if (i % 4 == 0) annes.push_back(run);
    settle();
    h.pass(1s);
  }
  const auto page = [&](std::optional<core::RunId> after) {
    return read([&](store::Connection& c) { return RunStore::runs(c, 2, after, "anne"); });
  };
  const auto first = page(std::nullopt);
  ASSERT_EQ(first.runs.size(), 2u);
  EXPECT_EQ(first.runs[0].id, annes[2]);
  EXPECT_EQ(first.runs[1].id, annes[1]);
  ASSERT_TRUE(first.next);
  const auto last = page(first.next);
  ASSERT_EQ(last.runs.size(), 1u);
  EXPECT_EQ(last.runs[0].id, annes[0]);
  EXPECT_FALSE(last.next);
  EXPECT_TRUE(read([](store::Connection& c) {
                return RunStore::runs(c, 2, std::nullopt, "nobody");
              }).runs.empty());
}

TEST_F(RunStoreTest, FindsEachTargetAlsoInRunsWithoutBlocks) {
  const auto run = h.create(200);
  settle();
  const auto found = [&](int number) {
    return read([&](store::Connection& c) {
             return RunStore::target(c, run, endpoint_number(number));
           })
        .endpoint;
  };
  const auto stranger = [&] {
    return database->read_blocking(
        [&](store::Connection& c) { return RunStore::target(c, run, endpoint_number(200)); });
  };
  for (int i = 0; i < 200; ++i) EXPECT_EQ(found(i), endpoint_number(i));
  EXPECT_EQ(stranger().error().code, core::Code::kNotFound);
  EXPECT_EQ(read([](store::Connection& c) { return c.integer("SELECT COUNT(*) FROM jobs_slots"); }),
            5);
  // As a database of before the blocks has it.
  ASSERT_TRUE(database->write_blocking([](store::Connection& c) -> core::Status {
    MUSTER_TRY(c.execute("DELETE FROM jobs_slots"));
    return {};
  }));
  EXPECT_EQ(found(77), endpoint_number(77));
  EXPECT_EQ(stranger().error().code, core::Code::kNotFound);
}

}  // namespace
}  // namespace muster::jobs
