// SPDX-License-Identifier: Apache-2.0
//
// Signal wakes tasks that wait for something to change. It counts its changes: a
// waiter names the last one that it has seen, so none is lost between a look at the
// state and the wait.
//
// Lives on one loop. Must outlive its waiters: they share it, or a TaskGroup ends them.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <list>

#include "runtime/loop.h"

namespace muster::runtime {

class Signal {
 public:
  /// How often notify() was called.
  std::uint64_t count() const { return count_; }

  /// Wakes every waiter.
  void notify() {
    ++count_;
    for (auto* waiter : waiters_) waiter->cancel();
  }

  /// Waits until count() differs from `seen`, `at_most` has passed, or the task is
  /// cancelled. Returns whether count() differs.
  Task<bool> wait(std::uint64_t seen, core::Duration at_most) {
    if (count_ != seen) co_return true;
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, at_most);
    const auto place = waiters_.insert(waiters_.end(), &timer);
    co_await timer.async_wait(kAwait);
    waiters_.erase(place);
    co_return count_ != seen;
  }

 private:
  std::list<boost::asio::steady_timer*> waiters_;
  std::uint64_t count_ = 0;
};

}  // namespace muster::runtime
