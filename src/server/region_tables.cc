// SPDX-License-Identifier: Apache-2.0
#include "server/region_tables.h"

#include "access/region.h"
#include "access/schema.h"
#include "catalog/catalog.h"
#include "fleet/registry_store.h"
#include "intake/store.h"
#include "jobs/run_store.h"
#include "regions/store.h"
#include "schedules/schedule_store.h"
#include "server/content_mirror.h"
#include "server/pack_rules.h"
#include "server/region_keys.h"
#include "store/tables.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;

/// The region that the database belongs to; nothing in a new one.
core::Result<std::optional<std::string>> region_of(store::Database& database) {
  return database.read_blocking([](store::Connection& connection) {
    return connection.first("SELECT region FROM access_region WHERE one = 1", {},
                            [](const store::Row& row) { return row.string(0); });
  });
}

}  // namespace

std::vector<store::MigrationSet> region_migrations() {
  return {access::migrations(),  fleet::registry_migrations(), jobs::run_migrations(),
          catalog::migrations(), schedules::migrations(),      region_key_migrations(),
          content_migrations(),  intake::migrations(),         regions::migrations(),
          pack_rule_migrations()};
}

core::Status check_database_place(const ServerConfig& config) {
  const auto file = config.state / kDatabaseFile, moved = config.state / kMovedFile;
  std::error_code ignored;
  const bool has_file = std::filesystem::exists(file, ignored);
  if (config.database.empty()) {
    if (has_file || !std::filesystem::exists(moved, ignored)) return {};
    return fail(Code::kConflict,
                "this region was moved to PostgreSQL: start it with --database postgresql://… (or "
                "rename " +
                    moved.string() + " to " + std::string(kDatabaseFile) +
                    " to go back to the state before the move)");
  }
  if (!config.database.starts_with("postgresql://") && !config.database.starts_with("postgres://"))
    return fail(Code::kInvalid,
                "not the address of a PostgreSQL database (postgresql://user@host/name)");
  if (!has_file) return {};
  return fail(Code::kConflict,
              "this state folder has its own database, " + file.string() +
                  ": move it first with 'muster state move --to postgresql://…', or start without "
                  "--database");
}

core::Status check_keys_are_there(store::Database& database, const std::filesystem::path& state) {
  std::error_code ignored;
  MUSTER_ASSIGN(const auto region, region_of(database));
  if (!region || std::filesystem::exists(state / "ca.key", ignored)) return {};
  return fail(
      Code::kConflict,
      "the database belongs to the region " + *region + ", whose keys are not in " +
          state.string() +
          ": bring the state folder back (ca.key, ca.pem), or restore a backup with 'muster "
          "state restore'");
}

core::Status check_same_region(const store::Options& options, const std::filesystem::path& state) {
  std::error_code ignored;
  if (!std::filesystem::exists(state / "ca.key", ignored)) return {};
  MUSTER_ASSIGN(const auto own, access::RegionAuthority::open(state, core::wall_now()));
  std::optional<std::string> known;
  MUSTER_TRY(store::look(options, [&](store::Connection& connection) -> core::Status {
    MUSTER_ASSIGN(const auto versions, store::versions_of(connection));
    if (!versions.contains("access")) return {};
    MUSTER_ASSIGN(known, connection.first("SELECT region FROM access_region WHERE one = 1", {},
                                          [](const store::Row& row) { return row.string(0); }));
    return {};
  }));
  if (!known || *known == own.region()) return {};
  return fail(Code::kConflict, "the database belongs to the region " + *known +
                                   ", and the keys in the state folder are those of " +
                                   own.region() + ": one of the two is the wrong one");
}

core::Status check_region(store::Database& database, const std::string& region) {
  MUSTER_ASSIGN(const auto known, region_of(database));
  if (known && *known != region)
    return fail(Code::kConflict, "the database belongs to the region " + *known +
                                     ", and the keys in the state folder are those of " + region +
                                     ": one of the two is the wrong one");
  if (known) return {};
  auto noted = database.write_blocking([&](store::Connection& connection) {
    return connection.execute("INSERT INTO access_region(one, region) VALUES(1, ?)", {region});
  });
  if (noted || noted.error().code == Code::kUnavailable) return {};  // a full disk: next time
  return fail(std::move(noted.error()));
}

}  // namespace muster::server
