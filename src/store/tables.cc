// SPDX-License-Identifier: Apache-2.0
#include "store/tables.h"

#include <algorithm>
#include <optional>

#include "core/sha256.h"
#include "store/detail/postgres_session.h"
#include "store/detail/sqlite_connection.h"
#include "store/detail/text.h"

namespace muster::store {
namespace {

using core::Code;

/// Rows of one query: what is read from PostgreSQL lies in memory whole. A row holds two
/// streams of at most 64 KiB.
constexpr std::int64_t kPageRows = 200;
constexpr std::int64_t kProgressRows = 2'000;

Column::Type type_of(std::string_view declared) {
  if (declared.contains("INT")) return Column::Type::kInteger;
  if (declared == "BLOB") return Column::Type::kBlob;
  if (declared == "REAL") return Column::Type::kReal;
  return Column::Type::kText;
}

core::Result<Table> describe(Connection& connection, std::string name) {
  Table table{std::move(name), {}, {}};
  std::vector<std::pair<std::int64_t, std::size_t>> key;
  MUSTER_TRY(connection.query("PRAGMA table_info(" + table.name + ")", {}, [&](const Row& row) {
    if (row.integer(5) > 0) key.emplace_back(row.integer(5), table.columns.size());
    table.columns.push_back({row.string(1), type_of(row.text(2))});
  }));
  std::ranges::sort(key);
  for (const auto& [order, column] : key) table.key.push_back(column);
  if (table.key.empty())
    return core::fail(Code::kInternal, "the table " + table.name + " has no primary key");
  return table;
}

std::string list_of(const Table& table) {
  std::string names;
  for (const Column& column : table.columns) names += (names.empty() ? "" : ", ") + column.name;
  return names;
}

// One value of a row that outlives it.
struct Value {
  std::optional<std::int64_t> integer;
  std::string bytes;
  bool is_text = false;

  Param param() const {
    if (integer) return Param(*integer);
    return is_text ? Param(bytes) : Param(Blob{bytes});
  }
};

class Reader {
 public:
  Reader(Connection& connection, const Table& table) : connection_(connection), table_(table) {
    std::string key, marks;
    for (const std::size_t column : table.key) {
      key += (key.empty() ? "" : ", ") + table.columns[column].name;
      marks += marks.empty() ? "?" : ", ?";
    }
    const std::string select = "SELECT " + list_of(table) + " FROM " + table.name;
    const std::string order = " ORDER BY " + key + " LIMIT ?";
    first_ = select + order;
    next_ = select + " WHERE (" + key + ") > (" + marks + ")" + order;
  }

  /// Calls `row` for every row, in the order of the key.
  core::Status each(const std::function<core::Status(const Row&)>& row) {
    for (std::int64_t rows = kPageRows; rows == kPageRows;) {
      rows = 0;
      std::vector<Param> params;
      for (const Value& value : after_) params.push_back(value.param());
      params.emplace_back(kPageRows);
      std::vector<Value> last;
      MUSTER_TRY(connection_.query_span(after_.empty() ? first_ : next_, params,
                                        [&](const Row& current) -> core::Status {
                                          MUSTER_TRY(row(current));
                                          if (++rows == kPageRows) last = key_of(current);
                                          return {};
                                        }));
      after_ = std::move(last);
    }
    return {};
  }

 private:
  std::vector<Value> key_of(const Row& row) const {
    std::vector<Value> key;
    for (const std::size_t column : table_.key) {
      Value value;
      const auto at = static_cast<int>(column);
      if (table_.columns[column].type == Column::Type::kInteger)
        value.integer = row.integer(at);
      else
        value.bytes = row.bytes(at);
      value.is_text = table_.columns[column].type == Column::Type::kText;
      key.push_back(std::move(value));
    }
    return key;
  }

  Connection& connection_;
  const Table& table_;
  std::string first_, next_;
  std::vector<Value> after_;
};

// Rows in a form that is the same whatever database they come from.
class Summing {
 public:
  explicit Summing(const Table& table) : table_(table) { sum_.table = table.name; }
  void add(const Row& row) {
    text_.clear();
    for (std::size_t i = 0; i < table_.columns.size(); ++i) add(row, static_cast<int>(i));
    digest_.update(text_);
    ++sum_.rows;
  }
  std::int64_t rows() const { return sum_.rows; }
  TableSum done() {
    sum_.digest = std::string(digest_.finish().bytes());
    return std::move(sum_);
  }

 private:
  void add(const Row& row, int column) {
    if (row.is_null(column)) {
      text_ += "n;";
      return;
    }
    switch (table_.columns[static_cast<std::size_t>(column)].type) {
      case Column::Type::kInteger:
        text_ += 'i' + std::to_string(row.integer(column)) + ';';
        return;
      case Column::Type::kReal:
        text_ += 'r' + std::to_string(row.real(column)) + ';';
        return;
      case Column::Type::kText:
        return add(detail::storable_text(row.text(column), changed_));  // of an older Muster
      case Column::Type::kBlob:
        return add(row.blob(column));
    }
  }
  void add(std::string_view bytes) {
    text_ += 'b' + std::to_string(bytes.size()) + ';';
    text_ += bytes;
  }

  const Table& table_;
  core::Sha256 digest_;
  std::string text_, changed_;
  TableSum sum_;
};

std::vector<Param> params_of(const Table& table, const Row& row) {
  std::vector<Param> params;
  params.reserve(table.columns.size());
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const auto at = static_cast<int>(i);
    const auto type = table.columns[i].type;
    if (row.is_null(at))
      params.emplace_back(nullptr);
    else if (type == Column::Type::kInteger)
      params.emplace_back(row.integer(at));
    else if (type == Column::Type::kReal)
      params.emplace_back(row.real(at));
    else if (type == Column::Type::kText)
      params.emplace_back(row.text(at));
    else
      params.emplace_back(Blob{row.blob(at)});
  }
  return params;
}

core::Result<TableSum> copy_table(Connection& from, Connection& to, const Table& table,
                                  const TableProgress& progress) {
  MUSTER_ASSIGN(const auto there, to.integer("SELECT count(*) FROM " + table.name));
  if (there > 0)
    return core::fail(Code::kConflict, "there is a region in that database already (" + table.name +
                                           " has " + std::to_string(there) +
                                           " rows); nothing was changed: choose an empty one");
  std::string marks;
  for (std::size_t i = 0; i < table.columns.size(); ++i) marks += i == 0 ? "?" : ", ?";
  const std::string insert =
      "INSERT INTO " + table.name + "(" + list_of(table) + ") VALUES(" + marks + ")";
  Summing summing(table);
  MUSTER_TRY(Reader(from, table).each([&](const Row& row) -> core::Status {
    summing.add(row);
    if (progress && summing.rows() % kProgressRows == 0) progress(table.name, summing.rows());
    return to.enqueue_span(insert, params_of(table, row));
  }));
  if (progress) progress(table.name, summing.rows());
  TableSum sum = summing.done();
  MUSTER_ASSIGN(const TableSum copied, sum_of(to, table));
  if (copied == sum) return sum;
  return core::fail(Code::kCorrupt, "what was copied of " + table.name + " is not what was read (" +
                                        std::to_string(copied.rows) + " rows of " +
                                        std::to_string(sum.rows) + ")");
}

}  // namespace

core::Result<Versions> versions_of(Connection& connection) {
  Versions versions;
  MUSTER_TRY(connection.query("SELECT module, version FROM muster_schema", {}, [&](const Row& row) {
    versions[row.string(0)] = static_cast<int>(row.integer(1));
  }));
  return versions;
}

core::Result<std::vector<MigrationSet>> up_to(const Versions& versions,
                                              std::span<const MigrationSet> sets) {
  std::vector<MigrationSet> limited;
  std::size_t known = 0;
  for (const MigrationSet& set : sets) {
    const auto found = versions.find(std::string(set.module));
    if (found == versions.end()) continue;
    ++known;
    const auto count = static_cast<std::size_t>(found->second);
    if (count > set.migrations.size()) break;
    limited.push_back({set.module, set.migrations.first(count)});
  }
  if (known == versions.size() && limited.size() == known) return limited;
  return core::fail(Code::kConflict,
                    "it was written by a newer Muster; install that version or a newer one");
}

core::Result<std::vector<Table>> tables_of(std::span<const MigrationSet> sets) {
  MUSTER_ASSIGN(const auto empty,
                detail::SqliteConnection::open(":memory:", detail::Mode::kTemporaryWriter));
  MUSTER_TRY(migrate(*empty, sets));
  std::vector<std::string> names;
  MUSTER_TRY(empty->query(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'muster_schema' "
      "AND name NOT LIKE 'sqlite%' ORDER BY rowid",
      {}, [&](const Row& row) { names.push_back(row.string(0)); }));
  std::vector<Table> tables;
  for (std::string& name : names) {
    MUSTER_ASSIGN(auto table, describe(*empty, std::move(name)));
    tables.push_back(std::move(table));
  }
  return tables;
}

core::Result<TableSum> sum_of(Connection& connection, const Table& table) {
  Summing summing(table);
  MUSTER_TRY(Reader(connection, table).each([&](const Row& row) -> core::Status {
    summing.add(row);
    return {};
  }));
  return summing.done();
}

core::Result<std::vector<TableSum>> copy_tables(Connection& from, Connection& to,
                                                std::span<const Table> tables,
                                                const TableProgress& progress) {
  std::vector<TableSum> sums;
  for (const Table& table : tables) {
    auto sum = copy_table(from, to, table, progress);
    if (!sum) return core::fail(std::move(sum.error()).while_doing("copying " + table.name));
    sums.push_back(std::move(*sum));
  }
  return sums;
}

core::Status look(const Options& options, const std::function<core::Status(Connection&)>& work) {
  std::unique_ptr<detail::Backend> backend;
  if (!options.url.empty()) {
    backend = std::make_unique<detail::PostgresBackend>(options.url, options.start_wait, false);
  } else {
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(options.path, ignored))
      return core::fail(Code::kNotFound, "there is no database " + options.path.string());
    backend =
        std::make_unique<detail::SqliteBackend>(options.path, options.checked_bytes_max, false);
  }
  MUSTER_ASSIGN(const auto session, backend->open_reader());
  MUSTER_TRY(session->begin(1));
  auto outcome = work(*session);
  session->roll_back();
  return outcome;
}

}  // namespace muster::store
