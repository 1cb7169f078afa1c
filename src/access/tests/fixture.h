// SPDX-License-Identifier: Apache-2.0
//
// A temporary database, a loop, workers and a clock that stands still.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <exception>
#include <memory>
#include <optional>

#include "access/schema.h"
#include "access/types.h"
#include "core/assert.h"
#include "runtime/loop.h"
#include "runtime/worker_pool.h"
#include "store/database.h"

namespace muster::access {

class Fixture : public testing::Test {
 protected:
  Clock clock() {
    return [this] { return now; };
  }

  /// Runs one task to its end.
  template <typename T>
  T run(runtime::Task<T> task) {
    std::optional<T> value;
    std::exception_ptr failed;
    boost::asio::co_spawn(
        loop.context(), [&]() -> runtime::Task<void> { value.emplace(co_await std::move(task)); },
        [&](std::exception_ptr thrown) {
          failed = thrown;
          loop.stop();
        });
    // Only now: a writer that lets go of its last work guard late stops an idle loop.
    loop.context().restart();
    loop.run();  // workers are not tracked, so run_until_idle() could end too early
    if (failed) std::rethrow_exception(failed);
    MUSTER_ASSERT(value.has_value());
    return std::move(*value);
  }

  core::WallTime now = core::wall_from_unix_ms(1'790'000'000'000);
  runtime::Loop loop;
  runtime::WorkerPool workers{1};
  std::unique_ptr<store::Database> database =
      std::move(*store::Database::open_temporary({migrations()}));
};

}  // namespace muster::access
