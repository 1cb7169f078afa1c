// SPDX-License-Identifier: Apache-2.0
//
// TaskGroup owns the tasks of a service: nothing is detached, and stop() ends all.
//
// Lives on one loop. Every service has start(), stop() and a group; it must outlive
// its tasks, so `co_await group.stop()` before destroying it.
#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <list>
#include <string>

#include "runtime/loop.h"

namespace muster::runtime {

class TaskGroup {
 public:
  /// `name` appears in the log when a task ends by an exception.
  TaskGroup(Loop& loop, std::string name);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Starts `task` on the loop. After stop() began it is dropped unstarted.
  void spawn(Task<void> task);

  /// Tasks that have not ended.
  std::size_t size() const { return signals_.size(); }
  bool stopping() const { return stopping_; }

  /// Asks every task to end (its current wait fails) and waits until all have.
  Task<void> stop();
  /// Waits until all tasks have ended by themselves.
  Task<void> wait();

 private:
  Loop& loop_;
  std::string name_;
  std::list<boost::asio::cancellation_signal> signals_;
  boost::asio::steady_timer idle_;  // cancelled whenever a task ends
  bool stopping_ = false;
};

}  // namespace muster::runtime
