// SPDX-License-Identifier: Apache-2.0
#include "store/detail/sqlite_connection.h"

#include <sqlite3.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/bytes.h"
#include "store/detail/text.h"

namespace muster::store::detail {
namespace {

using core::Code;

class SqliteRow final : public Row {
 public:
  explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}
  bool is_null(int column) const override {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
  }
  std::int64_t integer(int column) const override {
    return sqlite3_column_int64(statement_, column);
  }
  double real(int column) const override { return sqlite3_column_double(statement_, column); }
  std::string_view text(int column) const override {
    const auto* bytes = sqlite3_column_text(statement_, column);
    return view(bytes, column);
  }
  std::string_view blob(int column) const override {
    const void* bytes = sqlite3_column_blob(statement_, column);
    return view(bytes, column);
  }

 private:
  std::string_view view(const void* bytes, int column) const {
    if (bytes == nullptr) return {};
    return {static_cast<const char*>(bytes),
            static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }
  sqlite3_stmt* statement_;
};

Code code_of(int extended, int system_errno) {
  if (extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY ||
      extended == SQLITE_CONSTRAINT_ROWID) {
    return Code::kExists;
  }
  switch (extended & 0xff) {
    case SQLITE_CONSTRAINT:
      return Code::kConflict;
    case SQLITE_FULL:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
      return Code::kUnavailable;
    case SQLITE_IOERR:
      // Also while opening: the memory that connections share (-shm) is a file on the same disk.
      if (system_errno == ENOSPC || system_errno == EDQUOT) return Code::kUnavailable;
      // A write that hits a quota or a file size limit; SQLite does not always keep the errno.
      return extended == SQLITE_IOERR_WRITE && system_errno != EIO ? Code::kUnavailable : Code::kIo;
    case SQLITE_CANTOPEN:
      return Code::kIo;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Code::kCorrupt;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return Code::kDenied;
    case SQLITE_INTERRUPT:
      return Code::kCancelled;
    case SQLITE_TOOBIG:
      return Code::kLimit;
    default:
      return Code::kInternal;
  }
}

int bind_text(sqlite3_stmt* statement, int at, std::string_view text) {
  std::string changed;
  const auto stored = storable_text(text, changed);
  const auto whose = stored.data() == text.data() ? SQLITE_STATIC : SQLITE_TRANSIENT;
  return sqlite3_bind_text64(statement, at, stored.data(), stored.size(), whose, SQLITE_UTF8);
}

}  // namespace

std::string damaged_message(const std::string& file, std::string_view what) {
  return "the database " + file + " is damaged (" + std::string(what) +
         "); stop the server, keep a copy of the file, then restore a backup or save what can be "
         "read with: sqlite3 '" +
         file + "' .recover";
}

// Holds a statement while it runs and gives it back to the cache, or ends it when
// it was made for this once because the cached one was running.
class SqliteConnection::Use {
 public:
  Use(sqlite3_stmt* statement, Cached* cached) : statement_(statement), cached_(cached) {
    if (cached_ != nullptr) cached_->busy = true;
  }
  ~Use() {
    if (cached_ == nullptr) {
      sqlite3_finalize(statement_);
      return;
    }
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
    cached_->busy = false;
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

 private:
  sqlite3_stmt* statement_;
  Cached* cached_;
};

core::Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(
    const std::filesystem::path& path, Mode mode) {
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int opened = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(handle, path.string(), mode));
  if (opened != SQLITE_OK) return connection->failure("open");
  sqlite3_extended_result_codes(handle, 1);
  MUSTER_TRY(connection->configure());
  return connection;
}

core::Status SqliteConnection::configure() {
  sqlite3_busy_timeout(handle_, 10'000);
  // The file may have been made by somebody else: views and triggers in it get no say.
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  MUSTER_TRY(
      script("PRAGMA mmap_size=0; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;"
             "PRAGMA cell_size_check=ON; PRAGMA cache_size=-16384;"));
  if (mode_ == Mode::kReader) return script("PRAGMA query_only=ON;");
  MUSTER_TRY(
      script("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=4000;"
             "PRAGMA journal_size_limit=67108864;"));
  return script(mode_ == Mode::kWriter ? "PRAGMA synchronous=FULL;" : "PRAGMA synchronous=OFF;");
}

SqliteConnection::~SqliteConnection() {
  for (auto& [sql, cached] : statements_) sqlite3_finalize(cached.statement);
  sqlite3_close_v2(handle_);
}

bool SqliteConnection::in_transaction() const {
  return sqlite3_get_autocommit(handle_) == 0;
}

core::Result<sqlite3_stmt*> SqliteConnection::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const char* rest = nullptr;
  const int prepared = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                          SQLITE_PREPARE_PERSISTENT, &statement, &rest);
  if (prepared != SQLITE_OK) return failure(sql);
  const std::string_view tail(rest, static_cast<std::size_t>(sql.data() + sql.size() - rest));
  if (statement == nullptr || tail.find_first_not_of(" \t\r\n;") != std::string_view::npos) {
    sqlite3_finalize(statement);
    return core::fail(Code::kInternal, "not one SQL statement: " + core::printable(sql, 200));
  }
  return statement;
}

void SqliteConnection::make_room() {
  std::erase_if(statements_, [](auto& item) {
    if (item.second.busy) return false;
    sqlite3_finalize(item.second.statement);
    return true;
  });
}

core::Status SqliteConnection::bind(sqlite3_stmt* statement, Params params) {
  if (sqlite3_bind_parameter_count(statement) != static_cast<int>(params.size())) {
    return core::fail(Code::kInternal, "wrong number of SQL parameters: " +
                                           core::printable(sqlite3_sql(statement), 200));
  }
  int at = 0;
  for (const Param& param : params) {
    ++at;
    const auto bytes = param.bytes();
    const char* data = bytes.data() == nullptr ? "" : bytes.data();
    int bound = SQLITE_OK;
    switch (param.kind()) {
      case Param::Kind::kNull:
        bound = sqlite3_bind_null(statement, at);
        break;
      case Param::Kind::kInteger:
        bound = sqlite3_bind_int64(statement, at, param.integer());
        break;
      case Param::Kind::kReal:
        bound = sqlite3_bind_double(statement, at, param.real());
        break;
      case Param::Kind::kText:
        bound = bind_text(statement, at, {data, bytes.size()});
        break;
      case Param::Kind::kBlob:
        bound = sqlite3_bind_blob64(statement, at, data, bytes.size(), SQLITE_STATIC);
        break;
    }
    if (bound != SQLITE_OK) return failure(sqlite3_sql(statement));
  }
  return {};
}

core::Status SqliteConnection::step_all(sqlite3_stmt* statement,
                                        const std::function<bool(const Row&)>* row) {
  const SqliteRow current(statement);
  for (;;) {
    const int stepped = sqlite3_step(statement);
    if (stepped == SQLITE_DONE) return {};
    if (stepped != SQLITE_ROW) return failure(sqlite3_sql(statement));
    if (row != nullptr && !(*row)(current)) return {};
  }
}

core::Status SqliteConnection::visit(std::string_view sql, Params params,
                                     const std::function<bool(const Row&)>& row) {
  auto found = statements_.find(sql);
  if (found != statements_.end() && found->second.busy) {  // a query within the same query
    MUSTER_ASSIGN(auto* once, prepare(sql));
    const Use use(once, nullptr);
    MUSTER_TRY(bind(once, params));
    return step_all(once, &row);
  }
  if (found == statements_.end()) {
    MUSTER_ASSIGN(auto* statement, prepare(sql));
    if (statements_.size() >= kStatementsMax) make_room();
    found = statements_.emplace(std::string(sql), Cached{statement}).first;
  }
  // References into the map stay valid while `row` prepares others.
  Cached& cached = found->second;
  const Use use(cached.statement, &cached);
  MUSTER_TRY(bind(cached.statement, params));
  return step_all(cached.statement, row ? &row : nullptr);
}

core::Result<std::int64_t> SqliteConnection::execute_span(std::string_view sql, Params params) {
  MUSTER_TRY(visit(sql, params, nullptr));
  return sqlite3_changes64(handle_);
}

core::Status SqliteConnection::enqueue_span(std::string_view sql, Params params) {
  return visit(sql, params, nullptr);
}

core::Status SqliteConnection::begin(std::size_t) {
  return visit(mode_ == Mode::kReader ? "BEGIN" : "BEGIN IMMEDIATE", {}, nullptr);
}

core::Status SqliteConnection::begin_piece() {
  return visit("SAVEPOINT work", {}, nullptr);
}

core::Status SqliteConnection::end_piece(bool keep) {
  if (!keep) MUSTER_TRY(visit("ROLLBACK TO work", {}, nullptr));
  return visit("RELEASE work", {}, nullptr);
}

core::Status SqliteConnection::commit() {
  return visit("COMMIT", {}, nullptr);
}

void SqliteConnection::roll_back() {
  if (in_transaction()) [[maybe_unused]]
    const auto rolled_back = visit("ROLLBACK", {}, nullptr);
}

core::Status SqliteConnection::script(std::string_view sql) {
  if (sqlite3_exec(handle_, std::string(sql).c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return failure(sql);
  }
  return {};
}

std::unexpected<core::Error> SqliteConnection::failure(std::string_view sql) const {
  if (handle_ == nullptr) return core::fail(Code::kUnavailable, "out of memory for a database");
  const int extended = sqlite3_extended_errcode(handle_);
  const int system_errno = sqlite3_system_errno(handle_);
  const Code code = code_of(extended, system_errno);
  std::string what = sqlite3_errmsg(handle_);
  const int kind = extended & 0xff;
  if ((kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN) && system_errno != 0) {
    what += std::string(": ") + std::strerror(system_errno);
  }
  if (code == Code::kCorrupt) return core::fail(code, damaged_message(file_, what));
  if (kind == SQLITE_FULL || (kind == SQLITE_IOERR && code == Code::kUnavailable)) {
    return core::fail(code, "the disk that holds the database " + file_ + " is full (" + what +
                                "); free some space, nothing that was acknowledged is lost");
  }
  if (code == Code::kInternal) what += " in: " + core::printable(sql, 200);
  return core::fail(code, "database " + file_ + ": " + what);
}

}  // namespace muster::store::detail
