// SPDX-License-Identifier: Apache-2.0
//
// Reading; uploads.cc writes.
#include "manage/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "core/bytes.h"
#include "core/sha256.h"
#include "manage/call.h"
#include "manage/detail/beneath.h"

namespace muster::manage {
namespace {

using core::Code;
using core::fail;
using core::Result;
using runtime::Descriptor;

constexpr std::size_t kHashBlock = 256 * 1024;

FileInfo info_of(const struct stat& found, std::string name) {
  FileInfo info;
  info.name = std::move(name);
  info.kind = S_ISREG(found.st_mode)   ? 'f'
              : S_ISDIR(found.st_mode) ? 'd'
              : S_ISLNK(found.st_mode) ? 'l'
                                       : '?';
  info.size = info.kind == 'f' ? static_cast<std::uint64_t>(found.st_size) : 0;
  info.mode = found.st_mode & 07777;
  info.uid = found.st_uid;
  info.gid = found.st_gid;
  info.modified_ns =
      static_cast<std::int64_t>(found.st_mtim.tv_sec) * 1'000'000'000 + found.st_mtim.tv_nsec;
  info.inode = found.st_ino;
  return info;
}

Result<FileInfo> info_of(int descriptor, const Place& place) {
  struct stat found{};
  if (::fstat(descriptor, &found) != 0) return detail::fail_at(errno, place);
  return info_of(found, place.below.substr(place.below.rfind('/') + 1));
}

}  // namespace

Result<Root> Root::parse(std::string_view text, bool writable) {
  const auto equals = text.find('=');
  const auto name = text.substr(0, equals);
  if (equals == std::string_view::npos || !is_host_name(name) ||
      !text.substr(equals + 1).starts_with('/'))
    return fail(Code::kInvalid, "'" + core::printable(text, 200) +
                                    "' is no offered folder; it looks like data=/srv/data");
  return Root{std::string(name), std::string(text.substr(equals + 1)), writable};
}

Result<Place> Place::parse(std::string_view path) {
  const auto wrong = [&](std::string why) {
    return fail(Code::kInvalid, "the path '" + core::printable(path, 200) + "' " + std::move(why));
  };
  if (path.size() > kPathBytesMax) return wrong("is too long");
  if (path.contains('\0')) return wrong("holds a NUL");
  const auto slash = path.find('/');
  Place place{std::string(path.substr(0, slash)), ""};
  if (!is_host_name(place.root))
    return wrong("does not begin with the name of an offered folder, as in data/some/file");
  if (slash == std::string_view::npos) return place;
  place.below = path.substr(slash + 1);
  std::string_view rest = place.below;
  for (;;) {
    const auto end = rest.find('/');
    const auto part = rest.substr(0, end);
    if (part.empty() || part == "." || part == "..") return wrong("has an empty part, '.' or '..'");
    if (part == kUploads) return wrong("is in the folder of uploads");
    if (end == std::string_view::npos) return place;
    rest.remove_prefix(end + 1);
  }
}

std::string FileInfo::tag() const {
  return core::to_hex(core::sha256(std::to_string(inode) + " " + std::to_string(size) + " " +
                                   std::to_string(modified_ns)))
      .substr(0, 32);
}

Result<std::string> OpenFile::read(std::uint64_t at, std::size_t bytes_max) const {
  std::string bytes(bytes_max, '\0');
  ssize_t got = 0;
  do got = ::pread(descriptor.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
  while (got < 0 && errno == EINTR);
  if (got < 0) return core::fail_errno(errno, "reading " + info.name);
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

Result<std::string> OpenFile::sha256() const {
  core::Sha256 digest;
  for (std::uint64_t at = 0;;) {
    MUSTER_ASSIGN(const std::string bytes, read(at, kHashBlock));
    if (bytes.empty()) return digest.finish().str();
    digest.update(bytes);
    at += bytes.size();
  }
}

Result<const Root*> Files::root(const Place& place) const {
  const auto found = std::ranges::find(roots_, place.root, &Root::name);
  if (found != roots_.end()) return &*found;
  return fail(Code::kNotFound, "this host offers no folder '" + place.root + "'");
}

Result<OpenFile> Files::open(const Place& place) const {
  MUSTER_ASSIGN(const Root* const from, root(place));
  MUSTER_ASSIGN(const Descriptor folder, detail::open_root(*from));
  // A pipe without a writer would be waited for.
  MUSTER_ASSIGN(Descriptor file,
                detail::open_beneath(folder.get(), place, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  MUSTER_ASSIGN(FileInfo info, info_of(file.get(), place));
  if (info.kind != 'f')
    return fail(Code::kInvalid,
                place.root + "/" + core::printable(place.below, 200) + " is no file");
  return OpenFile{std::move(file), std::move(info)};
}

Result<FileInfo> Files::info(const Place& place) const {
  MUSTER_ASSIGN(const Root* const from, root(place));
  MUSTER_ASSIGN(const Descriptor folder, detail::open_root(*from));
  MUSTER_ASSIGN(const Descriptor found, detail::open_beneath(folder.get(), place, O_PATH));
  return info_of(found.get(), place);
}

Result<std::vector<FileInfo>> Files::list(const Place& place) const {
  MUSTER_ASSIGN(const Root* const from, root(place));
  MUSTER_ASSIGN(const Descriptor folder, detail::open_root(*from));
  MUSTER_ASSIGN(Descriptor opened,
                detail::open_beneath(folder.get(), place, O_RDONLY | O_DIRECTORY));
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(opened.get()), ::closedir);
  if (!entries) return detail::fail_at(errno, place);
  const int descriptor = opened.release();  // the stream's from here on
  std::vector<FileInfo> list;
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == ".." || name == kUploads) continue;
    if (list.size() == kListMax)
      return fail(Code::kLimit,
                  "the folder holds more than " + std::to_string(kListMax) + " entries");
    struct stat found{};
    if (::fstatat(descriptor, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) continue;
    list.push_back(info_of(found, name));
  }
  std::ranges::sort(list, {}, &FileInfo::name);
  return list;
}

}  // namespace muster::manage
