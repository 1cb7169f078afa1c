// SPDX-License-Identifier: Apache-2.0
//
// Loop is one event loop on one thread. A link, a request, a service lives on one
// loop for its life; loops talk by post(), so the hot path takes no lock.
//
// Threads: run() owns the calling thread until stop(). post() is safe from any
// thread; everything else belongs to the loop's own thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <utility>

#include "core/clock.h"
#include "runtime/task.h"

namespace muster::runtime {

class Loop {
 public:
  Loop() : context_(1) {}
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  boost::asio::io_context& context() { return context_; }
  boost::asio::any_io_executor executor() { return context_.get_executor(); }

  /// Runs until stop(), even while there is nothing to do.
  void run();
  /// Runs what is ready and whatever follows until nothing is left; for tests.
  void run_until_idle();
  /// Makes run() return soon. Any thread.
  void stop() { context_.stop(); }

  /// Runs `work` on the loop's thread, after what is queued already. Any thread.
  template <typename Work>
  void post(Work&& work) {
    boost::asio::post(context_, std::forward<Work>(work));
  }

 private:
  boost::asio::io_context context_;
};

/// Suspends the current task. Returns false when the task is being cancelled.
Task<bool> sleep_for(core::Duration duration);

/// Calls a function once, later, on its loop; restarting replaces the old deadline.
/// Destroying or cancelling it makes sure that the function is not called any more.
class Timer {
 public:
  explicit Timer(Loop& loop) : timer_(loop.context()) {}
  ~Timer() { cancel(); }
  void start(core::Duration after, std::function<void()> action);
  void cancel();

 private:
  boost::asio::steady_timer timer_;
  std::shared_ptr<bool> armed_;
};

}  // namespace muster::runtime
