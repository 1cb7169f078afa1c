// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "store/detail/sqlite_connection.h"

namespace muster::store::detail {

SqliteBackend::~SqliteBackend() {
  if (!temporary_) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_.parent_path(), ignored);
}

core::Result<std::unique_ptr<Session>> SqliteBackend::open_writer(
    std::span<const MigrationSet> migrations) {
  auto beside = path_;
  beside += ".lock";
  MUSTER_ASSIGN(lock_, FileLock::take(beside, path_));
  // SQLite would make the file with a mode that lets others read it.
  const int descriptor = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return core::fail_errno(errno, "opening the database " + path_.string());
  ::close(descriptor);
  const Mode mode = temporary_ ? Mode::kTemporaryWriter : Mode::kWriter;
  MUSTER_ASSIGN(auto writer, SqliteConnection::open(path_, mode));
  MUSTER_TRY(check_file(*writer, path_, checked_bytes_max_));
  MUSTER_TRY(migrate(*writer, migrations));
  return writer;
}

core::Result<std::unique_ptr<Session>> SqliteBackend::open_reader() {
  MUSTER_ASSIGN(auto reader, SqliteConnection::open(path_, Mode::kReader));
  return reader;
}

}  // namespace muster::store::detail
