// SPDX-License-Identifier: Apache-2.0
#include "server/state_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "content/layout.h"
#include "core/sha256.h"
#include "runtime/file.h"
#include "server/region_tables.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;
using store::Blob;
using store::Connection;
namespace fs = std::filesystem;

constexpr std::size_t kBlockBytes = 1024 * 1024;

bool is_left_out(const std::string& path) {
  return path.starts_with(kDatabaseFile) || path.starts_with("gateway-content/") ||
         path.starts_with("content/incoming/");
}

core::Result<std::vector<std::string>> files_in(const fs::path& folder) {
  std::vector<std::string> found;
  std::error_code failed;
  for (fs::recursive_directory_iterator at(folder, failed), end; !failed && at != end;
       at.increment(failed)) {
    const std::string path = fs::relative(at->path(), folder).string();
    if (at->is_regular_file(failed) && !at->is_symlink(failed) && !is_left_out(path))
      found.push_back(path);
  }
  if (failed) return fail(Code::kIo, "reading " + folder.string() + ": " + failed.message());
  std::ranges::sort(found);
  return found;
}

/// Nothing where the file is gone: objects of methods that were removed just now.
core::Status put_file(Connection& to, const fs::path& file, const std::string& path,
                      Transferred& done) {
  struct stat about{};
  std::ifstream in(file, std::ios::binary);
  if (!in || ::stat(file.c_str(), &about) != 0) {
    if (errno == ENOENT) return {};
    return core::fail_errno(errno, "reading " + file.string());
  }
  core::Sha256 digest;
  std::uint64_t bytes = 0;
  std::string block(kBlockBytes, '\0');
  for (std::int64_t number = 0;; ++number) {
    in.read(block.data(), static_cast<std::streamsize>(block.size()));
    const std::string_view got(block.data(), static_cast<std::size_t>(in.gcount()));
    if (in.bad()) return fail(Code::kIo, "reading " + file.string());
    if (got.empty()) break;
    digest.update(got);
    bytes += got.size();
    MUSTER_TRY(to.enqueue("INSERT INTO backup_blocks(path, block, data) VALUES(?, ?, ?)",
                          {path, number, Blob{got}}));
  }
  ++done.files;
  done.file_bytes += bytes;
  return to.enqueue("INSERT INTO backup_files(path, mode, bytes, digest) VALUES(?, ?, ?, ?)",
                    {path, about.st_mode & 0777U, bytes, Blob{digest.finish().bytes()}});
}

struct File {
  std::string path;
  mode_t mode;
  std::int64_t bytes;
  std::string digest;
};

class Output {
 public:
  Output(const fs::path& path, mode_t mode)
      : path_(path),
        descriptor_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)) {}
  ~Output() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  core::Status write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return core::fail_errno(errno, "writing " + path_.string());
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  }
  core::Status sync() {
    if (descriptor_ < 0 || ::fsync(descriptor_) != 0)
      return core::fail_errno(errno, "writing " + path_.string());
    return {};
  }

 private:
  fs::path path_;
  int descriptor_;
};

core::Status get_file(Connection& from, const fs::path& folder, const File& file) {
  if (auto good = content::check_path(file.path); !good)
    return fail(Code::kCorrupt,
                "the backup has a file that it cannot have: " + good.error().message);
  const fs::path path = folder / file.path;
  MUSTER_TRY(runtime::make_private_folder(path.parent_path()));
  Output out(path, file.mode);
  core::Sha256 digest;
  std::int64_t bytes = 0, next = 0;
  MUSTER_TRY(from.query("SELECT block, data FROM backup_blocks WHERE path = ? ORDER BY block",
                        {file.path}, [&](const store::Row& row) -> core::Status {
                          if (row.integer(0) != next++) return {};  // its digest will tell
                          digest.update(row.blob(1));
                          bytes += static_cast<std::int64_t>(row.blob(1).size());
                          return out.write(row.blob(1));
                        }));
  if (bytes != file.bytes || digest.finish().bytes() != file.digest)
    return fail(Code::kCorrupt, "the backup is damaged: its file " + file.path +
                                    " is not what was written; take another backup");
  return out.sync();
}

}  // namespace

core::Status put_files(const fs::path& state, store::Database& backup, Transferred& done) {
  MUSTER_ASSIGN(const auto files, files_in(state));
  for (const std::string& path : files)
    MUSTER_TRY(backup.write_blocking(
        [&](Connection& to) { return put_file(to, state / path, path, done); }));
  return {};
}

core::Status get_files(Connection& backup, const fs::path& folder, Transferred& done) {
  std::vector<File> files;
  MUSTER_TRY(backup.query("SELECT path, mode, bytes, digest FROM backup_files ORDER BY path", {},
                          [&](const store::Row& row) {
                            files.push_back({row.string(0),
                                             static_cast<mode_t>(row.integer(1)) & 0777U,
                                             row.integer(2), row.bytes(3)});
                          }));
  for (const File& file : files) {
    MUSTER_TRY(get_file(backup, folder, file));
    ++done.files;
    done.file_bytes += static_cast<std::uint64_t>(file.bytes);
  }
  return {};
}

}  // namespace muster::server
