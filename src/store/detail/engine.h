// SPDX-License-Identifier: Apache-2.0
//
// Engine: the threads and queues beneath Database.
//
// Threads: submit() from any; `writer_` belongs to the writer's thread, each reader
// connection to its reader's thread, which also restores it; the queues are under `mutex_`.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "store/database.h"
#include "store/detail/session.h"

namespace muster::store {

class Database::Engine {
 public:
  Engine(Options options, std::unique_ptr<detail::Backend> backend);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  core::Status start();
  void stop();
  void fence();
  void submit(Side side, Job job);
  Stats stats() const;

 private:
  using Outcomes = std::vector<core::Status>;
  struct Queue {
    std::deque<Job> jobs;
    std::condition_variable filled;
  };

  /// What a thread knows of its own lost connection.
  struct Outage {
    std::optional<core::MonoTime> since;
    core::MonoTime tried{};
    core::Duration pause{};
    core::Error why;
  };

  std::vector<Job> take(Queue& queue, std::size_t count_max);
  void write_loop();
  void read_loop(detail::Session& session);
  /// Restores a lost session, for as long as work may wait.
  core::Status make_ready(detail::Session& session, Outage& outage);
  core::Status try_restore(detail::Session& session, Outage& outage);
  bool pause(Outage& outage);
  std::size_t run_transaction(std::vector<Job>& group, Outcomes& outcomes, std::size_t first);
  void end_transaction(std::span<core::Status> outcomes);
  core::Result<bool> ask_whether_committed();
  core::Status run_piece(Job& job);
  core::Status run_read(detail::Session& session, Job& job);
  void deliver(std::vector<Job>& group, Outcomes& outcomes);

  const Options options_;
  std::unique_ptr<detail::Backend> backend_;
  std::unique_ptr<detail::Session> writer_;
  std::vector<std::unique_ptr<detail::Session>> readers_;

  mutable std::mutex mutex_;
  Queue writes_, reads_;
  bool stopping_ = false;
  std::atomic<bool> fenced_{false};
  std::condition_variable stopped_;
  std::vector<std::thread> threads_;
  std::mutex stop_mutex_;  // one stop() at a time

  Outage outage_;         ///< the writer's
  bool failing_ = false;  ///< of commits; by the writer only, for the log
  std::atomic<std::uint64_t> outages_{0};
  std::atomic<bool> lost_{false};
  std::atomic<std::uint64_t> writes_done_{0}, failures_{0}, commits_{0}, refused_{0};
};

}  // namespace muster::store
