// SPDX-License-Identifier: Apache-2.0
//
// A temporary database, a loop, workers and a clock that stands still.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "access/schema.h"
#include "access/types.h"
#include "runtime/testing.h"
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
    return runtime::run_to_end(loop, std::move(task));
  }

  core::WallTime now = core::wall_from_unix_ms(1'790'000'000'000);
  runtime::Loop loop;
  runtime::WorkerPool workers{1};
  std::unique_ptr<store::Database> database =
      std::move(*store::Database::open_temporary({migrations()}));
};

}  // namespace muster::access
