// SPDX-License-Identifier: Apache-2.0
#include "store/detail/engine.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

#include "core/log.h"

namespace muster::store {
namespace {

using core::Code;
using namespace std::chrono_literals;

/// Between attempts to reach a database that is away: at first, and at most.
constexpr core::Duration kRestorePause = 50ms;
constexpr core::Duration kRestorePauseMax = 1s;

using Finished = std::vector<std::pair<Database::Done, core::Status>>;

core::Status run_guarded(Database::Work& work, Connection& connection) {
  try {
    return work(connection);
  } catch (const std::exception& thrown) {
    return core::fail(Code::kInternal, std::string("database work threw: ") + thrown.what());
  }
}

constexpr std::string_view kLostBeforeCommit =
    "the connection to the database was lost before this was committed; nothing of it was done, "
    "try again";

// Whatever was well is not any more.
void fail_good(std::span<core::Status> outcomes, const core::Error& error) {
  for (auto& outcome : outcomes)
    if (outcome) outcome = std::unexpected(error);
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

Database::Engine::Engine(Options options, std::unique_ptr<detail::Backend> backend)
    : options_(std::move(options)), backend_(std::move(backend)) {}

Database::Engine::~Engine() {
  stop();
}

core::Status Database::Engine::start() {
  MUSTER_ASSIGN(writer_, backend_->open_writer(options_.migrations));
  for (std::size_t i = 0; i < options_.readers; ++i) {
    MUSTER_ASSIGN(auto reader, backend_->open_reader());
    readers_.push_back(std::move(reader));
  }
  threads_.emplace_back([this] { write_loop(); });
  for (auto& reader : readers_) {
    threads_.emplace_back([this, session = reader.get()] { read_loop(*session); });
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
  stopped_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
  readers_.clear();
  writer_.reset();  // the last to close writes the log back into the file
  backend_.reset();
}

void Database::Engine::fence() {
  {
    const std::lock_guard guard(mutex_);
    fenced_ = true;
  }
  stopped_.notify_all();
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
// outcome yet: the end of the group, unless the database gave up the transaction on its own
// (disk full, I/O error, connection lost), which fails all that was done in it.
std::size_t Database::Engine::run_transaction(std::vector<Job>& group, Outcomes& outcomes,
                                              std::size_t first) {
  const auto of = std::span(outcomes).subspan(first);
  auto begun = make_ready(*writer_, outage_);
  if (begun) begun = writer_->begin(of.size());
  if (!begun && writer_->lost()) {  // between the look and the first word
    begun = make_ready(*writer_, outage_);
    if (begun) begun = writer_->begin(of.size());
  }
  if (!begun) {
    fail_good(of, begun.error());
    return group.size();
  }
  for (std::size_t i = first; i < group.size(); ++i) {
    outcomes[i] = run_piece(group[i]);
    if (writer_->in_transaction()) continue;
    // The piece itself may have gone well before the connection was lost: it is gone, too.
    const auto error = outcomes[i] ? core::Error{Code::kUnavailable, std::string(kLostBeforeCommit)}
                                   : outcomes[i].error();
    fail_good(of.first(i - first + 1), error);
    return i + 1;
  }
  end_transaction(of);
  return group.size();
}

void Database::Engine::end_transaction(std::span<core::Status> outcomes) {
  auto committed = writer_->commit();
  if (!committed && writer_->lost()) {
    if (auto asked = ask_whether_committed(); !asked) {
      committed = std::unexpected(std::move(asked.error()));
    } else if (*asked) {
      committed = core::Status();
    }
  }
  if (committed) {
    ++commits_;
    if (std::exchange(failing_, false))
      core::log(core::Level::kInfo, "store", "commits work again");
    return;
  }
  fail_good(outcomes, committed.error());
  writer_->roll_back();
  if (!std::exchange(failing_, true))
    core::log(core::Level::kError, "store", "commits fail from now on",
              {{"reason", committed.error().message}, {"writes", outcomes.size()}});
}

// The connection broke during a commit. Its group is told nothing until this is known, so
// this waits for as long as it takes.
core::Result<bool> Database::Engine::ask_whether_committed() {
  for (;;) {
    const auto restored = try_restore(*writer_, outage_);
    if (restored || restored.error().code == Code::kConflict) {
      auto asked = writer_->committed();
      if (asked || asked.error().code != Code::kUnavailable) return asked;
    }
    if (pause(outage_)) continue;
    return core::fail(Code::kUnavailable,
                      "the connection to the database was lost during a commit and the server "
                      "stops: whether this was done is not known; look before you repeat it");
  }
}

core::Status Database::Engine::run_piece(Job& job) {
  MUSTER_TRY(writer_->begin_piece());
  auto outcome = run_guarded(job.work, *writer_);
  if (!writer_->in_transaction()) {
    if (outcome) return core::fail(Code::kInternal, "database work ended its own transaction");
    return outcome;
  }
  auto ended = writer_->end_piece(outcome.has_value());
  return outcome ? ended : outcome;
}

core::Status Database::Engine::try_restore(detail::Session& session, Outage& outage) {
  if (!outage.since) {
    outage = {core::mono_now(), {}, kRestorePause, {}};
    if (&session == writer_.get()) {
      ++outages_;
      lost_ = true;
      core::log(core::Level::kWarn, "store", "the connection to the database is lost");
    }
  }
  outage.tried = core::mono_now();
  auto restored = session.restore();
  if (!restored) {
    outage.why = restored.error();
    return restored;
  }
  if (&session == writer_.get()) {
    lost_ = false;
    core::log(core::Level::kInfo, "store", "the database is back",
              {{"after", core::to_text(core::mono_now() - *outage.since)}});
  }
  outage = {};
  return {};
}

// Until the next attempt; false where the database is being closed.
bool Database::Engine::pause(Outage& outage) {
  std::unique_lock guard(mutex_);
  stopped_.wait_for(guard, outage.pause, [&] { return stopping_ || fenced_; });
  outage.pause = std::min(2 * outage.pause, kRestorePauseMax);
  return !stopping_ && !fenced_;
}

core::Status Database::Engine::make_ready(detail::Session& session, Outage& outage) {
  if (fenced_)
    return core::fail(Code::kUnavailable,
                      "this server does not lead any more; nothing of this was done, try again");
  if (!session.lost()) return {};
  const auto away = [](const core::Error& why) {
    return core::fail(Code::kUnavailable, "the database is away (" + why.message +
                                              "); nothing of this was done, try again later");
  };
  // Once it has been away for long, nobody waits for more than an attempt now and then.
  if (outage.since && core::mono_now() - outage.tried < kRestorePauseMax &&
      core::mono_now() - *outage.since >= options_.outage_wait)
    return away(outage.why);
  for (;;) {
    auto restored = try_restore(session, outage);
    if (restored) return {};
    if (restored.error().code == Code::kConflict) return away(restored.error());
    const bool waited = core::mono_now() - *outage.since >= options_.outage_wait;
    if (waited || !pause(outage)) return away(restored.error());
  }
}

void Database::Engine::read_loop(detail::Session& session) {
  Outage outage;
  for (;;) {
    auto one = take(reads_, 1);
    if (one.empty()) return;
    Outcomes outcomes;
    auto ready = make_ready(session, outage);
    outcomes.push_back(ready ? run_read(session, one.front()) : std::move(ready));
    deliver(one, outcomes);
  }
}

core::Status Database::Engine::run_read(detail::Session& session, Job& job) {
  MUSTER_TRY(session.begin(1));
  auto outcome = run_guarded(job.work, session);
  session.roll_back();
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
  stats.outages = outages_;
  stats.lost = lost_;
  const std::lock_guard guard(mutex_);
  stats.queued = writes_.jobs.size() + reads_.jobs.size();
  return stats;
}

}  // namespace muster::store
