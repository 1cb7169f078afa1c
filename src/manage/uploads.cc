// SPDX-License-Identifier: Apache-2.0
//
// The half of Files that writes.
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <memory>

#include "core/bytes.h"
#include "manage/call.h"
#include "manage/detail/beneath.h"

namespace muster::manage {
namespace {

using core::Code;
using core::fail;
using core::Result;
using runtime::Descriptor;

constexpr std::size_t kAccountBytes = 64 * 1024;

std::string part_name(const NewFile& wanted) {
  return core::to_hex(core::sha256(wanted.place.below + '\0' + wanted.sha256 + '\0' +
                                   std::to_string(wanted.size)))
      .substr(0, 32);
}

/// The folder and the name in it.
std::pair<Place, std::string> split_last(const Place& place) {
  const auto slash = place.below.rfind('/');
  if (slash == std::string::npos) return {{place.root, ""}, place.below};
  return {{place.root, place.below.substr(0, slash)}, place.below.substr(slash + 1)};
}

Result<Descriptor> open_uploads(const Root& root, bool make) {
  MUSTER_ASSIGN(const Descriptor folder, detail::open_root(root));
  const std::string name(kUploads);
  if (make && ::mkdirat(folder.get(), name.c_str(), 0700) != 0 && errno != EEXIST)
    return core::fail_errno(errno, "making the folder of uploads in '" + root.name + "'");
  MUSTER_ASSIGN(Descriptor uploads, detail::open_beneath(folder.get(), {root.name, name},
                                                         O_RDONLY | O_DIRECTORY, true));
  struct stat found{};
  if (::fstat(uploads.get(), &found) != 0 || found.st_uid != ::geteuid() ||
      (found.st_mode & 0077) != 0)
    return fail(Code::kDenied, "the folder " + name + " in '" + root.name +
                                   "' is not this program's alone: remove it");
  return uploads;
}

/// Removes what nobody went on with, and says how many uploads are left.
Result<std::size_t> tidy(int uploads) {
  const int copy = ::openat(uploads, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(
      copy < 0 ? nullptr : ::fdopendir(copy), [](DIR* dir) { return dir ? ::closedir(dir) : 0; });
  if (!entries) return core::fail_errno(errno, "reading the folder of uploads");
  const std::time_t oldest =
      std::time(nullptr) - std::chrono::duration_cast<std::chrono::seconds>(kUploadKept).count();
  std::size_t left = 0;
  while (const dirent* entry = ::readdir(entries.get())) {
    if (std::string_view(entry->d_name).starts_with('.')) continue;
    struct stat found{};
    if (::fstatat(uploads, entry->d_name, &found, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (found.st_mtim.tv_sec < oldest && ::unlinkat(uploads, entry->d_name, 0) == 0) continue;
    ++left;
  }
  return left;
}

core::Status check_space(int uploads, std::uint64_t bytes) {
  struct statvfs found{};
  if (::fstatvfs(uploads, &found) != 0) return {};  // writing will tell
  const auto free = static_cast<std::uint64_t>(found.f_bavail) * found.f_frsize;
  if (free >= bytes) return {};
  return fail(Code::kUnavailable, "the disk has " + std::to_string(free) + " bytes left, and " +
                                      std::to_string(bytes) + " are to come: free some space");
}

struct Account {
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
};

Result<Account> find_account(std::string_view owner) {
  Account account;
  const auto colon = owner.find(':');
  const std::string user(owner.substr(0, colon));
  std::string buffer(kAccountBytes, '\0');
  passwd who{};
  passwd* known = nullptr;
  ::getpwnam_r(user.c_str(), &who, buffer.data(), buffer.size(), &known);
  if (const auto number = parse_number(user, "uid"); number && *number < 0xffffffffU)
    account.uid = static_cast<uid_t>(*number);
  else if (known)
    account = {.uid = known->pw_uid, .gid = known->pw_gid};
  else
    return fail(Code::kInvalid, "there is no user '" + core::printable(user, 64) + "' here");
  if (colon == std::string_view::npos) return account;
  const std::string group(owner.substr(colon + 1));
  struct group which{};
  struct group* found = nullptr;
  ::getgrnam_r(group.c_str(), &which, buffer.data(), buffer.size(), &found);
  if (const auto number = parse_number(group, "gid"); number && *number < 0xffffffffU)
    account.gid = static_cast<gid_t>(*number);
  else if (found)
    account.gid = found->gr_gid;
  else
    return fail(Code::kInvalid, "there is no group '" + core::printable(group, 64) + "' here");
  return account;
}

}  // namespace

core::Status NewFile::check_digest(std::string_view hex) {
  const auto bytes = core::from_hex(hex);
  if (bytes && bytes->size() == 32 && core::to_hex(*bytes) == hex) return {};
  return fail(Code::kInvalid, "sha256 has 64 hexadecimal digits in lower case");
}

Result<std::uint64_t> Files::uploaded(const NewFile& wanted) const {
  MUSTER_ASSIGN(const Root* const into, root(wanted.place));
  const auto uploads = open_uploads(*into, false);
  if (!uploads) return std::uint64_t{0};
  struct stat found{};
  if (::fstatat(uploads->get(), part_name(wanted).c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0)
    return std::uint64_t{0};
  return static_cast<std::uint64_t>(found.st_size);
}

Result<Upload> Files::upload(NewFile wanted) const {
  MUSTER_ASSIGN(const Root* const into, root(wanted.place));
  if (!into->writable)
    return fail(Code::kDenied, "the folder '" + into->name + "' is offered for reading only");
  if (wanted.place.below.empty()) return fail(Code::kInvalid, "name a file in the folder");
  if (wanted.size > largest_)
    return fail(Code::kLimit, "files have at most " + std::to_string(largest_) + " bytes here");
  MUSTER_TRY(NewFile::check_digest(wanted.sha256));
  if (!wanted.owner.empty()) MUSTER_TRY(find_account(wanted.owner));
  MUSTER_ASSIGN(const Descriptor folder, detail::open_root(*into));
  MUSTER_TRY(detail::open_beneath(folder.get(), split_last(wanted.place).first,
                                  O_PATH | O_DIRECTORY, true));
  Upload upload;
  upload.root_ = into;
  upload.part_ = part_name(wanted);
  MUSTER_ASSIGN(upload.folder_, open_uploads(*into, true));
  MUSTER_ASSIGN(const std::size_t others, tidy(upload.folder_.get()));
  struct stat before{};
  const bool known =
      ::fstatat(upload.folder_.get(), upload.part_.c_str(), &before, AT_SYMLINK_NOFOLLOW) == 0;
  if (!known && others >= kUploadsMax)
    return fail(Code::kUnavailable, "there are " + std::to_string(others) +
                                        " uploads that are not whole: finish some, or wait");
  upload.file_ = Descriptor(::openat(upload.folder_.get(), upload.part_.c_str(),
                                     O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!upload.file_) return core::fail_errno(errno, "opening the upload");
  if (::flock(upload.file_.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(Code::kConflict, "somebody sends this very file at this moment");
  struct stat found{};
  if (::fstat(upload.file_.get(), &found) != 0)
    return core::fail_errno(errno, "reading the upload");
  if (found.st_nlink == 0)  // it took its place while its lock was waited for
    return fail(Code::kConflict, "this very file has just been put in its place; look again");
  upload.there_ = static_cast<std::uint64_t>(found.st_size);
  upload.wanted_ = std::move(wanted);
  MUSTER_TRY(check_space(upload.folder_.get(),
                         upload.wanted_.size - std::min(upload.wanted_.size, upload.there_)));
  return upload;
}

core::Status Upload::append(std::string_view bytes) {
  if (bytes.size() > wanted_.size - std::min(wanted_.size, there_))
    return fail(Code::kInvalid, "more came than the file was said to have");
  while (!bytes.empty()) {
    const ssize_t put =
        ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(there_));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return core::fail_errno(put == 0 ? ENOSPC : errno, "writing the upload");
    there_ += static_cast<std::uint64_t>(put);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

/// Mode and owner, before it is seen. The owner goes first: changing it takes set-id bits away.
core::Status Upload::dress(int folder, const std::string& name) const {
  struct stat old{};
  const bool replaces = ::fstatat(folder, name.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0;
  if (replaces && !S_ISREG(old.st_mode))
    return fail(Code::kConflict, core::printable(wanted_.place.below, 200) +
                                     " is there and is no file: it is not replaced");
  Account account;
  if (!wanted_.owner.empty()) {
    MUSTER_ASSIGN(account, find_account(wanted_.owner));
  } else if (replaces && (old.st_uid != ::geteuid() || old.st_gid != ::getegid())) {
    account = {.uid = old.st_uid, .gid = old.st_gid};
  }
  const bool own = account.uid != static_cast<uid_t>(-1) || account.gid != static_cast<gid_t>(-1);
  if (own && ::fchown(file_.get(), account.uid, account.gid) != 0)
    return core::fail_errno(errno, "giving the file its owner");
  const mode_t mode = wanted_.mode ? *wanted_.mode : replaces ? old.st_mode & 07777 : 0644;
  if (::fchmod(file_.get(), mode) != 0) return core::fail_errno(errno, "giving the file its mode");
  return {};
}

core::Status Upload::finish() {
  const OpenFile whole{Descriptor(::dup(file_.get())), {}};
  MUSTER_ASSIGN(const std::string sha256, whole.sha256());
  if (sha256 != wanted_.sha256) {
    ::unlinkat(folder_.get(), part_.c_str(), 0);
    return fail(Code::kInvalid, "what came has the SHA-256 " + sha256 +
                                    ", not the one that was said: nothing was changed; send it "
                                    "again from the beginning");
  }
  const auto [parent, name] = split_last(wanted_.place);
  MUSTER_ASSIGN(const Descriptor root, detail::open_root(*root_));
  MUSTER_ASSIGN(const Descriptor into,
                detail::open_beneath(root.get(), parent, O_RDONLY | O_DIRECTORY, true));
  MUSTER_TRY(dress(into.get(), name));
  if (::fsync(file_.get()) != 0) return core::fail_errno(errno, "saving the file");
  if (::renameat(folder_.get(), part_.c_str(), into.get(), name.c_str()) != 0)
    return detail::fail_at(errno, wanted_.place);
  if (::fsync(into.get()) != 0) return core::fail_errno(errno, "saving the folder");
  return {};
}

}  // namespace muster::manage
