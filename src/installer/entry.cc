// SPDX-License-Identifier: Apache-2.0
//
// What an entry of an index means on this machine: whose it is, and whether it is there.
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "core/sha256.h"
#include "installer/stage.h"

namespace muster::installer {
namespace {

using core::Code;
using core::fail;

constexpr std::size_t kReadBytes = 256 * 1024;

/// The id that a name without letters is.
std::optional<std::uint32_t> number_of(const std::string& name) {
  std::uint32_t number = 0;
  const char* const end = name.data() + name.size();
  const auto [at, wrong] = std::from_chars(name.data(), end, number);
  if (wrong != std::errc() || at != end) return std::nullopt;
  return number;
}

core::Result<core::ContentId> digest_of(int fd, const std::string& shown) {
  core::Sha256 hash;
  std::string buffer(kReadBytes, '\0');
  off_t offset = 0;
  for (;;) {
    const ssize_t count = ::pread(fd, buffer.data(), buffer.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return core::fail_errno(errno, "reading " + shown);
    if (count == 0) return hash.finish();
    hash.update({buffer.data(), static_cast<std::size_t>(count)});
    offset += count;
  }
}

}  // namespace

core::Result<Account> account_of(const packs::Entry& entry) {
  Account account{::geteuid(), ::getegid()};
  if (const auto number = number_of(entry.owner)) {
    account.uid = *number;
  } else if (!entry.owner.empty()) {
    const passwd* found = ::getpwnam(entry.owner.c_str());
    if (!found)
      return fail(Code::kNotFound, "this machine has no user '" + entry.owner +
                                       "', who is to own " + entry.path +
                                       ": make it first, or name another owner");
    account = {found->pw_uid, found->pw_gid};
  }
  if (const auto number = number_of(entry.group)) {
    account.gid = *number;
  } else if (!entry.group.empty()) {
    const group* found = ::getgrnam(entry.group.c_str());
    if (!found)
      return fail(Code::kNotFound, "this machine has no group '" + entry.group +
                                       "', which is to have " + entry.path +
                                       ": make it first, or name another group");
    account.gid = found->gr_gid;
  }
  return account;
}

core::Result<bool> is_there(const Place& place, const packs::Entry& entry) {
  MUSTER_ASSIGN(const auto found, place.look());
  if (!found) return false;
  MUSTER_ASSIGN(const Account account, account_of(entry));
  if (found->st_uid != account.uid || found->st_gid != account.gid) return false;
  if (entry.kind == packs::Kind::kSymlink) {
    if (!S_ISLNK(found->st_mode)) return false;
    MUSTER_ASSIGN(const std::string link, place.link());
    return link == entry.link;
  }
  if ((found->st_mode & 07777) != entry.mode) return false;
  if (entry.kind == packs::Kind::kDirectory) return S_ISDIR(found->st_mode);
  if (!S_ISREG(found->st_mode) || static_cast<std::uint64_t>(found->st_size) != entry.size)
    return false;
  MUSTER_ASSIGN(const auto file, place.folder.open_file(place.name, O_RDONLY));
  MUSTER_ASSIGN(const auto digest, digest_of(file.get(), place.shown()));
  return digest == entry.sha256;
}

}  // namespace muster::installer
