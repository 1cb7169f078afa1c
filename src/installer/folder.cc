// SPDX-License-Identifier: Apache-2.0
#include "installer/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>

#include "runtime/system_calls.h"

namespace muster::installer {
namespace {

using core::Code;
using core::fail;
using runtime::Descriptor;

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
constexpr int kRemoveDepthMax = 128;
constexpr std::size_t kLinkBytesMax = 4096;

/// Without openat2: component by component.
int open_by_steps(int from, std::string_view path, int flags, mode_t mode) {
  Descriptor held;
  for (;;) {
    const auto slash = path.find('/');
    const std::string part(path.substr(0, slash));
    if (part == "..") return errno = EXDEV, -1;
    const bool last = slash == path.npos;
    const int at = held ? held.get() : from;
    const int fd = ::openat(at, part.c_str(), last ? flags | O_NOFOLLOW : kFolderFlags, mode);
    if (fd < 0 || last) return fd;
    held = Descriptor(fd);
    path.remove_prefix(slash + 1);
  }
}

int open_beneath(int from, std::string_view path, int flags, mode_t mode = 0) {
  const int opened = runtime::open_beneath(from, std::string(path), flags, mode);
  if (opened >= 0 || (errno != ENOSYS && errno != EPERM)) return opened;
  return open_by_steps(from, path, flags | O_CLOEXEC, mode);
}

std::unexpected<core::Error> failed(int error, const std::string& shown) {
  if (error == ENOENT) return fail(Code::kNotFound, "there is no " + shown);
  if (error == ELOOP || error == EXDEV)
    return fail(Code::kDenied, shown +
                                   " leads through a symbolic link, which is not followed: "
                                   "name the real path");
  return core::fail_errno(error, shown);
}

core::Status remove_in(int folder, const std::string& name, int depth) {
  if (::unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return core::fail_errno(errno, "removing " + name);
  if (depth > kRemoveDepthMax) return fail(Code::kLimit, name + " is nested too deeply");
  const int fd = ::openat(folder, name.c_str(), kFolderFlags);
  if (fd < 0) return core::fail_errno(errno, "removing " + name);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(fd), ::closedir);
  if (!entries) return core::fail_errno(errno, "removing " + name);
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string inside = entry->d_name;
    if (inside != "." && inside != "..") MUSTER_TRY(remove_in(fd, inside, depth + 1));
  }
  if (::unlinkat(folder, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
  return core::fail_errno(errno, "removing " + name);
}

}  // namespace

core::Result<Folder> Folder::open_path(std::string_view absolute) {
  Descriptor root(::open("/", kFolderFlags));
  if (!root) return core::fail_errno(errno, "/");
  Folder top(std::move(root), "");
  if (absolute == "/") return top;
  return top.open(absolute.substr(1));
}

core::Result<Folder> Folder::make_path(std::string_view absolute, mode_t mode) {
  MUSTER_ASSIGN(Folder top, open_path("/"));
  if (absolute == "/") return top;
  return top.make(absolute.substr(1), mode);
}

core::Result<Folder> Folder::open(std::string_view path) const {
  const std::string shown = shown_ + "/" + std::string(path);
  Descriptor fd(open_beneath(fd_.get(), path, O_RDONLY | O_DIRECTORY));
  if (!fd) return failed(errno, shown);
  return Folder(std::move(fd), shown);
}

core::Result<Folder> Folder::make(std::string_view path, mode_t mode) const {
  if (auto there = open(path); there || there.error().code != Code::kNotFound) return there;
  const auto slash = path.rfind('/');
  std::optional<Folder> parent;
  if (slash != path.npos) {
    MUSTER_ASSIGN(parent, make(path.substr(0, slash), mode));
  }
  const int at = parent ? parent->fd() : fd_.get();
  const std::string name(slash == path.npos ? path : path.substr(slash + 1));
  if (::mkdirat(at, name.c_str(), mode) != 0 && errno != EEXIST)
    return core::fail_errno(errno, "creating " + shown_ + "/" + std::string(path));
  MUSTER_ASSIGN(Folder made, open(path));
  if (::fchmod(made.fd(), mode) != 0) return core::fail_errno(errno, made.shown());
  return made;
}

core::Result<Folder> Folder::make_private(const std::string& name) const {
  const bool made = ::mkdirat(fd_.get(), name.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) return core::fail_errno(errno, "creating " + shown_ + "/" + name);
  MUSTER_ASSIGN(Folder folder, open(name));
  MUSTER_ASSIGN(const auto found, folder.status());
  if (found.st_uid == ::geteuid() && (found.st_mode & 0777) == 0700) return folder;
  return fail(Code::kDenied, folder.shown() +
                                 " is there already and is not what this pack would make (mode "
                                 "0700, of its own user): look who made it, and remove it");
}

core::Result<Descriptor> Folder::open_file(std::string_view path, int flags) const {
  const std::string shown = shown_ + "/" + std::string(path);
  Descriptor fd(open_beneath(fd_.get(), path, flags | O_NONBLOCK | O_NOCTTY, 0600));
  if (!fd) return failed(errno, shown);
  struct stat found{};
  if (::fstat(fd.get(), &found) != 0) return core::fail_errno(errno, shown);
  if (!S_ISREG(found.st_mode)) return fail(Code::kConflict, shown + " is no plain file");
  return fd;
}

core::Result<Place> Folder::place(std::string_view path) const {
  const auto slash = path.rfind('/');
  MUSTER_ASSIGN(Folder parent, open(slash == path.npos ? "." : path.substr(0, slash)));
  return Place{std::move(parent), std::string(slash == path.npos ? path : path.substr(slash + 1))};
}

core::Result<Place> Folder::make_place(std::string_view path) const {
  const auto slash = path.rfind('/');
  if (slash != path.npos) MUSTER_TRY(make(path.substr(0, slash), 0755));
  return place(path);
}

core::Result<std::vector<std::string>> Folder::names() const {
  const int fd = ::openat(fd_.get(), ".", kFolderFlags);
  if (fd < 0) return core::fail_errno(errno, shown_);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(fd), ::closedir);
  if (!entries) return core::fail_errno(errno, shown_);
  std::vector<std::string> found;
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") found.push_back(name);
  }
  return found;
}

core::Status Folder::remove_tree(const std::string& name) const {
  return remove_in(fd_.get(), name, 0);
}

core::Status Folder::sync() const {
  if (::fsync(fd_.get()) == 0) return {};
  return core::fail_errno(errno, "syncing " + shown_);
}

core::Status Folder::sync_all() const {
  if (::syncfs(fd_.get()) == 0) return {};
  return core::fail_errno(errno, "syncing the file system of " + shown_);
}

core::Result<struct stat> Folder::status() const {
  struct stat found{};
  if (::fstat(fd_.get(), &found) == 0) return found;
  return core::fail_errno(errno, shown_);
}

core::Result<std::uint64_t> Folder::free_bytes() const {
  struct statvfs found{};
  if (::fstatvfs(fd_.get(), &found) != 0) return core::fail_errno(errno, shown_);
  return static_cast<std::uint64_t>(found.f_bavail) * found.f_frsize;
}

core::Result<std::optional<struct stat>> Place::look() const {
  struct stat found{};
  if (::fstatat(folder.fd(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0) return found;
  if (errno == ENOENT) return std::nullopt;
  return core::fail_errno(errno, shown());
}

core::Result<std::uint64_t> Place::inode() const {
  MUSTER_ASSIGN(const auto found, look());
  return found ? static_cast<std::uint64_t>(found->st_ino) : 0;
}

core::Result<std::string> Place::link() const {
  std::string text(kLinkBytesMax, '\0');
  const ssize_t count = ::readlinkat(folder.fd(), name.c_str(), text.data(), text.size());
  if (count < 0) return core::fail_errno(errno, shown());
  text.resize(static_cast<std::size_t>(count));
  return text;
}

core::Status exchange(const Place& a, const Place& b) {
  const auto rename = [](const Place& from, const Place& to, unsigned flags) {
    return ::renameat2(from.folder.fd(), from.name.c_str(), to.folder.fd(), to.name.c_str(),
                       flags) == 0;
  };
  if (rename(a, b, RENAME_EXCHANGE)) return {};
  if (errno == ENOENT &&
      (rename(a, b, RENAME_NOREPLACE) || (errno == ENOENT && rename(b, a, RENAME_NOREPLACE))))
    return {};
  const int error = errno;
  const std::string what = "exchanging " + a.shown() + " and " + b.shown();
  if (error == EXDEV || error == EBUSY)
    return fail(Code::kConflict, what +
                                     ": they lie on two file systems, or one is a mount point; "
                                     "a folder that is a mount point cannot be owned by a pack");
  if (error == EINVAL)
    return fail(Code::kConflict, what + ": this file system cannot exchange two names");
  return core::fail_errno(error, what);
}

}  // namespace muster::installer
