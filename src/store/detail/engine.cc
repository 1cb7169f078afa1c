// SPDX-License-Identifier: Apache-2.0
#include "store/detail/engine.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <iterator>
#include <utility>

#include "core/log.h"

namespace muster::store {
namespace {

using core::Code;
using Finished = std::vector<std::pair<Database::Done, core::Status>>;

core::Status run_guarded(Database::Work& work, Connection& connection) {
  try {
    return work(connection);
  } catch (const std::exception& thrown) {
    return core::fail(Code::kInternal, std::string("database work threw: ") + thrown.what());
  }
}

// Calls every done from `at` on. One that throws does not cost the others their turn.
void finish(const runtime::Executor& executor, Finished finished, std::size_t at) {
  for (; at < finished.size(); ++at) {
    try {
      finished[at].first(std::move(finished[at].second));
    } catch (...) {
      runtime::post(executor, [executor, rest = std::move(finished), at]() mutable {
        finish(executor, std::move(rest), at + 1);
      });
      throw;
    }
  }
}

}  // namespace

Database::Engine::Engine(Options options, bool temporary)
    : options_(std::move(options)), temporary_(temporary) {}

Database::Engine::~Engine() {
  stop();
  if (!temporary_) return;
  std::error_code ignored;
  std::filesystem::remove_all(options_.path.parent_path(), ignored);
}

core::Status Database::Engine::open_files() {
  auto beside = options_.path;
  beside += ".lock";
  MUSTER_ASSIGN(lock_, detail::FileLock::take(beside, options_.path));
  // SQLite would make the file with a mode that lets others read it.
  const int descriptor = ::open(options_.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return core::fail_errno(errno, "opening the database " + options_.path.string());
  }
  ::close(descriptor);
  MUSTER_ASSIGN(writer_, detail::SqliteConnection::open(
                             options_.path,
                             temporary_ ? detail::Mode::kTemporaryWriter : detail::Mode::kWriter));
  MUSTER_TRY(detail::check_file(*writer_, options_.path, options_.checked_bytes_max));
  MUSTER_TRY(migrate(*writer_, options_.migrations));
  for (std::size_t i = 0; i < options_.readers; ++i) {
    MUSTER_ASSIGN(auto reader,
                  detail::SqliteConnection::open(options_.path, detail::Mode::kReader));
    readers_.push_back(std::move(reader));
  }
  return {};
}

core::Status Database::Engine::start() {
  MUSTER_TRY(open_files());
  threads_.emplace_back([this] { write_loop(); });
  for (auto& reader : readers_) {
    threads_.emplace_back([this, connection = reader.get()] { read_loop(*connection); });
  }
  return {};
}

void Database::Engine::stop() {
  const std::lock_guard one(stop_mutex_);
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  writes_.filled.notify_all();
  reads_.filled.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
  readers_.clear();
  writer_.reset();  // the last to close writes the log back into the file
  lock_ = {};
}

void Database::Engine::submit(Side side, Job job) {
  Queue& queue = side == Side::kWrite ? writes_ : reads_;
  core::Status refused;
  {
    const std::lock_guard guard(mutex_);
    if (stopping_) {
      refused = core::fail(Code::kCancelled, "the database is being closed");
    } else if (side == Side::kReadFirst) {
      queue.jobs.push_front(std::move(job));  // also beyond the limit: there are few of these
      queue.filled.notify_one();
      return;
    } else if (queue.jobs.size() >= options_.queue_max) {
      refused = core::fail(Code::kLimit, "the database has too much to do (" +
                                             std::to_string(options_.queue_max) +
                                             " requests wait); try again later");
      ++refused_;
    } else {
      queue.jobs.push_back(std::move(job));
      queue.filled.notify_one();
      return;
    }
  }
  std::vector<Job> group;
  group.push_back(std::move(job));
  Outcomes outcomes{std::move(refused)};
  deliver(group, outcomes);
}

std::vector<Database::Job> Database::Engine::take(Queue& queue, std::size_t count_max) {
  std::unique_lock guard(mutex_);
  queue.filled.wait(guard, [&] { return stopping_ || !queue.jobs.empty(); });
  const auto count = static_cast<std::ptrdiff_t>(std::min(count_max, queue.jobs.size()));
  const auto first = queue.jobs.begin();
  std::vector<Job> group(std::move_iterator(first), std::move_iterator(first + count));
  queue.jobs.erase(first, first + count);
  return group;
}

void Database::Engine::write_loop() {
  for (;;) {
    auto group = take(writes_, options_.group_max);
    if (group.empty()) return;
    Outcomes outcomes(group.size());
    for (std::size_t at = 0; at < group.size();) at = run_transaction(group, outcomes, at);
    writes_done_ += group.size();
    for (const auto& outcome : outcomes) failures_ += outcome ? 0 : 1;
    deliver(group, outcomes);
  }
}

// Runs group[first…] in one transaction. Returns the first piece of work that has no
// outcome yet: the end of the group, unless SQLite gave up the transaction on its own
// (disk full, I/O error), which fails all that was done in it.
std::size_t Database::Engine::run_transaction(std::vector<Job>& group, Outcomes& outcomes,
                                              std::size_t first) {
  const auto fail_since_first = [&](std::size_t end, const core::Error& error) {
    for (std::size_t i = first; i < end; ++i) {
      if (outcomes[i]) outcomes[i] = std::unexpected(error);
    }
  };
  if (auto begun = writer_->execute("BEGIN IMMEDIATE"); !begun) {
    fail_since_first(group.size(), begun.error());
    return group.size();
  }
  for (std::size_t i = first; i < group.size(); ++i) {
    outcomes[i] = run_in_savepoint(group[i]);
    if (writer_->in_transaction()) continue;
    fail_since_first(i, outcomes[i] ? core::Error{Code::kInternal, "work ended its transaction"}
                                    : outcomes[i].error());
    return i + 1;
  }
  if (auto committed = writer_->execute("COMMIT"); !committed) {
    fail_since_first(group.size(), committed.error());
    if (writer_->in_transaction()) {
      [[maybe_unused]] const auto rolled_back = writer_->execute("ROLLBACK");
    }
    if (!std::exchange(failing_, true))
      core::log(core::Level::kError, "store", "commits fail from now on",
                {{"reason", committed.error().message}, {"writes", group.size() - first}});
  } else {
    ++commits_;
    if (std::exchange(failing_, false))
      core::log(core::Level::kInfo, "store", "commits work again");
  }
  return group.size();
}

core::Status Database::Engine::run_in_savepoint(Job& job) {
  MUSTER_TRY(writer_->execute("SAVEPOINT work"));
  auto outcome = run_guarded(job.work, *writer_);
  if (!writer_->in_transaction()) {
    if (outcome) return core::fail(Code::kInternal, "database work ended its own transaction");
    return outcome;
  }
  if (!outcome) MUSTER_TRY(writer_->execute("ROLLBACK TO work"));
  MUSTER_TRY(writer_->execute("RELEASE work"));
  return outcome;
}

void Database::Engine::read_loop(detail::SqliteConnection& connection) {
  for (;;) {
    auto one = take(reads_, 1);
    if (one.empty()) return;
    Outcomes outcomes;
    outcomes.push_back(run_read(connection, one.front()));
    deliver(one, outcomes);
  }
}

core::Status Database::Engine::run_read(detail::SqliteConnection& connection, Job& job) {
  MUSTER_TRY(connection.execute("BEGIN"));
  auto outcome = run_guarded(job.work, connection);
  if (connection.in_transaction()) {
    [[maybe_unused]] const auto ended = connection.execute("ROLLBACK");
  }
  return outcome;
}

void Database::Engine::deliver(std::vector<Job>& group, Outcomes& outcomes) {
  std::vector<std::pair<runtime::Executor, Finished>> batches;
  for (std::size_t i = 0; i < group.size(); ++i) {
    Job& job = group[i];
    if (!job.executor) {
      job.done(std::move(outcomes[i]));
      continue;
    }
    auto batch = std::find_if(batches.begin(), batches.end(),
                              [&](const auto& known) { return known.first == job.executor; });
    if (batch == batches.end()) {
      batches.emplace_back(job.executor, Finished{});
      batch = std::prev(batches.end());
    }
    batch->second.emplace_back(std::move(job.done), std::move(outcomes[i]));
  }
  for (auto& batch : batches) {
    const auto where = batch.first;
    runtime::post(where, [where, done = std::move(batch.second)]() mutable {
      finish(where, std::move(done), 0);
    });
  }
}

Stats Database::Engine::stats() const {
  Stats stats;
  stats.writes = writes_done_;
  stats.failures = failures_;
  stats.commits = commits_;
  stats.refused = refused_;
  const std::lock_guard guard(mutex_);
  stats.queued = writes_.jobs.size() + reads_.jobs.size();
  return stats;
}

}  // namespace muster::store
