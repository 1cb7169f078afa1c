// SPDX-License-Identifier: Apache-2.0
#include "content/detail/object_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/assert.h"
#include "core/sha256.h"

namespace muster::content::detail {
namespace {

constexpr std::size_t kBlockBytes = 128 * 1024;

/// What one pread() brings, once; 0 at the end of the file.
core::Result<std::size_t> read_some(int fd, char* to, std::size_t bytes, std::uint64_t offset) {
  for (;;) {
    const ssize_t got = ::pread(fd, to, bytes, static_cast<off_t>(offset));
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return core::fail_errno(errno, "reading an object");
  }
}

}  // namespace

core::Result<Digested> digest_file(int fd,
                                   const std::function<core::Status(std::string_view)>& each) {
  const auto block = std::make_unique_for_overwrite<char[]>(kBlockBytes);
  core::Sha256 hash;
  Digested digested;
  for (;;) {
    MUSTER_ASSIGN(const std::size_t got, read_some(fd, block.get(), kBlockBytes, digested.size));
    if (got == 0) break;
    const std::string_view bytes(block.get(), got);
    hash.update(bytes);
    if (each) MUSTER_TRY(each(bytes));
    digested.size += got;
  }
  digested.id = hash.finish();
  return digested;
}

core::Status write_at(int fd, std::string_view bytes, std::uint64_t offset,
                      std::string_view doing) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return core::fail_errno(errno, doing);
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return {};
}

bool lock_shared(int fd) {
  return ::flock(fd, LOCK_SH | LOCK_NB) == 0;
}

bool lock_exclusive(int fd) {
  return ::flock(fd, LOCK_EX | LOCK_NB) == 0;
}

core::Result<std::string> FileObject::read(std::uint64_t offset, std::size_t bytes) const {
  MUSTER_ASSERT(offset <= size_ && bytes <= size_ - offset);
  std::string data(bytes, '\0');
  for (std::size_t have = 0; have < bytes;) {
    MUSTER_ASSIGN(const std::size_t got,
                  read_some(file_.get(), data.data() + have, bytes - have, offset + have));
    if (got == 0)
      return core::fail(core::Code::kCorrupt, "the file of object " + id_.brief() +
                                                  " has become shorter while it was in use");
    have += got;
  }
  return data;
}

core::Status FileObject::link(const std::filesystem::path& path) const {
  // By the descriptor: this very file, whatever has its name by now. Evicted: it has none to copy.
  const std::string here = "/proc/self/fd/" + std::to_string(file_.get());
  if (::linkat(AT_FDCWD, here.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0) return {};
  return core::fail_errno(errno, "linking " + path.string());
}

}  // namespace muster::content::detail
