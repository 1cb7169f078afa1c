// SPDX-License-Identifier: Apache-2.0
//
// Database: SQLite or PostgreSQL, one writer thread that commits in groups, a few readers.
//
// An fsync costs more than thousands of inserts, so whatever was asked for while the
// last commit ran shares the next transaction and its fsync. Each piece of work
// stands in its own savepoint: one that fails is undone and the others go on.
// Nothing on an event loop waits for the disk: work runs on the database's threads
// and its outcome comes back by a post to the asker's executor, all outcomes of one
// commit in one post.
//
// What is given to write() runs on the writer's thread and may be undone after it
// returned (its group's commit may fail): it touches nothing but the connection and
// what it owns. Memory that mirrors the database is changed when the outcome is in.
// Work runs once, in the order in which it was asked for.
//
// PostgreSQL may be away for a while. What is asked for then waits, at most
// `Options::outage_wait` since it went away, and fails with kUnavailable: nothing of it was
// done. A commit that was under way is asked about when the database is back: its group is
// told the truth, however long that takes (docs/adr/0015).
//
// Lifetime: loops that wait for outcomes outlive the database or its stop().
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "runtime/executor.h"
#include "runtime/loop.h"
#include "runtime/task.h"
#include "store/connection.h"
#include "store/migration.h"

namespace muster::store {

struct Options {
  std::filesystem::path path;  ///< Made where missing, mode 0600; its folder must exist.
  /// `postgresql://user@host/name`, as libpq takes it: PostgreSQL instead of the file.
  std::string url = {};
  std::vector<MigrationSet> migrations = {};
  std::size_t readers = 2;
  std::size_t queue_max = 100'000;  ///< Work waiting for the writer or a reader; then kLimit.
  std::size_t group_max = 20'000;   ///< Pieces of work in one transaction.
  /// Files up to this size are checked page by page at every start; larger ones by
  /// their schema only.
  std::uint64_t checked_bytes_max = 64ULL * 1024 * 1024;
  /// How long open() waits for a PostgreSQL that cannot be reached.
  core::Duration start_wait = std::chrono::seconds(30);
  /// How long work waits for a PostgreSQL that went away.
  core::Duration outage_wait = std::chrono::seconds(10);
  /// The term under which this process leads the servers of one PostgreSQL (servers.h): the
  /// leader before it is cut off, and nothing is written once there is a higher one. 0: alone.
  std::int64_t term = 0;
  /// PostgreSQL's schema; tests have others.
  std::string schema = "muster";
};

/// Counters since the start, for metrics.
struct Stats {
  std::uint64_t writes = 0;    ///< Pieces of work whose outcome is in.
  std::uint64_t failures = 0;  ///< Of these, how many failed.
  std::uint64_t commits = 0;   ///< Transactions; writes / commits is the group's size.
  std::uint64_t refused = 0;   ///< Refused because the queue was full.
  std::size_t queued = 0;      ///< Waiting now.
  std::uint64_t outages = 0;   ///< How often the connection was lost.
  bool lost = false;           ///< Is it now?
};

class Database {
 public:
  using Work = std::move_only_function<core::Status(Connection&)>;
  using Done = std::move_only_function<void(core::Status)>;

  /// Errors: kConflict, another process has the database open (or a newer Muster
  /// wrote it); kCorrupt, the file is damaged; kDenied, no permission or a read-only
  /// folder; kUnavailable, the disk is full or PostgreSQL cannot be reached. Each message
  /// says what to do.
  static core::Result<std::unique_ptr<Database>> open(Options options);
  /// A database for tests, gone at the end: a file in a private temporary folder, without
  /// fsync, or a schema of its own where MUSTER_TEST_DATABASE is PostgreSQL's address.
  static core::Result<std::unique_ptr<Database>> open_temporary(
      std::vector<MigrationSet> migrations);

  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Runs `work(connection)`, which returns a core::Result or Status, in a
  /// transaction, and returns its value once that is on the disk. Cancelling the
  /// task does not take the work back.
  template <typename F>
  runtime::Task<std::invoke_result_t<F&, Connection&>> write(F work) {
    return run(Side::kWrite, std::move(work));
  }
  /// The same on a reader: one consistent snapshot, no changes possible.
  template <typename F>
  runtime::Task<std::invoke_result_t<F&, Connection&>> read(F work) {
    return run(Side::kRead, std::move(work));
  }

  /// The same, before all reads that wait: for what must work while everybody reads.
  template <typename F>
  runtime::Task<std::invoke_result_t<F&, Connection&>> read_first(F work) {
    return run(Side::kReadFirst, std::move(work));
  }

  /// For hot paths: `done(status)` is called on `loop` after the commit. Any thread.
  void write_then(runtime::Loop& loop, Work work, Done done);

  /// For start-up, tests and programs without a loop: wait for the outcome.
  template <typename F>
  std::invoke_result_t<F&, Connection&> write_blocking(F work) {
    return block(Side::kWrite, std::move(work));
  }
  template <typename F>
  std::invoke_result_t<F&, Connection&> read_blocking(F work) {
    return block(Side::kRead, std::move(work));
  }

  /// Finishes what is queued, writes the log back into the file and ends the threads.
  /// Work asked for later is refused with kCancelled. The destructor calls it.
  void stop();

  /// From now on nothing is begun any more, and all that is asked for fails with kUnavailable at
  /// once: this process does not lead any longer. Any thread.
  void fence();

  Stats stats() const;

 private:
  enum class Side { kWrite, kRead, kReadFirst };
  struct Job {
    Work work;
    Done done;
    runtime::Executor executor;  ///< Where done runs; empty: where it is.
  };
  class Engine;

  explicit Database(std::unique_ptr<Engine> engine);
  void submit(Side side, Job job);

  template <typename F, typename R = std::invoke_result_t<F&, Connection&>>
  static Work keeping(std::shared_ptr<std::optional<R>> kept, F work) {
    return [kept, work = std::move(work)](Connection& connection) mutable -> core::Status {
      kept->emplace(work(connection));
      if (!**kept) return std::unexpected((*kept)->error());
      return {};
    };
  }

  template <typename F>
  runtime::Task<std::invoke_result_t<F&, Connection&>> run(Side side, F work) {
    using R = std::invoke_result_t<F&, Connection&>;
    auto kept = std::make_shared<std::optional<R>>();
    auto executor = co_await runtime::current_executor();
    auto status = co_await runtime::await_callback<core::Status>(
        [this, side,
         job = Job{keeping(kept, std::move(work)), nullptr, runtime::tracked(executor)}](
            auto done) mutable {
          job.done = std::move(done);
          submit(side, std::move(job));
        });
    if (!status) co_return std::unexpected(std::move(status.error()));
    co_return std::move(**kept);
  }

  template <typename F>
  std::invoke_result_t<F&, Connection&> block(Side side, F work) {
    using R = std::invoke_result_t<F&, Connection&>;
    auto kept = std::make_shared<std::optional<R>>();
    std::promise<core::Status> promise;
    auto future = promise.get_future();
    submit(side, Job{keeping(kept, std::move(work)),
                     [&promise](core::Status outcome) { promise.set_value(std::move(outcome)); },
                     {}});
    auto status = future.get();
    if (!status) return std::unexpected(std::move(status.error()));
    return std::move(**kept);
  }

  std::unique_ptr<Engine> engine_;
};

}  // namespace muster::store
