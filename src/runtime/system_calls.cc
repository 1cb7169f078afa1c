// SPDX-License-Identifier: Apache-2.0
#include "runtime/system_calls.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace muster::runtime {
namespace {

/// The kernel gives up where names on the way change while it looks, and says so.
constexpr int kTries = 1000;

}  // namespace

int open_beneath(int from, const std::string& path, int flags, mode_t mode, bool one_disk) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = (flags & O_CREAT) != 0 ? mode : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  if (one_disk) how.resolve |= RESOLVE_NO_XDEV;
  for (int i = 0; i < kTries; ++i) {
    const long opened = ::syscall(SYS_openat2, from, path.c_str(), &how, sizeof how);
    if (opened >= 0) return static_cast<int>(opened);
    if (errno != EAGAIN && errno != EINTR) return -1;
  }
  return -1;
}

core::Status write_all(int fd, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return core::fail_errno(errno, "writing " + path.string());
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace muster::runtime
