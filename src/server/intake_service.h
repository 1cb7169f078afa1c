// SPDX-License-Identifier: Apache-2.0
//
// IntakeService takes what gateways have taken from methods, events and inventory, into the
// database: each once, and only of runs that are known there.
//
// Lives on the server's loop.
#pragma once

#include <string>

#include "core/result.h"
#include "fleet/registry.h"
#include "intake/store.h"
#include "region.pb.h"
#include "runtime/task.h"
#include "store/database.h"

namespace muster::server {

/// Counters since the start, for metrics.
struct IntakeStats {
  std::uint64_t events = 0;
  std::uint64_t tables = 0;
  std::uint64_t repeated = 0;
  std::uint64_t dropped = 0;  ///< of no run that is known there, malformed, or beyond a limit
};

class IntakeService {
 public:
  /// Items of one message.
  static constexpr std::size_t kIntakeItemsMax = 1024;

  explicit IntakeService(store::Database& database) : database_(database) {}

  /// What to answer once the batch is durable; an error: not, it will come again.
  runtime::Task<core::Result<wire::IntakeTaken>> take(std::string gateway, wire::IntakeUp batch);
  /// Removes what is too old or too many, and the inventory of hosts that are no more.
  runtime::Task<void> retain(fleet::Registry& registry);

  const IntakeStats& stats() const { return stats_; }

 private:
  store::Database& database_;
  IntakeStats stats_;
};

}  // namespace muster::server
