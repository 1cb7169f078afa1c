// SPDX-License-Identifier: Apache-2.0
//
// Threads for what would block an event loop: password hashing, files, look-ups.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <type_traits>

#include "runtime/loop.h"
#include "runtime/task.h"

namespace muster::runtime {

class WorkerPool {
 public:
  explicit WorkerPool(std::size_t threads) : pool_(threads) {}
  ~WorkerPool() { pool_.join(); }

  /// Runs `work()` on a worker thread, then `then(its value)` on `loop`. Neither may throw.
  /// `loop` must outlive this pool.
  template <typename Work, typename Then>
  void post(Loop& loop, Work work, Then then) {
    boost::asio::post(pool_, [&loop, work = std::move(work), then = std::move(then)]() mutable {
      auto value = std::make_shared<std::invoke_result_t<Work>>(work());
      loop.post([value = std::move(value), then = std::move(then)]() mutable {
        then(std::move(*value));
      });
    });
  }

  /// Runs `work()` on a worker thread and returns its value on the caller's loop.
  /// `work` must not throw and must not touch what the loop owns.
  template <typename Work>
  Task<std::invoke_result_t<Work>> run(Work work) {
    using Value = std::invoke_result_t<Work>;
    auto executor = co_await boost::asio::this_coro::executor;
    auto value = co_await boost::asio::async_initiate<decltype(boost::asio::use_awaitable),
                                                      void(std::shared_ptr<Value>)>(
        [this, executor](auto handler, Work moved) {
          boost::asio::post(
              pool_, [executor, handler = std::move(handler), moved = std::move(moved)]() mutable {
                auto value = std::make_shared<Value>(moved());
                boost::asio::post(
                    executor, [handler = std::move(handler), value = std::move(value)]() mutable {
                      std::move(handler)(std::move(value));
                    });
              });
        },
        boost::asio::use_awaitable, std::move(work));
    co_return std::move(*value);
  }

 private:
  boost::asio::thread_pool pool_;
};

}  // namespace muster::runtime
