// SPDX-License-Identifier: Apache-2.0
//
// Events and inventory in their tables. Each function runs inside Database::write or ::read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"
#include "intake/items.h"
#include "region.pb.h"
#include "store/connection.h"
#include "store/migration.h"

namespace muster::intake {

store::MigrationSet migrations();

/// What is kept of events; the oldest go first.
inline constexpr std::chrono::days kEventsKept{30};
inline constexpr std::int64_t kEventsMax = 500'000;
/// Events that one call of retain() removes: this bounds the transaction.
inline constexpr std::int64_t kRemovedMax = 5'000;
/// Queues that nothing was heard of for so long are forgotten.
inline constexpr std::chrono::days kQueuesKept{365};

struct StoredEvent {
  std::int64_t id = 0;  ///< rises with the time at which it was stored
  core::EndpointId endpoint;
  core::RunId run;
  std::string gateway;
  Event event;
  core::WallTime taken_at;  ///< by the gateway's clock
  core::WallTime stored_at;
};

struct StoredTable {
  Inventory inventory;
  core::RunId run;
  core::WallTime reported_at;  ///< when it was stored
};

struct EventFilter {
  std::optional<core::EndpointId> endpoint;
  std::optional<core::RunId> run;
  Severity at_least = Severity::kDebug;
  std::string kind;  ///< empty: any
};

/// What became of a batch.
struct Outcome {
  std::uint64_t events = 0;
  std::uint64_t tables = 0;
  std::uint64_t repeated = 0;  ///< had been stored before
  std::uint64_t dropped = 0;   ///< of no run, malformed, or beyond a limit
};

class Store {
 public:
  /// Takes a batch of one queue; the same one again changes nothing. REQUIRES: endpoints and
  /// queue have 16 bytes.
  static core::Result<Outcome> apply(store::Connection& connection, const std::string& gateway,
                                     const wire::IntakeUp& batch, core::WallTime now);

  /// Newest first, before `before`.
  static core::Result<std::vector<StoredEvent>> events(store::Connection& connection,
                                                       const EventFilter& filter, std::size_t limit,
                                                       std::optional<std::int64_t> before);
  /// All tables of a host, by name.
  static core::Result<std::vector<StoredTable>> inventory(store::Connection& connection,
                                                          const core::EndpointId& endpoint);

  /// Removes what is too old or too many; whether there is more to remove.
  static core::Result<bool> retain(store::Connection& connection, core::WallTime now);
  /// Hosts that have tables.
  static core::Result<std::vector<core::EndpointId>> hosts(store::Connection& connection);
  static core::Status forget_host(store::Connection& connection, const core::EndpointId& endpoint);
};

}  // namespace muster::intake
