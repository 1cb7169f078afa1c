// SPDX-License-Identifier: Apache-2.0
#include "store/detail/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "core/bytes.h"

namespace muster::store::detail {

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

core::Result<FileLock> FileLock::take(const std::filesystem::path& path,
                                      const std::filesystem::path& guarded) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) {
    return core::fail_errno(
        errno, "opening " + path.string() + " (the state folder must exist and be writable)");
  }
  FileLock lock(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return core::fail_errno(errno, "locking " + path.string());
    char holder[32] = {};
    const auto size = ::pread(descriptor, holder, sizeof holder - 1, 0);
    const std::string_view pid(holder, size > 0 ? static_cast<std::size_t>(size) : 0);
    return core::fail(core::Code::kConflict,
                      "the database " + guarded.string() +
                          " is in use: another Muster server is running on this state folder" +
                          (pid.empty() ? "" : " (process " + core::printable(pid, 32) + ")") +
                          "; stop it or choose another folder with MUSTER_STATE");
  }
  // The number only helps people; that it cannot be written is no reason to fail.
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(descriptor, 0) == 0) {
    [[maybe_unused]] const auto written = ::pwrite(descriptor, pid.data(), pid.size(), 0);
  }
  return lock;
}

}  // namespace muster::store::detail
