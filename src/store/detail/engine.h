// SPDX-License-Identifier: Apache-2.0
//
// Engine: the threads and queues beneath Database.
//
// Threads: submit() from any; `writer_` belongs to the writer's thread, each reader
// connection to its reader's thread; the queues are under `mutex_`.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "store/database.h"
#include "store/detail/file_lock.h"
#include "store/detail/sqlite_connection.h"

namespace muster::store {

class Database::Engine {
 public:
  explicit Engine(Options options, bool temporary);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  core::Status start();
  void stop();
  void submit(Side side, Job job);
  Stats stats() const;

 private:
  using Outcomes = std::vector<core::Status>;
  struct Queue {
    std::deque<Job> jobs;
    std::condition_variable filled;
  };

  core::Status open_files();
  std::vector<Job> take(Queue& queue, std::size_t count_max);
  void write_loop();
  void read_loop(detail::SqliteConnection& connection);
  std::size_t run_transaction(std::vector<Job>& group, Outcomes& outcomes, std::size_t first);
  core::Status run_in_savepoint(Job& job);
  core::Status run_read(detail::SqliteConnection& connection, Job& job);
  void deliver(std::vector<Job>& group, Outcomes& outcomes);

  const Options options_;
  const bool temporary_;
  detail::FileLock lock_;
  std::unique_ptr<detail::SqliteConnection> writer_;
  std::vector<std::unique_ptr<detail::SqliteConnection>> readers_;

  mutable std::mutex mutex_;
  Queue writes_, reads_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
  std::mutex stop_mutex_;  // one stop() at a time

  bool failing_ = false;  ///< of commits; by the writer only, for the log
  std::atomic<std::uint64_t> writes_done_{0}, failures_{0}, commits_{0}, refused_{0};
};

}  // namespace muster::store
