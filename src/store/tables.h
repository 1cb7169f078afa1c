// SPDX-License-Identifier: Apache-2.0
//
// Whole tables from one database to another, whichever kind each is: how a region is moved
// from SQLite to PostgreSQL, backed up and restored.
//
// What there is to copy is not asked of either database but of the migrations, applied to an
// empty one. Rows travel in the order of their keys and are summed on both sides; a copy is
// right when the sums are equal.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "store/connection.h"
#include "store/database.h"
#include "store/migration.h"

namespace muster::store {

struct Column {
  enum class Type : std::uint8_t { kInteger, kReal, kText, kBlob };
  std::string name;
  Type type = Type::kText;
};

struct Table {
  std::string name;
  std::vector<Column> columns;
  std::vector<std::size_t> key;  ///< The primary key, as numbers of columns.
};

/// How many rows a table has, and the SHA-256 of all of them in the order of their keys.
struct TableSum {
  std::string table;
  std::int64_t rows = 0;
  std::string digest;

  friend bool operator==(const TableSum&, const TableSum&) = default;
};

/// Called now and then: the table and its rows so far.
using TableProgress = std::function<void(const std::string& table, std::int64_t rows)>;

/// The version of each module's tables, as the database has them.
using Versions = std::map<std::string, int>;

/// Empty where no Muster has written into this database yet.
core::Result<Versions> versions_of(Connection& connection);

/// The migrations up to `versions`. kConflict where a newer Muster wrote the database.
core::Result<std::vector<MigrationSet>> up_to(const Versions& versions,
                                              std::span<const MigrationSet> sets);

/// The tables that `sets` make, those before that others refer to.
core::Result<std::vector<Table>> tables_of(std::span<const MigrationSet> sets);

/// Sums one table, a page of rows at a time.
core::Result<TableSum> sum_of(Connection& connection, const Table& table);

/// Copies every table and sums it on both sides. kConflict where `to` has rows already;
/// kCorrupt where the sums differ. Undo what it did where it fails.
core::Result<std::vector<TableSum>> copy_tables(Connection& from, Connection& to,
                                                std::span<const Table> tables,
                                                const TableProgress& progress);

/// One snapshot of a database which another process may be using. Changes nothing, waits for
/// nobody. kNotFound where there is no file.
core::Status look(const Options& options, const std::function<core::Status(Connection&)>& work);

}  // namespace muster::store
