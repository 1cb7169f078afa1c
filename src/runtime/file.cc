// SPDX-License-Identifier: Apache-2.0
#include "runtime/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/bytes.h"
#include "core/clock.h"
#include "runtime/descriptor.h"

namespace muster::runtime {
namespace {

using core::fail_errno;

core::Status write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(errno, "writing " + path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(fd) != 0) return fail_errno(errno, "syncing " + path);
  return {};
}

}  // namespace

core::Result<std::string> read_file(const std::filesystem::path& path, std::size_t bytes_max) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail_errno(errno, "opening " + path.string());
  std::string bytes;
  char block[16 * 1024];
  for (;;) {
    const ssize_t got = ::read(file.get(), block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "reading " + path.string());
    if (got == 0) return bytes;
    bytes.append(block, static_cast<std::size_t>(got));
    if (bytes.size() > bytes_max)
      return core::fail(core::Code::kLimit,
                        path.string() + " has more than " + std::to_string(bytes_max) + " bytes");
  }
}

core::Status write_file(const std::filesystem::path& path, std::string_view bytes, mode_t mode) {
  const std::string temporary = path.string() + ".new-" + core::to_base32(core::random_bytes(5));
  {
    const Descriptor file(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
    if (!file) return fail_errno(errno, "creating " + temporary);
    if (auto written = write_all(file.get(), bytes, temporary); !written) {
      ::unlink(temporary.c_str());
      return written;
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int cause = errno;
    ::unlink(temporary.c_str());
    return fail_errno(cause, "replacing " + path.string());
  }
  const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
  const Descriptor folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) return fail_errno(errno, "syncing " + parent.string());
  return {};
}

core::Status make_private_folder(const std::filesystem::path& path) {
  std::error_code failed;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), failed);
  if (failed) return fail_errno(failed.value(), "creating " + path.parent_path().string());
  if (::mkdir(path.c_str(), 0700) == 0) return {};
  if (errno != EEXIST) return fail_errno(errno, "creating " + path.string());
  if (!std::filesystem::is_directory(path, failed))
    return core::fail(core::Code::kExists, path.string() + " exists and is not a folder");
  return {};
}

}  // namespace muster::runtime
