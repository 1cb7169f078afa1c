// SPDX-License-Identifier: Apache-2.0
//
// How a module's tables come to be: numbered scripts that only go forward.
//
// Each module owns its tables and names them `<module>_<what>`. Its scripts are
// numbered 1, 2, 3 … ; one that was ever released is never edited. A database that
// a newer Muster has written is refused, not guessed at.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "store/connection.h"

namespace muster::store {

struct Migration {
  int version;
  std::string_view sql;
};

/// `static constexpr Migration kMigrations[] = {{1, "CREATE TABLE …"}};`
/// `return MigrationSet{"fleet", kMigrations};`
struct MigrationSet {
  std::string_view module;
  std::span<const Migration> migrations;
};

/// Brings every set up to date in the order given; each script in its own
/// transaction. kConflict where the database is newer than this program.
core::Status migrate(Connection& connection, std::span<const MigrationSet> sets);

}  // namespace muster::store
