// SPDX-License-Identifier: Apache-2.0
//
// Where a region's tables are: one file in the state folder, or a PostgreSQL database.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "server/config.h"
#include "store/database.h"
#include "store/migration.h"

namespace muster::server {

constexpr std::string_view kDatabaseFile = "region.db";
/// What `muster state move` leaves of the file, so that nobody starts on what is old.
constexpr std::string_view kMovedFile = "region.db.moved";

/// The tables of all modules.
std::vector<store::MigrationSet> region_migrations();

/// kConflict where the folder says that this region's tables are not where `config` has them;
/// kInvalid where the address is not one of PostgreSQL.
core::Status check_database_place(const ServerConfig& config);

/// kConflict where the database belongs to a region whose keys are not in `state`.
core::Status check_keys_are_there(store::Database& database, const std::filesystem::path& state);
/// The same as check_region() for a server that only reads: kConflict.
core::Status check_same_region(const store::Options& options, const std::filesystem::path& state);
/// Notes whose database it is; kConflict where it is another region's.
core::Status check_region(store::Database& database, const std::string& region);

}  // namespace muster::server
