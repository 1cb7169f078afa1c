// SPDX-License-Identifier: Apache-2.0
#include "server/region_tables.h"

#include "access/schema.h"
#include "catalog/catalog.h"
#include "fleet/registry_store.h"
#include "jobs/run_store.h"
#include "schedules/schedule_store.h"

namespace muster::server {

using core::Code;
using core::fail;

std::vector<store::MigrationSet> region_migrations() {
  return {access::migrations(), fleet::registry_migrations(), jobs::run_migrations(),
          catalog::migrations(), schedules::migrations()};
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

}  // namespace muster::server
