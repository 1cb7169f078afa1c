// SPDX-License-Identifier: Apache-2.0
#include "intake/store.h"

#include <algorithm>
#include <limits>

#include "core/bytes.h"

namespace muster::intake {
namespace {

using store::Blob;
using store::Connection;

constexpr store::Migration kMigrations[] = {{1, R"(
CREATE TABLE intake_events (
  id BIGINT NOT NULL PRIMARY KEY,
  endpoint BLOB NOT NULL,
  run BIGINT NOT NULL,
  gateway TEXT NOT NULL,
  severity INTEGER NOT NULL,
  kind TEXT NOT NULL,
  message TEXT NOT NULL,
  data TEXT NOT NULL,
  name TEXT NOT NULL,
  taken_at BIGINT NOT NULL,
  stored_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX intake_events_name ON intake_events (endpoint, name);
CREATE INDEX intake_events_endpoint ON intake_events (endpoint, id);
CREATE TABLE intake_queues (
  queue BLOB NOT NULL PRIMARY KEY,
  gateway TEXT NOT NULL,
  taken BIGINT NOT NULL,
  heard_at BIGINT NOT NULL
);
CREATE TABLE intake_inventory (
  endpoint BLOB NOT NULL,
  name TEXT NOT NULL,
  run BIGINT NOT NULL,
  data TEXT NOT NULL,
  reported_at BIGINT NOT NULL,
  PRIMARY KEY (endpoint, name)
);
)"}};

std::int64_t key(std::uint64_t run) {
  return static_cast<std::int64_t>(run);
}

core::EndpointId endpoint_of(std::string_view bytes) {
  return core::EndpointId::from_bytes(bytes).value_or(core::EndpointId());
}

core::Result<std::int64_t> last_id(Connection& connection) {
  return connection.integer("SELECT COALESCE(MAX(id), 0) FROM intake_events");
}

/// The rows of one batch, and what became of them.
class Batch {
 public:
  Batch(Connection& connection, const std::string& gateway, const wire::IntakeUp& batch,
        core::WallTime now)
      : connection_(connection), gateway_(gateway), batch_(batch), now_(core::unix_ms(now)) {}

  core::Result<Outcome> apply() {
    MUSTER_ASSIGN(std::int64_t last,
                  connection_.integer("SELECT taken FROM intake_queues WHERE queue = ?",
                                      {Blob{batch_.queue()}}));
    MUSTER_ASSIGN(id_, last_id(connection_));
    for (const wire::IntakeItem& item : batch_.items()) {
      const auto sequence = key(item.sequence());
      if (sequence <= last) {
        ++outcome_.repeated;
        continue;
      }
      last = sequence;
      MUSTER_TRY(item.call() == kEventCall ? event(item) : table(item));
    }
    MUSTER_TRY(connection_.enqueue(
        "INSERT INTO intake_queues (queue, gateway, taken, heard_at) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (queue) DO UPDATE SET gateway = excluded.gateway, taken = excluded.taken, "
        "heard_at = excluded.heard_at",
        {Blob{batch_.queue()}, gateway_, last, now_}));
    return outcome_;
  }

 private:
  core::Status event(const wire::IntakeItem& item) {
    const auto event = read_event(item.body());
    if (!event) return dropped();
    // One that its method has named is known by that name, whichever way it came.
    const std::string name = event->key.empty() ? "q:" + core::to_hex(batch_.queue()) + ':' +
                                                      std::to_string(item.sequence())
                                                : "k:" + event->key;
    MUSTER_ASSIGN(const auto known,
                  connection_.integer("SELECT 1 FROM intake_events WHERE endpoint = ? AND name = ?",
                                      {Blob{item.endpoint()}, name}));
    if (known != 0) {
      ++outcome_.repeated;
      return {};
    }
    ++outcome_.events;
    return connection_.enqueue(
        "INSERT INTO intake_events (id, endpoint, run, gateway, severity, kind, message, data, "
        "name, taken_at, stored_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        {++id_, Blob{item.endpoint()}, key(item.run()), gateway_, static_cast<int>(event->severity),
         event->kind, event->text, event->data, name, item.taken_unix_ms(), now_});
  }

  core::Status table(const wire::IntakeItem& item) {
    const auto report = item.call() == kInventoryCall
                            ? read_inventory(item.body())
                            : core::fail(core::Code::kInvalid, "no such call");
    if (!report) return dropped();
    MUSTER_ASSIGN(const auto others,
                  connection_.integer(
                      "SELECT COUNT(*) FROM intake_inventory WHERE endpoint = ? AND name <> ?",
                      {Blob{item.endpoint()}, report->table}));
    if (others >= static_cast<std::int64_t>(kTablesMax)) return dropped();
    ++outcome_.tables;
    // Of what comes late, by another gateway, the newer run's holds.
    return connection_.enqueue(
        "INSERT INTO intake_inventory (endpoint, name, run, data, reported_at) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT (endpoint, name) DO UPDATE SET run = excluded.run, "
        "data = excluded.data, reported_at = excluded.reported_at "
        "WHERE intake_inventory.run <= excluded.run",
        {Blob{item.endpoint()}, report->table, key(item.run()), report->data, now_});
  }

  core::Status dropped() {
    ++outcome_.dropped;
    return {};
  }

  Connection& connection_;
  const std::string& gateway_;
  const wire::IntakeUp& batch_;
  const std::int64_t now_;
  std::int64_t id_ = 0;
  Outcome outcome_;
};

StoredEvent event_from(const store::Row& row) {
  StoredEvent stored;
  stored.id = row.integer(0);
  stored.endpoint = endpoint_of(row.blob(1));
  stored.run = core::RunId(static_cast<std::uint64_t>(row.integer(2)));
  stored.gateway = row.string(3);
  stored.event.severity = static_cast<Severity>(std::clamp<std::int64_t>(row.integer(4), 0, 4));
  stored.event.kind = row.string(5);
  stored.event.text = row.string(6);
  stored.event.data = row.string(7);
  stored.taken_at = core::wall_from_unix_ms(row.integer(8));
  stored.stored_at = core::wall_from_unix_ms(row.integer(9));
  return stored;
}

}  // namespace

store::MigrationSet migrations() {
  return {"intake", kMigrations};
}

core::Result<Outcome> Store::apply(Connection& connection, const std::string& gateway,
                                   const wire::IntakeUp& batch, core::WallTime now) {
  return Batch(connection, gateway, batch, now).apply();
}

core::Result<std::vector<StoredEvent>> Store::events(Connection& connection,
                                                     const EventFilter& filter, std::size_t limit,
                                                     std::optional<std::int64_t> before) {
  std::string sql =
      "SELECT id, endpoint, run, gateway, severity, kind, message, data, taken_at, stored_at FROM "
      "intake_events WHERE id < ? AND severity >= ?";
  std::vector<store::Param> params{before.value_or(std::numeric_limits<std::int64_t>::max()),
                                   static_cast<int>(filter.at_least)};
  const std::string endpoint(filter.endpoint ? filter.endpoint->bytes() : std::string_view());
  if (filter.endpoint) {
    sql += " AND endpoint = ?";
    params.emplace_back(Blob{endpoint});
  }
  if (filter.run) {
    sql += " AND run = ?";
    params.emplace_back(key(filter.run->value()));
  }
  if (!filter.kind.empty()) {
    sql += " AND kind = ?";
    params.emplace_back(std::string_view(filter.kind));
  }
  sql += " ORDER BY id DESC LIMIT ?";
  params.emplace_back(static_cast<std::int64_t>(limit));
  std::vector<StoredEvent> events;
  MUSTER_TRY(connection.query_span(
      sql, params, [&](const store::Row& row) { events.push_back(event_from(row)); }));
  return events;
}

core::Result<std::vector<StoredTable>> Store::inventory(Connection& connection,
                                                        const core::EndpointId& endpoint) {
  std::vector<StoredTable> tables;
  MUSTER_TRY(connection.query(
      "SELECT name, run, data, reported_at FROM intake_inventory WHERE endpoint = ? ORDER BY name",
      {Blob{endpoint.bytes()}}, [&](const store::Row& row) {
        tables.push_back({{row.string(0), row.string(2)},
                          core::RunId(static_cast<std::uint64_t>(row.integer(1))),
                          core::wall_from_unix_ms(row.integer(3))});
      }));
  return tables;
}

core::Result<bool> Store::retain(Connection& connection, core::WallTime now) {
  MUSTER_ASSIGN(const auto last, last_id(connection));
  // The numbers have no gaps but those of earlier removals, all of them at the beginning.
  MUSTER_ASSIGN(const auto removed,
                connection.execute(
                    "DELETE FROM intake_events WHERE id IN (SELECT id FROM intake_events WHERE "
                    "id <= ? OR stored_at < ? ORDER BY id LIMIT ?)",
                    {last - kEventsMax, core::unix_ms(now - kEventsKept), kRemovedMax}));
  MUSTER_TRY(connection.execute("DELETE FROM intake_queues WHERE heard_at < ?",
                                {core::unix_ms(now - kQueuesKept)}));
  return removed >= kRemovedMax;
}

core::Result<std::vector<core::EndpointId>> Store::hosts(Connection& connection) {
  std::vector<core::EndpointId> hosts;
  MUSTER_TRY(
      connection.query("SELECT DISTINCT endpoint FROM intake_inventory", {},
                       [&](const store::Row& row) { hosts.push_back(endpoint_of(row.blob(0))); }));
  return hosts;
}

core::Status Store::forget_host(Connection& connection, const core::EndpointId& endpoint) {
  return connection.enqueue("DELETE FROM intake_inventory WHERE endpoint = ?",
                            {Blob{endpoint.bytes()}});
}

}  // namespace muster::intake
