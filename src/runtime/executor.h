// SPDX-License-Identifier: Apache-2.0
//
// Executor names a loop without owning it, so that work done elsewhere can come back;
// await_callback() turns such a come-back into a value in a Task.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <functional>
#include <memory>
#include <utility>

#include "runtime/task.h"

namespace muster::runtime {

using Executor = boost::asio::any_io_executor;

/// One that keeps Loop::run_until_idle() from ending while a come-back is due.
Executor tracked(const Executor& executor);

/// Runs `work` on the executor's loop. Any thread.
template <typename Work>
void post(const Executor& executor, Work&& work) {
  boost::asio::post(executor, std::forward<Work>(work));
}

/// The loop on which this task runs.
inline Task<Executor> current_executor() {
  co_return co_await boost::asio::this_coro::executor;
}

/// Suspends the task until the function that `start` was given is called, and returns
/// what it was called with. It must be called once, on the task's loop.
template <typename T, typename Start>
Task<T> await_callback(Start start) {
  auto value = co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>,
                                                    void(std::shared_ptr<T>)>(
      [](auto handler, Start begin) {
        std::move(begin)([handler = std::move(handler)](T result) mutable {
          std::move(handler)(std::make_shared<T>(std::move(result)));
        });
      },
      boost::asio::use_awaitable, std::move(start));
  co_return std::move(*value);
}

}  // namespace muster::runtime
