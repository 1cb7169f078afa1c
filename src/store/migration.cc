// SPDX-License-Identifier: Apache-2.0
#include "store/migration.h"

#include <string>

#include "core/assert.h"

namespace muster::store {
namespace {

core::Status apply(Connection& connection, std::string_view module, const Migration& migration) {
  MUSTER_TRY(connection.execute("BEGIN IMMEDIATE"));
  auto done = [&]() -> core::Status {
    MUSTER_TRY(connection.script(migration.sql));
    MUSTER_TRY(
        connection.execute("INSERT INTO muster_schema(module, version) VALUES(?, ?) "
                           "ON CONFLICT(module) DO UPDATE SET version = excluded.version",
                           {module, migration.version}));
    MUSTER_TRY(connection.execute("COMMIT"));
    return {};
  }();
  if (done) return done;
  // The script's error matters, not whether SQLite rolled back by itself already.
  [[maybe_unused]] const auto rolled_back = connection.execute("ROLLBACK");
  return core::fail(std::move(done.error())
                        .while_doing("bringing the tables of " + std::string(module) +
                                     " to version " + std::to_string(migration.version)));
}

core::Status migrate_module(Connection& connection, const MigrationSet& set) {
  MUSTER_ASSIGN(
      const auto current,
      connection.integer("SELECT version FROM muster_schema WHERE module = ?", {set.module}));
  const auto newest = static_cast<std::int64_t>(set.migrations.size());
  if (current > newest) {
    return core::fail(core::Code::kConflict,
                      "the database was written by a newer Muster (tables of " +
                          std::string(set.module) + " have version " + std::to_string(current) +
                          ", this program knows " + std::to_string(newest) +
                          "); install that version or a newer one");
  }
  std::int64_t expected = 0;
  for (const Migration& migration : set.migrations) {
    MUSTER_ASSERT(migration.version == ++expected);
    if (migration.version > current) MUSTER_TRY(apply(connection, set.module, migration));
  }
  return {};
}

}  // namespace

core::Status migrate(Connection& connection, std::span<const MigrationSet> sets) {
  MUSTER_TRY(
      connection.script("CREATE TABLE IF NOT EXISTS muster_schema("
                        "module TEXT NOT NULL PRIMARY KEY, version INTEGER NOT NULL);"));
  for (const MigrationSet& set : sets) MUSTER_TRY(migrate_module(connection, set));
  return {};
}

}  // namespace muster::store
