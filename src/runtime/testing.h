// SPDX-License-Identifier: Apache-2.0
//
// For tests of modules that speak Tasks.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <optional>

#include "core/assert.h"
#include "runtime/loop.h"

namespace muster::runtime {

/// Runs one task to its end on `loop`, also where other threads work for it.
template <typename T>
T run_to_end(Loop& loop, Task<T> task) {
  std::optional<T> value;
  std::exception_ptr failed;
  boost::asio::co_spawn(
      loop.context(), [&]() -> Task<void> { value.emplace(co_await std::move(task)); },
      [&](std::exception_ptr thrown) {
        failed = thrown;
        loop.stop();
      });
  // Only now: a thread that lets go of its last work guard late stops an idle loop.
  loop.context().restart();
  loop.run();
  if (failed) std::rethrow_exception(failed);
  MUSTER_ASSERT(value.has_value());
  return std::move(*value);
}

}  // namespace muster::runtime
