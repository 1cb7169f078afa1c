// SPDX-License-Identifier: Apache-2.0
#include "runtime/loop.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/this_coro.hpp>
#include <memory>

namespace muster::runtime {

void Loop::run() {
  const auto guard = boost::asio::make_work_guard(context_);
  context_.run();
}

void Loop::run_until_idle() {
  context_.restart();
  context_.run();
}

Task<bool> sleep_for(core::Duration duration) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, duration);
  const auto [failed] = co_await timer.async_wait(kAwait);
  co_return !failed;
}

void Timer::start(core::Duration after, std::function<void()> action) {
  cancel();
  armed_ = std::make_shared<bool>(true);
  timer_.expires_after(after);
  timer_.async_wait([armed = armed_, action = std::move(action)](boost::system::error_code failed) {
    if (!failed && *armed) action();
  });
}

void Timer::cancel() {
  if (armed_) *armed_ = false;  // a completion that is queued already finds this
  timer_.cancel();
}

}  // namespace muster::runtime
