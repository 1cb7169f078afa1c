// SPDX-License-Identifier: Apache-2.0
//
// Tables: moving, and what backing up and restoring do around state_files.h.
#include "server/state_transfer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "access/audit.h"
#include "core/version.h"
#include "runtime/file.h"
#include "server/region_tables.h"
#include "server/state_files.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;
using store::Connection;
using store::Database;
using Sums = std::vector<store::TableSum>;

constexpr store::Migration kBackupMigrations[] = {{1, R"sql(
CREATE TABLE backup_about(
  one INTEGER NOT NULL PRIMARY KEY,
  made_at BIGINT NOT NULL,
  made_by TEXT NOT NULL);
CREATE TABLE backup_sums(
  name TEXT NOT NULL PRIMARY KEY,
  row_count BIGINT NOT NULL,
  digest BLOB NOT NULL);
CREATE TABLE backup_files(
  path TEXT NOT NULL PRIMARY KEY,
  mode INTEGER NOT NULL,
  bytes BIGINT NOT NULL,
  digest BLOB NOT NULL);
CREATE TABLE backup_blocks(
  path TEXT NOT NULL,
  block INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY(path, block));
)sql"}};
constexpr std::string_view kBackupModule = "backup";

core::Status sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return core::fail_errno(errno, "opening " + folder.string());
  const int synced = ::fsync(descriptor);
  ::close(descriptor);
  if (synced != 0) return core::fail_errno(errno, "syncing " + folder.string());
  return {};
}

core::Status rename_and_sync(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code failed;
  std::filesystem::rename(from, to, failed);
  if (failed)
    return fail(Code::kIo,
                "renaming " + from.string() + " to " + to.string() + ": " + failed.message());
  return sync_folder(to.has_parent_path() ? to.parent_path() : ".");
}

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
}

// An interrupted attempt's, or ours when it failed: nothing that anybody relies on.
void remove_database(const std::filesystem::path& file) {
  std::error_code ignored;
  for (const char* suffix : {"", "-wal", "-shm", ".lock"})
    std::filesystem::remove(file.string() + suffix, ignored);
}

/// Options for looking at where the region's tables are.
store::Options place_of(const ServerConfig& config) {
  store::Options options;
  options.path = config.state / kDatabaseFile;
  options.url = config.database;
  options.start_wait = {};
  options.readers = 1;
  return options;
}

struct Shape {
  std::vector<store::MigrationSet> sets;
  std::vector<store::Table> tables;
};

/// The tables of a region as `connection` has them, which an older Muster may have made.
core::Result<Shape> shape_of(Connection& connection) {
  MUSTER_ASSIGN(auto versions, store::versions_of(connection));
  versions.erase(std::string(kBackupModule));
  MUSTER_ASSIGN(auto sets, store::up_to(versions, region_migrations()));
  if (sets.empty()) return fail(Code::kConflict, "there is no region in this database");
  MUSTER_ASSIGN(auto tables, store::tables_of(sets));
  return Shape{std::move(sets), std::move(tables)};
}

core::Status note(Connection& connection, const std::string& by, const char* action,
                  const std::string& object) {
  MUSTER_TRY(
      access::Audit::append(connection, core::wall_now(), access::AuditRecord{by, action, object}));
  return {};
}

core::Result<Transferred> copy_into_backup(const ServerConfig& config,
                                           const std::filesystem::path& partial,
                                           const store::TableProgress& progress) {
  Transferred done;
  std::unique_ptr<Database> backup;
  MUSTER_TRY(store::look(place_of(config), [&](Connection& from) -> core::Status {
    MUSTER_ASSIGN(auto shape, shape_of(from));
    auto sets = shape.sets;
    sets.push_back({kBackupModule, kBackupMigrations});
    MUSTER_ASSIGN(backup, Database::open({.path = partial, .migrations = std::move(sets)}));
    return backup->write_blocking([&](Connection& to) -> core::Status {
      MUSTER_ASSIGN(done.tables, store::copy_tables(from, to, shape.tables, progress));
      MUSTER_TRY(
          to.execute("INSERT INTO backup_about(one, made_at, made_by) VALUES(1, ?, ?)",
                     {core::unix_ms(core::wall_now()), "muster " + std::string(core::kVersion)}));
      for (const auto& sum : done.tables)
        MUSTER_TRY(to.enqueue("INSERT INTO backup_sums(name, row_count, digest) VALUES(?, ?, ?)",
                              {sum.table, sum.rows, store::Blob{sum.digest}}));
      return {};
    });
  }));
  MUSTER_TRY(put_files(config.state, *backup, done));
  backup->stop();
  return done;
}

core::Status check_sums(Connection& connection, const Sums& found) {
  Sums noted;
  MUSTER_TRY(connection.query("SELECT name, row_count, digest FROM backup_sums", {},
                              [&](const store::Row& row) {
                                noted.push_back({row.string(0), row.integer(1), row.bytes(2)});
                              }));
  for (const auto& sum : found)
    if (std::ranges::find(noted, sum) == noted.end())
      return fail(Code::kCorrupt, "the backup is damaged: its table " + sum.table +
                                      " is not what was written; take another backup");
  return {};
}

}  // namespace

std::int64_t Transferred::rows() const {
  std::int64_t all = 0;
  for (const auto& sum : tables) all += sum.rows;
  return all;
}

core::Result<Transferred> move_state(const ServerConfig& config, const std::string& to,
                                     const std::string& by, const store::TableProgress& progress) {
  ServerConfig target = config;
  target.database = to;
  target.state.clear();
  MUSTER_TRY(check_database_place(target));
  const auto file = config.state / kDatabaseFile, moved = config.state / kMovedFile;
  if (!is_there(file))
    return fail(is_there(moved) ? Code::kConflict : Code::kNotFound,
                is_there(moved) ? "this region was moved to PostgreSQL already"
                                : "there is no database " + file.string());
  auto from_place = place_of(config), to_place = place_of(target);
  from_place.url.clear();
  from_place.migrations = to_place.migrations = region_migrations();
  MUSTER_ASSIGN(const auto from, Database::open(std::move(from_place)));
  MUSTER_ASSIGN(const auto into, Database::open(std::move(to_place)));
  Transferred done;
  MUSTER_TRY(into->write_blocking([&](Connection& writer) {
    return from->read_blocking([&](Connection& reader) -> core::Status {
      MUSTER_ASSIGN(const auto shape, shape_of(reader));
      MUSTER_ASSIGN(done.tables, store::copy_tables(reader, writer, shape.tables, progress));
      return note(writer, by, "state.move", "postgresql");
    });
  }));
  from->stop();
  into->stop();
  MUSTER_TRY(rename_and_sync(file, moved));
  return done;
}

core::Result<Transferred> back_up_state(const ServerConfig& config,
                                        const std::filesystem::path& file,
                                        const store::TableProgress& progress) {
  if (is_there(file))
    return fail(Code::kExists, file.string() + " exists already; choose another name");
  auto partial = file;
  partial += ".partial";
  remove_database(partial);
  auto done = copy_into_backup(config, partial, progress);
  if (done)
    if (auto renamed = rename_and_sync(partial, file); !renamed)
      done = std::unexpected(std::move(renamed.error()));
  remove_database(partial);
  return done;
}

core::Result<Transferred> restore_state(const ServerConfig& config,
                                        const std::filesystem::path& file, const std::string& by,
                                        const store::TableProgress& progress) {
  if (is_there(config.state))
    return fail(Code::kConflict,
                config.state.string() + " exists already: stop its server and move it away first");
  const auto beside = std::filesystem::path(config.state).concat(".restoring");
  std::error_code ignored;
  std::filesystem::remove_all(beside, ignored);  // of an attempt that was interrupted
  MUSTER_TRY(runtime::make_private_folder(beside));
  Transferred done;
  store::Options backup;
  backup.path = file;
  auto restored = store::look(backup, [&](Connection& from) -> core::Status {
    MUSTER_ASSIGN(const auto shape, shape_of(from));
    MUSTER_TRY(get_files(from, beside, done));
    ServerConfig target = config;
    target.state = beside;
    auto place = place_of(target);
    place.migrations = shape.sets;
    MUSTER_ASSIGN(const auto into, Database::open(std::move(place)));
    MUSTER_TRY(into->write_blocking([&](Connection& to) -> core::Status {
      MUSTER_ASSIGN(done.tables, store::copy_tables(from, to, shape.tables, progress));
      MUSTER_TRY(check_sums(from, done.tables));
      return note(to, by, "state.restore", file.filename().string());
    }));
    into->stop();
    return {};
  });
  if (restored) restored = rename_and_sync(beside, config.state);
  if (restored) return done;
  std::filesystem::remove_all(beside, ignored);
  return std::unexpected(std::move(restored.error()));
}

}  // namespace muster::server
