// SPDX-License-Identifier: Apache-2.0
//
// SqliteConnection: Connection on one SQLite handle, with its statement cache.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "store/detail/file_lock.h"
#include "store/detail/session.h"

struct sqlite3;
struct sqlite3_stmt;

namespace muster::store::detail {

enum class Mode { kWriter, kReader, kTemporaryWriter };

class SqliteConnection final : public Session {
 public:
  static constexpr std::size_t kStatementsMax = 512;

  /// Opens the file and sets what every connection needs. Checks nothing.
  static core::Result<std::unique_ptr<SqliteConnection>> open(const std::filesystem::path& path,
                                                              Mode mode);
  ~SqliteConnection() override;
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  core::Result<std::int64_t> execute_span(std::string_view sql, Params params) override;
  core::Status enqueue_span(std::string_view sql, Params params) override;
  core::Status script(std::string_view sql) override;

  core::Status begin(std::size_t pieces) override;
  core::Status begin_piece() override;
  core::Status end_piece(bool keep) override;
  core::Status commit() override;
  void roll_back() override;
  bool in_transaction() const override;

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

  SqliteConnection(sqlite3* handle, std::string file, Mode mode)
      : handle_(handle), file_(std::move(file)), mode_(mode) {}
  core::Status configure();
  core::Result<sqlite3_stmt*> prepare(std::string_view sql);
  core::Status bind(sqlite3_stmt* statement, Params params);
  core::Status step_all(sqlite3_stmt* statement, const std::function<bool(const Row&)>* row);
  void make_room();
  std::unexpected<core::Error> failure(std::string_view sql) const;

  sqlite3* handle_;
  std::string file_;
  Mode mode_;
  std::unordered_map<std::string, Cached, Hash, std::equal_to<>> statements_;
};

/// One file and its lock.
class SqliteBackend final : public Backend {
 public:
  /// `temporary`: without fsync, and the file's folder is removed at the end.
  SqliteBackend(std::filesystem::path path, std::uint64_t checked_bytes_max, bool temporary)
      : path_(std::move(path)), checked_bytes_max_(checked_bytes_max), temporary_(temporary) {}
  ~SqliteBackend() override;
  core::Result<std::unique_ptr<Session>> open_writer(
      std::span<const MigrationSet> migrations) override;
  core::Result<std::unique_ptr<Session>> open_reader() override;

 private:
  const std::filesystem::path path_;
  const std::uint64_t checked_bytes_max_;
  const bool temporary_;
  FileLock lock_;
};

/// What a damaged file's error says besides what is wrong with it.
std::string damaged_message(const std::string& file, std::string_view what);

/// The whole file is ours, whole and readable; sets the mark of a new one.
core::Status check_file(SqliteConnection& connection, const std::filesystem::path& path,
                        std::uint64_t checked_bytes_max);

}  // namespace muster::store::detail
