// SPDX-License-Identifier: Apache-2.0
#include "runtime/task_group.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "core/assert.h"
#include "core/log.h"

namespace muster::runtime {

TaskGroup::TaskGroup(Loop& loop, std::string name)
    : loop_(loop), name_(std::move(name)), idle_(loop.context()) {
  idle_.expires_at(boost::asio::steady_timer::time_point::max());
}

TaskGroup::~TaskGroup() {
  MUSTER_ASSERT(signals_.empty());
}

void TaskGroup::spawn(Task<void> task) {
  if (stopping_) return;
  const auto signal = signals_.emplace(signals_.end());
  boost::asio::co_spawn(loop_.context(), std::move(task),
                        boost::asio::bind_cancellation_slot(
                            signal->slot(), [this, signal](std::exception_ptr thrown) {
                              signals_.erase(signal);
                              idle_.cancel();
                              if (!thrown) return;
                              try {
                                std::rethrow_exception(thrown);
                              } catch (const std::exception& e) {
                                core::log(core::Level::kError, name_,
                                          "a task ended by an exception", {{"what", e.what()}});
                              }
                            }));
}

Task<void> TaskGroup::stop() {
  stopping_ = true;
  // A task may end inside emit(), and that erases its signal: step first.
  for (auto signal = signals_.begin(); signal != signals_.end();)
    (signal++)->emit(boost::asio::cancellation_type::terminal);
  co_await wait();
}

Task<void> TaskGroup::wait() {
  while (!signals_.empty()) co_await idle_.async_wait(kAwait);
}

}  // namespace muster::runtime
