// SPDX-License-Identifier: Apache-2.0
//
// The regions that this one knows, what it grants them, and the runs that it has started there.
// Each function runs inside Database::write or ::read; the audit entry is the caller's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "regions/grant.h"
#include "store/connection.h"
#include "store/migration.h"

namespace muster::regions {

store::MigrationSet migrations();

inline constexpr std::size_t kNeighboursMax = 100;
/// Runs in other regions that are remembered; the oldest go first.
inline constexpr std::int64_t kRunsKept = 10'000;

/// Another region as this one's administrator has it.
struct Neighbour {
  std::string name;    ///< What it is called here.
  std::string region;  ///< Its id.
  std::string ca_pem;
  std::vector<std::string> addresses;
  Grant grant;                  ///< What it may do here.
  std::uint8_t least_role = 0;  ///< Of ours who may ask it: access::Role.
  core::WallTime added_at;
  std::string added_by;
};

/// A run in another region that was started from here. It is the other region's: this says who of
/// ours asked for it, and what is known of it.
struct RemoteRun {
  std::int64_t id = 0;
  std::string neighbour;
  std::string user;
  std::string key;       ///< Idempotency-Key under which it was asked for.
  std::string what;      ///< The command or method, cut.
  std::string selector;  ///< Cut.
  std::string run;       ///< Its id there; empty: whether it was started is not known.
  std::string state;     ///< "unknown", "refused", or the run's there.
  std::string counts;    ///< A JSON object: targets by state.
  core::WallTime asked_at;
  core::WallTime looked_at;

  bool open() const { return !run.empty() && state != "finished" && state != "gone"; }
};

class Store {
 public:
  static core::Result<std::vector<Neighbour>> neighbours(store::Connection& connection);
  /// kExists where the name or the region is known already.
  static core::Status add(store::Connection& connection, const Neighbour& neighbour);
  static core::Status change(store::Connection& connection, const Neighbour& neighbour);
  static core::Status remove(store::Connection& connection, const std::string& name);

  /// The row of this key, made where there is none. Forgets the oldest.
  static core::Result<RemoteRun> begin_run(store::Connection& connection, RemoteRun run);
  static core::Status note_run(store::Connection& connection, const RemoteRun& run);
  /// Newest first, before `before`; of one user where given.
  static core::Result<std::vector<RemoteRun>> runs(store::Connection& connection, std::size_t limit,
                                                   std::optional<std::int64_t> before,
                                                   const std::optional<std::string>& user);
  /// Those that go on, as far as is known; newest first.
  static core::Result<std::vector<RemoteRun>> open_runs(store::Connection& connection,
                                                        std::size_t limit);
};

}  // namespace muster::regions
