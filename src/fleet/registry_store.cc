// SPDX-License-Identifier: Apache-2.0
#include "fleet/registry_store.h"

namespace muster::fleet {
namespace {

using store::Blob;

constexpr store::Migration kMigrations[] = {{1, R"(
CREATE TABLE fleet_endpoints (
  endpoint BLOB PRIMARY KEY,
  state INTEGER NOT NULL DEFAULT 0,
  enrolled_at BIGINT NOT NULL,
  last_contact BIGINT NOT NULL DEFAULT 0,
  labels TEXT NOT NULL DEFAULT '',
  address TEXT NOT NULL DEFAULT '',
  facts BLOB NOT NULL DEFAULT ''
);
)"},
                                            {2, R"(
CREATE TABLE fleet_policies (
  version BIGINT PRIMARY KEY,
  text TEXT NOT NULL,
  set_by TEXT NOT NULL,
  set_at BIGINT NOT NULL
);
CREATE TABLE fleet_drains (
  gateway TEXT PRIMARY KEY
);
)"}};

std::int64_t stored(EndpointState state) {
  return static_cast<std::int64_t>(state);
}

}  // namespace

store::MigrationSet registry_migrations() {
  return {"fleet", kMigrations};
}

core::Result<std::vector<Endpoint>> RegistryStore::load(store::Connection& connection) {
  std::vector<Endpoint> endpoints;
  MUSTER_TRY(connection.query(
      "SELECT endpoint, state, enrolled_at, last_contact, labels, address, facts "
      "FROM fleet_endpoints",
      {}, [&](const store::Row& row) -> core::Status {
        Endpoint endpoint;
        MUSTER_ASSIGN(endpoint.id, core::EndpointId::from_bytes(row.blob(0)));
        if (row.integer(1) < 0 || row.integer(1) > stored(EndpointState::kHeld))
          return core::fail(
              core::Code::kCorrupt,
              "endpoint " + endpoint.id.str() + " has a state that this version does not know");
        endpoint.state = static_cast<EndpointState>(row.integer(1));
        endpoint.enrolled_at = core::wall_from_unix_ms(row.integer(2));
        endpoint.last_contact = core::wall_from_unix_ms(row.integer(3));
        endpoint.labels = labels_from(row.text(4));
        endpoint.address = row.string(5);
        wire::Facts facts;
        const auto bytes = row.blob(6);
        if (!facts.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
          return core::fail(core::Code::kCorrupt,
                            "the stored facts of endpoint " + endpoint.id.str() + " are damaged");
        take_facts(endpoint, facts, [](Platform platform) {
          return std::make_shared<const Platform>(std::move(platform));
        });
        endpoints.push_back(std::move(endpoint));
        return {};
      }));
  return endpoints;
}

core::Status RegistryStore::insert(store::Connection& connection, const core::EndpointId& id,
                                   const Labels& labels, core::WallTime now, EndpointState fresh) {
  MUSTER_ASSIGN(auto state, connection.first("SELECT state FROM fleet_endpoints WHERE endpoint = ?",
                                             {Blob{id.bytes()}},
                                             [](const store::Row& row) { return row.integer(0); }));
  if (state && *state == stored(EndpointState::kRevoked))
    return core::fail(core::Code::kDenied,
                      "endpoint " + id.str() +
                          " is revoked; remove it first, or enrol with a new key (an empty "
                          "state folder of the agent)");
  MUSTER_TRY(connection.execute(
      "INSERT INTO fleet_endpoints (endpoint, state, enrolled_at, labels) VALUES (?, ?, ?, ?) "
      "ON CONFLICT (endpoint) DO UPDATE SET labels = excluded.labels",
      {Blob{id.bytes()}, stored(fresh), core::unix_ms(now), labels_text(labels)}));
  return {};
}

core::Status RegistryStore::save(store::Connection& connection,
                                 std::span<const StoredEndpoint> rows) {
  // An update of what exists: a row that was removed meanwhile does not come back.
  for (const StoredEndpoint& row : rows)
    MUSTER_TRY(connection.enqueue(
        "UPDATE fleet_endpoints SET last_contact = ?, labels = ?, address = ?, facts = ? "
        "WHERE endpoint = ?",
        {core::unix_ms(row.last_contact), row.labels, row.address, Blob{row.facts},
         Blob{row.id.bytes()}}));
  return {};
}

core::Status RegistryStore::revoke(store::Connection& connection, const core::EndpointId& id) {
  MUSTER_ASSIGN(const auto changed,
                connection.execute("UPDATE fleet_endpoints SET state = 1 WHERE endpoint = ?",
                                   {Blob{id.bytes()}}));
  if (changed == 0) return core::fail(core::Code::kNotFound, "there is no endpoint " + id.str());
  return {};
}

core::Result<bool> RegistryStore::knows(store::Connection& connection, const core::EndpointId& id) {
  MUSTER_ASSIGN(const auto count,
                connection.integer("SELECT count(*) FROM fleet_endpoints WHERE endpoint = ?",
                                   {Blob{id.bytes()}}));
  return count > 0;
}

core::Status RegistryStore::approve(store::Connection& connection, const core::EndpointId& id) {
  MUSTER_ASSIGN(const auto changed,
                connection.execute("UPDATE fleet_endpoints SET state = ? WHERE endpoint = ? AND "
                                   "state = ?",
                                   {stored(EndpointState::kActive), Blob{id.bytes()},
                                    stored(EndpointState::kHeld)}));
  if (changed == 0)
    return core::fail(core::Code::kConflict, "endpoint " + id.str() + " is not held (any more)");
  return {};
}

core::Status RegistryStore::remove(store::Connection& connection, const core::EndpointId& id) {
  MUSTER_ASSIGN(
      const auto removed,
      connection.execute("DELETE FROM fleet_endpoints WHERE endpoint = ?", {Blob{id.bytes()}}));
  if (removed == 0) return core::fail(core::Code::kNotFound, "there is no endpoint " + id.str());
  return {};
}

}  // namespace muster::fleet
