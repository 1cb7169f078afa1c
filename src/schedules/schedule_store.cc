// SPDX-License-Identifier: Apache-2.0
//
// Schedules themselves. Their firings: firing_store.cc.
#include "schedules/schedule_store.h"

#include <boost/json.hpp>

#include "core/bytes.h"

namespace muster::schedules {
namespace {

namespace json = boost::json;
using core::Code;
using core::fail;
using core::unix_ms;
using core::wall_from_unix_ms;
using store::Connection;
using store::Row;

constexpr store::Migration kMigrations[] = {{1, R"sql(
CREATE TABLE schedules_schedules(
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL,
  version BIGINT NOT NULL,
  enabled INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  cron TEXT NOT NULL,
  at BIGINT NOT NULL,
  quiet_ms BIGINT NOT NULL,
  zone TEXT NOT NULL,
  jitter_ms BIGINT NOT NULL,
  blackouts TEXT NOT NULL,
  in_blackout INTEGER NOT NULL,
  missed INTEGER NOT NULL,
  author TEXT NOT NULL,
  author_role INTEGER NOT NULL,
  author_selectors TEXT NOT NULL,
  selector TEXT NOT NULL,
  shown TEXT NOT NULL,
  request TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  changed_by TEXT NOT NULL,
  handled BIGINT NOT NULL);
CREATE TABLE schedules_firings(
  schedule TEXT NOT NULL,
  seq BIGINT NOT NULL,
  due BIGINT NOT NULL,
  cause INTEGER NOT NULL,
  state INTEGER NOT NULL,
  fired_at BIGINT NOT NULL,
  run BIGINT NOT NULL,
  reason TEXT NOT NULL,
  stands_for INTEGER NOT NULL,
  targets BLOB NOT NULL,
  claimed_by TEXT NOT NULL,
  claimed_at BIGINT NOT NULL,
  PRIMARY KEY(schedule, seq),
  UNIQUE(schedule, due));
CREATE INDEX schedules_firings_state ON schedules_firings(state, claimed_at);
CREATE TABLE schedules_logins(
  schedule TEXT NOT NULL,
  endpoint BLOB NOT NULL,
  fired_at BIGINT NOT NULL,
  booted BIGINT NOT NULL,
  booted_raw BIGINT NOT NULL,
  PRIMARY KEY(schedule, endpoint));
)sql"}};

#define MUSTER_SCHEDULE_COLUMNS_WITH(request)                                            \
  "id, name, description, version, enabled, kind, cron, at, quiet_ms, zone, jitter_ms, " \
  "blackouts, in_blackout, missed, author, author_role, author_selectors, " request      \
  ", created_at, changed_at, changed_by, handled, selector, shown"
#define MUSTER_SCHEDULE_COLUMNS MUSTER_SCHEDULE_COLUMNS_WITH("request")

std::string texts_json(const std::vector<std::string>& texts) {
  return json::serialize(json::array(texts.begin(), texts.end()));
}
std::vector<std::string> texts_of(std::string_view stored) {
  std::vector<std::string> texts;
  boost::system::error_code failed;
  const json::value value = json::parse(stored, failed);
  if (failed || !value.is_array()) return texts;
  for (const json::value& text : value.get_array())
    if (text.is_string()) texts.emplace_back(text.get_string());
  return texts;
}

Schedule schedule_of(const Row& row) {
  Schedule made;
  made.id = row.string(0);
  made.name = row.string(1);
  made.description = row.string(2);
  made.version = row.integer(3);
  made.enabled = row.integer(4) != 0;
  made.terms.kind = static_cast<TriggerKind>(row.integer(5));
  made.terms.cron = row.string(6);
  made.terms.at = wall_from_unix_ms(row.integer(7));
  made.terms.quiet = milliseconds(row.integer(8));
  made.terms.zone = row.string(9);
  made.terms.jitter = milliseconds(row.integer(10));
  made.terms.blackouts = texts_of(row.text(11));
  made.terms.in_blackout = static_cast<InBlackout>(row.integer(12));
  made.terms.missed = static_cast<Missed>(row.integer(13));
  made.author.name = row.string(14);
  made.author.role = static_cast<std::uint8_t>(row.integer(15));
  made.author.selectors = texts_of(row.text(16));
  made.request = row.string(17);
  made.created_at = wall_from_unix_ms(row.integer(18));
  made.changed_at = wall_from_unix_ms(row.integer(19));
  made.changed_by = row.string(20);
  made.handled = wall_from_unix_ms(row.integer(21));
  made.selector = row.string(22);
  made.shown = row.string(23);
  return made;
}

std::unexpected<core::Error> no_schedule(std::string_view name) {
  return fail(Code::kNotFound,
              "there is no schedule '" + core::printable(name, kNameBytesMax) + "'");
}

}  // namespace

store::MigrationSet migrations() {
  return {"schedules", kMigrations};
}

core::Status ScheduleStore::insert(Connection& connection, const Schedule& schedule) {
  MUSTER_ASSIGN(const auto count, connection.integer("SELECT count(*) FROM schedules_schedules"));
  if (count >= static_cast<std::int64_t>(kSchedulesMax))
    return fail(Code::kLimit, "there are " + std::to_string(count) +
                                  " schedules, which is all that a region takes");
  const Terms& terms = schedule.terms;
  auto added = connection.execute(
      "INSERT INTO schedules_schedules(" MUSTER_SCHEDULE_COLUMNS
      ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {schedule.id,
       schedule.name,
       schedule.description,
       schedule.version,
       schedule.enabled ? 1 : 0,
       static_cast<int>(terms.kind),
       terms.cron,
       unix_ms(terms.at),
       terms.quiet.count(),
       terms.zone,
       terms.jitter.count(),
       texts_json(terms.blackouts),
       static_cast<int>(terms.in_blackout),
       static_cast<int>(terms.missed),
       schedule.author.name,
       static_cast<int>(schedule.author.role),
       texts_json(schedule.author.selectors),
       schedule.request,
       unix_ms(schedule.created_at),
       unix_ms(schedule.changed_at),
       schedule.changed_by,
       unix_ms(schedule.handled),
       schedule.selector,
       schedule.shown});
  if (added) return {};
  if (added.error().code != Code::kExists) return fail(std::move(added.error()));
  return fail(Code::kExists, "there is a schedule '" + schedule.name + "' already");
}

core::Status ScheduleStore::replace(Connection& connection, const Schedule& schedule) {
  // An order that is under way is found again by its author's name.
  MUSTER_ASSIGN(const auto ordering,
                connection.integer("SELECT count(*) FROM schedules_firings JOIN "
                                   "schedules_schedules ON id = schedule "
                                   "WHERE name = ? AND author <> ? AND state = 0",
                                   {schedule.name, schedule.author.name}));
  if (ordering > 0)
    return fail(Code::kConflict, "the schedule is being fired just now; try again in a minute");
  const Terms& terms = schedule.terms;
  MUSTER_ASSIGN(
      const auto changed,
      connection.execute(
          "UPDATE schedules_schedules SET description = ?, version = version + 1, enabled = ?, "
          "kind = ?, cron = ?, at = ?, quiet_ms = ?, zone = ?, jitter_ms = ?, blackouts = ?, "
          "in_blackout = ?, missed = ?, author = ?, author_role = ?, author_selectors = ?, "
          "request = ?, changed_at = ?, changed_by = ?, handled = ?, selector = ?, shown = ? WHERE "
          "name = ?",
          {schedule.description,
           schedule.enabled ? 1 : 0,
           static_cast<int>(terms.kind),
           terms.cron,
           unix_ms(terms.at),
           terms.quiet.count(),
           terms.zone,
           terms.jitter.count(),
           texts_json(terms.blackouts),
           static_cast<int>(terms.in_blackout),
           static_cast<int>(terms.missed),
           schedule.author.name,
           static_cast<int>(schedule.author.role),
           texts_json(schedule.author.selectors),
           schedule.request,
           unix_ms(schedule.changed_at),
           schedule.changed_by,
           unix_ms(schedule.handled),
           schedule.selector,
           schedule.shown,
           schedule.name}));
  if (changed == 0) return no_schedule(schedule.name);
  return {};
}

core::Status ScheduleStore::set_enabled(Connection& connection, std::string_view name, bool enabled,
                                        std::string_view by, core::WallTime now) {
  MUSTER_ASSIGN(const auto changed,
                connection.execute(
                    "UPDATE schedules_schedules SET enabled = ?, version = version + 1, "
                    "changed_at = ?, changed_by = ?, handled = ? WHERE name = ? AND enabled <> ?",
                    {enabled ? 1 : 0, unix_ms(now), by, unix_ms(now), name, enabled ? 1 : 0}));
  if (changed > 0) return {};
  MUSTER_TRY(find(connection, name));  // it was so already
  return {};
}

core::Status ScheduleStore::remove(Connection& connection, std::string_view name) {
  MUSTER_ASSIGN(const Schedule schedule, find(connection, name));
  MUSTER_TRY(connection.execute("DELETE FROM schedules_firings WHERE schedule = ?", {schedule.id}));
  MUSTER_TRY(connection.execute("DELETE FROM schedules_logins WHERE schedule = ?", {schedule.id}));
  MUSTER_TRY(connection.execute("DELETE FROM schedules_schedules WHERE id = ?", {schedule.id}));
  return {};
}

core::Result<Schedule> ScheduleStore::find(Connection& connection, std::string_view name) {
  MUSTER_ASSIGN(auto found, connection.first("SELECT " MUSTER_SCHEDULE_COLUMNS
                                             " FROM schedules_schedules WHERE name = ?",
                                             {name}, schedule_of));
  if (!found) return no_schedule(name);
  return *std::move(found);
}

core::Result<std::optional<Schedule>> ScheduleStore::find_id(Connection& connection,
                                                             std::string_view id) {
  return connection.first("SELECT " MUSTER_SCHEDULE_COLUMNS
                          " FROM schedules_schedules WHERE id = ?",
                          {id}, schedule_of);
}

core::Result<std::vector<Schedule>> ScheduleStore::list(Connection& connection,
                                                        const std::optional<std::string>& author) {
  std::vector<Schedule> found;
  MUSTER_TRY(connection.query("SELECT " MUSTER_SCHEDULE_COLUMNS
                              " FROM schedules_schedules WHERE ? = 1 OR author = ? ORDER BY name",
                              {author ? 0 : 1, author.value_or("")},
                              [&](const Row& row) { found.push_back(schedule_of(row)); }));
  return found;
}

core::Result<std::vector<Schedule>> ScheduleStore::enabled(Connection& connection) {
  std::vector<Schedule> found;
  MUSTER_TRY(connection.query("SELECT " MUSTER_SCHEDULE_COLUMNS_WITH(
                                  "''") " FROM schedules_schedules WHERE enabled = 1 ORDER BY name",
                              {}, [&](const Row& row) { found.push_back(schedule_of(row)); }));
  return found;
}

}  // namespace muster::schedules
