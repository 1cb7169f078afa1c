// SPDX-License-Identifier: Apache-2.0
//
// Firings: claimed, taken over, settled, shown.
#include <algorithm>

#include "core/bytes.h"
#include "schedules/schedule_store.h"

namespace muster::schedules {
namespace {

using core::unix_ms;
using core::wall_from_unix_ms;
using store::Blob;
using store::Connection;
using store::Row;

constexpr std::size_t kReasonBytesMax = 1024;

#define MUSTER_FIRING_COLUMNS \
  "schedule, seq, due, cause, state, fired_at, run, reason, stands_for, targets"

Firing firing_of(const Row& row) {
  Firing made;
  made.schedule = row.string(0);
  made.seq = row.integer(1);
  made.due = wall_from_unix_ms(row.integer(2));
  made.cause = static_cast<Cause>(row.integer(3));
  made.state = static_cast<FiringState>(row.integer(4));
  made.fired_at = wall_from_unix_ms(row.integer(5));
  made.run = core::RunId(static_cast<std::uint64_t>(row.integer(6)));
  made.reason = row.string(7);
  made.stands_for = static_cast<std::uint32_t>(row.integer(8));
  std::string_view targets = row.blob(9);
  for (; !targets.empty(); targets.remove_prefix(core::EndpointId::kBytes)) {
    const auto id = core::EndpointId::from_bytes(targets.substr(0, core::EndpointId::kBytes));
    if (!id) break;
    made.targets.push_back(*id);
  }
  return made;
}

core::Result<bool> is_unchanged(Connection& connection, const Schedule& schedule) {
  MUSTER_ASSIGN(const auto there,
                connection.integer("SELECT count(*) FROM schedules_schedules WHERE id = ? AND "
                                   "version = ? AND enabled = 1",
                                   {schedule.id, schedule.version}));
  return there == 1;
}

/// False where this firing was made already.
core::Result<bool> insert_firing(Connection& connection, Firing& firing, std::string_view server) {
  MUSTER_ASSIGN(firing.seq,
                connection.integer("SELECT coalesce(max(seq), 0) + 1 FROM schedules_firings "
                                   "WHERE schedule = ?",
                                   {firing.schedule}));
  std::string targets;
  for (const auto& id : firing.targets) targets += id.bytes();
  // What was left out as missed, by a clock that was wrong, may still come in its time.
  MUSTER_TRY(connection.execute(
      "DELETE FROM schedules_firings WHERE schedule = ? AND due = ? AND state = 3",
      {firing.schedule, unix_ms(firing.due)}));
  MUSTER_ASSIGN(
      const auto added,
      connection.execute(
          "INSERT INTO schedules_firings(" MUSTER_FIRING_COLUMNS
          ", claimed_by, claimed_at) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
          "ON CONFLICT(schedule, due) DO NOTHING",
          {firing.schedule, firing.seq, unix_ms(firing.due), static_cast<int>(firing.cause),
           static_cast<int>(firing.state), unix_ms(firing.fired_at), firing.run.value(),
           firing.reason, firing.stands_for, Blob{targets}, server, unix_ms(firing.fired_at)}));
  if (added == 0) return false;
  MUSTER_TRY(connection.execute(
      "DELETE FROM schedules_firings WHERE schedule = ? AND seq <= ? AND state <> 0",
      {firing.schedule, firing.seq - static_cast<std::int64_t>(kFiringsKept)}));
  return true;
}

/// A window that drops a firing each minute has one row, not one a minute.
core::Status insert_skipped(Connection& connection, Firing firing, std::string_view server) {
  MUSTER_ASSIGN(const auto before, connection.first("SELECT " MUSTER_FIRING_COLUMNS
                                                    " FROM schedules_firings WHERE schedule = ? "
                                                    "ORDER BY seq DESC LIMIT 1",
                                                    {firing.schedule}, firing_of));
  if (!before || before->state != FiringState::kSkipped || before->reason != firing.reason) {
    MUSTER_TRY(insert_firing(connection, firing, server));
    return {};
  }
  MUSTER_TRY(connection.execute(
      "UPDATE schedules_firings SET stands_for = ?, fired_at = ? WHERE schedule = ? AND seq = ?",
      {before->stands_for + firing.stands_for, unix_ms(firing.fired_at), firing.schedule,
       before->seq}));
  return {};
}

/// Whether `login` is one that fires, by what is remembered of its host.
core::Result<bool> is_new(Connection& connection, const Schedule& schedule, const Login& login,
                          core::WallTime now) {
  struct Seen {
    core::WallTime fired_at, booted;
    std::int64_t raw_ms;
  };
  MUSTER_ASSIGN(const auto seen,
                connection.first("SELECT fired_at, booted, booted_raw FROM schedules_logins "
                                 "WHERE schedule = ? AND endpoint = ?",
                                 {schedule.id, Blob{login.endpoint.bytes()}}, [](const Row& row) {
                                   return Seen{wall_from_unix_ms(row.integer(0)),
                                               wall_from_unix_ms(row.integer(1)), row.integer(2)};
                                 }));
  const auto apart = [](milliseconds a, milliseconds b) {
    return std::max(a, b) - std::min(a, b) >= kBootApart;
  };
  if (schedule.terms.kind == TriggerKind::kBoot)
    // By both clocks: neither the host's nor the server's makes a boot by being set.
    return login.booted > schedule.handled &&
           (!seen || (apart(login.booted.time_since_epoch(), seen->booted.time_since_epoch()) &&
                      apart(milliseconds(login.booted_raw_ms), milliseconds(seen->raw_ms))));
  return !seen || seen->fired_at > now || now - seen->fired_at >= schedule.terms.quiet;
}

core::Status remember(Connection& connection, const Schedule& schedule, const Login& login,
                      core::WallTime now) {
  MUSTER_TRY(connection.execute(
      "INSERT INTO schedules_logins(schedule, endpoint, fired_at, booted, booted_raw) "
      "VALUES(?, ?, ?, ?, ?) ON CONFLICT(schedule, endpoint) DO UPDATE SET "
      "fired_at = excluded.fired_at, booted = excluded.booted, booted_raw = excluded.booted_raw",
      {schedule.id, Blob{login.endpoint.bytes()}, unix_ms(now), unix_ms(login.booted),
       login.booted_raw_ms}));
  return {};
}

/// A firing named by the moment; the next free one where two come in a millisecond.
core::Status insert_now(Connection& connection, Firing& firing, std::string_view server) {
  for (int i = 0; i < 1000; ++i, firing.due += milliseconds(1)) {
    MUSTER_ASSIGN(const bool added, insert_firing(connection, firing, server));
    if (added) return {};
  }
  return core::fail(core::Code::kLimit, "this schedule fires too often just now; try again");
}

}  // namespace

core::Result<std::vector<Firing>> ScheduleStore::claim(Connection& connection,
                                                       const Schedule& schedule,
                                                       const Decision& decision,
                                                       std::string_view server,
                                                       core::WallTime now) {
  std::vector<Firing> claimed;
  MUSTER_ASSIGN(const bool unchanged, is_unchanged(connection, schedule));
  if (!unchanged) return claimed;
  const auto make = [&](const Due& due, FiringState state) {
    Firing firing;
    firing.schedule = schedule.id;
    firing.due = due.due;
    firing.cause = due.late ? Cause::kMissed : Cause::kTime;
    firing.state = state;
    firing.fired_at = now;
    firing.reason = due.reason;
    firing.stands_for = due.stands_for;
    return firing;
  };
  for (const Due& due : decision.skipped)
    MUSTER_TRY(insert_skipped(connection, make(due, FiringState::kSkipped), server));
  for (const Due& due : decision.fire) {
    Firing firing = make(due, FiringState::kOrdering);
    MUSTER_ASSIGN(const bool added, insert_firing(connection, firing, server));
    if (added) claimed.push_back(std::move(firing));
  }
  MUSTER_TRY(connection.execute("UPDATE schedules_schedules SET handled = ? WHERE id = ?",
                                {unix_ms(decision.handled), schedule.id}));
  return claimed;
}

core::Result<std::vector<Login>> ScheduleStore::new_logins(Connection& connection,
                                                           const Schedule& schedule,
                                                           const std::vector<Login>& logins,
                                                           core::WallTime now) {
  std::vector<Login> found;
  for (const Login& login : logins) {
    MUSTER_ASSIGN(const bool fires, is_new(connection, schedule, login, now));
    if (fires) found.push_back(login);
  }
  return found;
}

core::Result<std::optional<Firing>> ScheduleStore::claim_logins(Connection& connection,
                                                                const Schedule& schedule,
                                                                const std::vector<Login>& logins,
                                                                std::string_view server,
                                                                core::WallTime now) {
  Firing firing;
  MUSTER_ASSIGN(const bool unchanged, is_unchanged(connection, schedule));
  if (!unchanged) return std::nullopt;
  for (const Login& login : logins) {
    MUSTER_ASSIGN(const bool fires, is_new(connection, schedule, login, now));
    if (!fires) continue;
    MUSTER_TRY(remember(connection, schedule, login, now));
    firing.targets.push_back(login.endpoint);
  }
  if (firing.targets.empty()) return std::nullopt;
  firing.schedule = schedule.id;
  firing.due = firing.fired_at = now;
  firing.cause = schedule.terms.kind == TriggerKind::kBoot ? Cause::kBoot : Cause::kLogin;
  MUSTER_TRY(insert_now(connection, firing, server));
  return firing;
}

core::Result<Firing> ScheduleStore::claim_by_hand(Connection& connection, const Schedule& schedule,
                                                  std::string_view server, core::WallTime now) {
  Firing firing;
  firing.schedule = schedule.id;
  firing.due = firing.fired_at = now;
  firing.cause = Cause::kHand;
  MUSTER_TRY(insert_now(connection, firing, server));
  return firing;
}

core::Result<std::vector<Firing>> ScheduleStore::take_over(Connection& connection,
                                                           std::string_view server,
                                                           core::WallTime now) {
  // One that was claimed in the future was claimed by a clock that was set back since.
  std::vector<Firing> taken;
  MUSTER_TRY(
      connection.query("UPDATE schedules_firings SET claimed_by = ?, claimed_at = ? "
                       "WHERE state = 0 AND (claimed_at <= ? OR claimed_at > ?) "
                       "RETURNING " MUSTER_FIRING_COLUMNS,
                       {server, unix_ms(now), unix_ms(now - kClaim), unix_ms(now + kClaim)},
                       [&](const Row& row) { taken.push_back(firing_of(row)); }));
  return taken;
}

core::Status ScheduleStore::settle(Connection& connection, const Firing& firing) {
  const std::string reason = core::printable(firing.reason, kReasonBytesMax);
  MUSTER_TRY(
      connection.execute("UPDATE schedules_firings SET state = ?, run = ?, reason = ?, targets = ? "
                         "WHERE schedule = ? AND due = ? AND state = 0",
                         {static_cast<int>(firing.state), firing.run.value(), reason, Blob{""},
                          firing.schedule, unix_ms(firing.due)}));
  return {};
}

core::Result<FiringPage> ScheduleStore::firings(Connection& connection, std::string_view schedule,
                                                std::size_t limit,
                                                std::optional<std::int64_t> before) {
  FiringPage page;
  MUSTER_TRY(connection.query(
      "SELECT " MUSTER_FIRING_COLUMNS
      " FROM schedules_firings WHERE schedule = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
      {schedule, before.value_or(INT64_MAX), limit + 1},
      [&](const Row& row) { page.firings.push_back(firing_of(row)); }));
  if (page.firings.size() > limit) {
    page.firings.resize(limit);
    page.next = page.firings.back().seq;
  }
  return page;
}

core::Result<std::vector<core::EndpointId>> ScheduleStore::login_hosts(Connection& connection) {
  std::vector<core::EndpointId> hosts;
  MUSTER_TRY(
      connection.query("SELECT DISTINCT endpoint FROM schedules_logins", {}, [&](const Row& row) {
        if (auto id = core::EndpointId::from_bytes(row.blob(0))) hosts.push_back(*id);
      }));
  return hosts;
}

core::Status ScheduleStore::forget_logins(Connection& connection,
                                          const std::vector<core::EndpointId>& gone) {
  for (const auto& id : gone)
    MUSTER_TRY(
        connection.execute("DELETE FROM schedules_logins WHERE endpoint = ?", {Blob{id.bytes()}}));
  return {};
}

}  // namespace muster::schedules
