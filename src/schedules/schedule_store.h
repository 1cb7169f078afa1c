// SPDX-License-Identifier: Apache-2.0
//
// The tables of schedules. Each function runs inside Database::write or ::read.
//
// What makes a firing happen once, whatever number of servers look at the clock, is its
// row: (schedule, due) is unique, it is inserted in the transaction that moves the
// schedule's cursor, and only who has inserted it orders the run. Who dies between the
// two leaves a row that is `ordering`; after kClaim somebody else takes it over, and
// the run's idempotency key, made of the same name, finds the run if there is one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "schedules/schedule.h"
#include "schedules/timetable.h"
#include "store/connection.h"
#include "store/migration.h"

namespace muster::schedules {

store::MigrationSet migrations();

/// A firing that is being ordered belongs so long to the server that has claimed it.
inline constexpr milliseconds kClaim = std::chrono::seconds(30);
/// Two boots of a host that lie closer together are one.
inline constexpr milliseconds kBootApart = std::chrono::seconds(60);

/// A host that has logged in, as on-login and on-boot schedules see it.
struct Login {
  core::EndpointId endpoint;
  core::WallTime booted;           ///< by the server's clock: when it heard, less its uptime
  std::int64_t booted_raw_ms = 0;  ///< as the host says it
};

struct FiringPage {
  std::vector<Firing> firings;       ///< newest first
  std::optional<std::int64_t> next;  ///< pass as `before`
};

class ScheduleStore {
 public:
  using Connection = store::Connection;

  /// kExists, kLimit.
  static core::Status insert(Connection& connection, const Schedule& schedule);
  /// Everything but id and name; the version becomes the next one. kNotFound; kConflict
  /// for another author while a firing is being ordered.
  static core::Status replace(Connection& connection, const Schedule& schedule);
  /// Enabling forgets what came while it was disabled. kNotFound.
  static core::Status set_enabled(Connection& connection, std::string_view name, bool enabled,
                                  std::string_view by, core::WallTime now);
  static core::Status remove(Connection& connection, std::string_view name);
  /// kNotFound.
  static core::Result<Schedule> find(Connection& connection, std::string_view name);
  static core::Result<std::optional<Schedule>> find_id(Connection& connection, std::string_view id);
  /// By name; `author`: only theirs.
  static core::Result<std::vector<Schedule>> list(Connection& connection,
                                                  const std::optional<std::string>& author);
  /// Those that can fire, without their requests.
  static core::Result<std::vector<Schedule>> enabled(Connection& connection);

  /// Makes the rows of a decision and moves the cursor; returns what this server is to
  /// order. Nothing where the schedule was changed meanwhile; without those that have
  /// been fired already.
  static core::Result<std::vector<Firing>> claim(Connection& connection, const Schedule& schedule,
                                                 const Decision& decision, std::string_view server,
                                                 core::WallTime now);
  /// Those of `logins` that claim_logins() would take.
  static core::Result<std::vector<Login>> new_logins(Connection& connection,
                                                     const Schedule& schedule,
                                                     const std::vector<Login>& logins,
                                                     core::WallTime now);
  /// The same for logins: those of them that are to fire, remembered and in one firing.
  static core::Result<std::optional<Firing>> claim_logins(Connection& connection,
                                                          const Schedule& schedule,
                                                          const std::vector<Login>& logins,
                                                          std::string_view server,
                                                          core::WallTime now);
  /// A firing by hand, also of one that is disabled.
  static core::Result<Firing> claim_by_hand(Connection& connection, const Schedule& schedule,
                                            std::string_view server, core::WallTime now);
  /// Firings that are being ordered by nobody who is alive: now by `server`.
  static core::Result<std::vector<Firing>> take_over(Connection& connection,
                                                     std::string_view server, core::WallTime now);
  /// How a firing that was being ordered ended: `state`, `run` and `reason` are taken.
  static core::Status settle(Connection& connection, const Firing& firing);

  static core::Result<FiringPage> firings(Connection& connection, std::string_view schedule,
                                          std::size_t limit, std::optional<std::int64_t> before);
  /// Forgets logins of hosts that are no more.
  static core::Status forget_logins(Connection& connection,
                                    const std::vector<core::EndpointId>& gone);
  static core::Result<std::vector<core::EndpointId>> login_hosts(Connection& connection);
};

}  // namespace muster::schedules
