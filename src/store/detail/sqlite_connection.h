// SPDX-License-Identifier: Apache-2.0
//
// SqliteConnection: Connection on one SQLite handle, with its statement cache.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "store/connection.h"

struct sqlite3;
struct sqlite3_stmt;

namespace muster::store::detail {

enum class Mode { kWriter, kReader, kTemporaryWriter };

class SqliteConnection final : public Connection {
 public:
  static constexpr std::size_t kStatementsMax = 512;

  /// Opens the file and sets what every connection needs. Checks nothing.
  static core::Result<std::unique_ptr<SqliteConnection>> open(const std::filesystem::path& path,
                                                              Mode mode);
  ~SqliteConnection() override;
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  core::Result<std::int64_t> execute_span(std::string_view sql, Params params) override;
  core::Status script(std::string_view sql) override;

  /// False once a transaction ended, also when SQLite rolled it back by itself.
  bool in_transaction() const;

 protected:
  core::Status visit(std::string_view sql, Params params,
                     const std::function<bool(const Row&)>& row) override;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  struct Cached {
    sqlite3_stmt* statement = nullptr;
    bool busy = false;
  };
  class Use;  // a statement while it runs

  SqliteConnection(sqlite3* handle, std::string file) : handle_(handle), file_(std::move(file)) {}
  core::Status configure(Mode mode);
  core::Result<sqlite3_stmt*> prepare(std::string_view sql);
  core::Status bind(sqlite3_stmt* statement, Params params);
  core::Status step_all(sqlite3_stmt* statement, const std::function<bool(const Row&)>* row);
  void make_room();
  std::unexpected<core::Error> failure(std::string_view sql) const;

  sqlite3* handle_;
  std::string file_;
  std::unordered_map<std::string, Cached, Hash, std::equal_to<>> statements_;
};

/// What a damaged file's error says besides what is wrong with it.
std::string damaged_message(const std::string& file, std::string_view what);

/// The whole file is ours, whole and readable; sets the mark of a new one.
core::Status check_file(SqliteConnection& connection, const std::filesystem::path& path,
                        std::uint64_t checked_bytes_max);

}  // namespace muster::store::detail
