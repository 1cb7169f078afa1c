// SPDX-License-Identifier: Apache-2.0
//
// What an index must be like, so that installing it writes nowhere but below its targets.
#include "packs/detail/index_check.h"

#include <algorithm>
#include <initializer_list>
#include <set>
#include <tuple>

#include "content/layout.h"
#include "core/bytes.h"
#include "packs/tables.h"

namespace muster::packs {
namespace {

using core::Code;
using core::fail;

constexpr std::size_t kLinkBytesMax = 4000;
constexpr std::size_t kAccountBytesMax = 32;
constexpr std::uint32_t kModeMax = 07777;

std::string shown(std::string_view text) {
  return "'" + core::printable(text, 200) + "'";
}

bool is_below(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

core::Status check_account(std::string_view name) {
  const bool good = name.size() <= kAccountBytesMax && std::ranges::all_of(name, [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
                    });
  if (good) return {};
  return fail(Code::kInvalid, shown(name) + " is no name of a user or group");
}

core::Status check_targets(const Index& index) {
  if (index.targets.empty()) return fail(Code::kInvalid, "the pack has no target");
  for (const Target& target : index.targets) {
    MUSTER_TRY(check_target(target));
    for (const Target& other : index.targets) {
      if (&other == &target) continue;
      if (other.path == target.path || (target.owned && is_below(other.path, target.path)))
        return fail(Code::kInvalid, "the target " + shown(other.path) + " lies in the target " +
                                        shown(target.path));
    }
  }
  return {};
}

core::Status check_file(const Index& index, const Entry& entry) {
  std::uint64_t size = 0;
  for (const std::uint32_t chunk : entry.chunks) size += index.chunks.at(chunk).size;
  if (size != entry.size)
    return fail(Code::kInvalid,
                "the file " + shown(entry.path) + " is not as large as its chunks are");
  return {};
}

core::Status check_entry(const Index& index, const Entry& entry) {
  if (entry.target > index.steps())
    return fail(Code::kInvalid, "the entry " + shown(entry.path) + " has no target");
  auto path = content::check_path(entry.path);
  if (!path) return fail(std::move(path.error()).while_doing("the path " + shown(entry.path)));
  if (entry.mode > kModeMax || (entry.kind == Kind::kSymlink && entry.mode != 0))
    return fail(Code::kInvalid, "the entry " + shown(entry.path) + " has an impossible mode");
  MUSTER_TRY(check_account(entry.owner));
  MUSTER_TRY(check_account(entry.group));
  if (entry.kind != Kind::kFile && (entry.size != 0 || !entry.chunks.empty()))
    return fail(Code::kInvalid, shown(entry.path) + " is no file and has bytes");
  if (entry.kind != Kind::kSymlink && !entry.link.empty())
    return fail(Code::kInvalid, shown(entry.path) + " is no link and leads somewhere");
  if (entry.kind != Kind::kFile && entry.target == index.steps())
    return fail(Code::kInvalid, "the step " + shown(entry.path) + " is no file");
  if (entry.kind == Kind::kSymlink)
    return check_link(index.targets[entry.target], entry.path, entry.link);
  return {};
}

core::Status check_entries(const Index& index) {
  std::set<std::tuple<std::uint32_t, std::string_view>> leaves;
  const Entry* before = nullptr;
  std::uint64_t total = 0;
  for (const Entry& entry : index.entries) {
    MUSTER_TRY(check_entry(index, entry));
    if (before && std::tie(before->target, before->path) >= std::tie(entry.target, entry.path))
      return fail(Code::kInvalid,
                  "the entries are not sorted, or one stands twice: " + shown(entry.path));
    if (entry.size > kPackBytesMax - total)
      return fail(Code::kLimit,
                  "the pack has more than " + std::to_string(kPackBytesMax) + " bytes");
    total += entry.size;
    if (entry.kind != Kind::kDirectory) leaves.emplace(entry.target, entry.path);
    before = &entry;
  }
  for (const Entry& entry : index.entries) {
    const std::string_view path = entry.path;
    for (auto at = path.find('/'); at != path.npos; at = path.find('/', at + 1))
      if (leaves.contains({entry.target, path.substr(0, at)}))
        return fail(Code::kInvalid, "the entry " + shown(path) + " lies behind a file or link");
  }
  return {};
}

core::Status check_step(const Index& index, const std::string& path) {
  if (path.empty()) return {};
  const Entry* step = index.find(index.steps(), path);
  if (step && (step->mode & 0100) != 0) return {};
  return fail(Code::kInvalid, "the pack has no executable step " + shown(path));
}

}  // namespace

core::Status check_name(std::string_view name) {
  const bool good = !name.empty() && name.size() <= kNameBytesMax && name[0] >= 'a' &&
                    name[0] <= 'z' && std::ranges::all_of(name, [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
                    });
  if (good) return {};
  return fail(Code::kInvalid, shown(name) +
                                  " is no name of a pack: lower-case letters, digits and '_', a "
                                  "letter first, up to " +
                                  std::to_string(kNameBytesMax));
}

core::Status check_version(std::string_view version) {
  const bool good = !version.empty() && version.size() <= kVersionBytesMax &&
                    !std::string_view(".+_-").contains(version[0]) &&
                    std::ranges::all_of(version, [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || std::string_view(".+_-").contains(c);
                    });
  if (good) return {};
  return fail(Code::kInvalid,
              shown(version) +
                  " is no version: letters, digits, '.', '+', '_', '-', one of the first "
                  "two kinds first, up to " +
                  std::to_string(kVersionBytesMax));
}

core::Status check_target(const Target& target) {
  const std::string_view path = target.path;
  if (!path.starts_with('/'))
    return fail(Code::kInvalid, "the target " + shown(path) + " is not absolute");
  auto good = content::check_path(path.substr(1));
  if (!good) return fail(std::move(good.error()).while_doing("the target " + shown(path)));
  for (const std::string_view system : {"/proc", "/sys", "/dev"})
    if (path == system || is_below(path, system))
      return fail(Code::kInvalid, "the target " + shown(path) + " is no place for files");
  if (target.owned && path.find('/', 1) == path.npos)
    return fail(Code::kInvalid, "the target " + shown(path) +
                                    " belongs to the system: a pack cannot own all of it");
  return {};
}

core::Status check_link(const Target& target, std::string_view path, std::string_view link) {
  const auto bad = [&](const char* why) {
    return fail(Code::kInvalid,
                "the link " + shown(path) + " to " + shown(link) + " " + std::string(why));
  };
  if (link.empty() || link.size() > kLinkBytesMax || link.contains('\0'))
    return bad("is empty or too long");
  std::int64_t depth = std::ranges::count(path, '/');
  if (link.starts_with('/')) {
    if (!is_below(link, target.path)) return bad("leads out of its target");
    depth = 0;
    link.remove_prefix(target.path.size() + 1);
  }
  while (!link.empty()) {
    const auto end = std::min(link.find('/'), link.size());
    const std::string_view part = link.substr(0, end);
    link.remove_prefix(std::min(end + 1, link.size()));
    if (part.empty() || part == ".") continue;
    depth += part == ".." ? -1 : 1;
    if (depth < 0) return bad("leads out of its target");
  }
  return {};
}

core::Result<std::uint32_t> detail::check_containers(const Index& index) {
  for (const Table& table : index.tables)
    if (table.size == 0 || table.size > kTableBytesMax)
      return fail(Code::kLimit, "a table of chunks has an impossible size");
  std::uint32_t chunks = 0;
  for (const Container& container : index.containers) {
    if (container.size == 0 || container.size > kContainerBytesMax)
      return fail(Code::kLimit, "a container has an impossible size");
    if (container.table >= index.tables.size())
      return fail(Code::kInvalid, "a container names a table of none");
    if (container.count == 0 || container.count > kChunksMax - chunks)
      return fail(Code::kLimit, "a container has an impossible number of chunks");
    chunks += container.count;
  }
  return chunks;
}

core::Status detail::check_files(const Index& index) {
  for (const Entry& entry : index.entries)
    if (entry.kind == Kind::kFile) MUSTER_TRY(check_file(index, entry));
  return {};
}

core::Status detail::check_outline(const Index& index) {
  MUSTER_TRY(check_name(index.name));
  MUSTER_TRY(check_version(index.version));
  if (index.description.size() > kDescriptionBytesMax || !core::is_utf8(index.description))
    return fail(Code::kInvalid, "the description is too long or no text");
  MUSTER_TRY(check_targets(index));
  MUSTER_TRY(check_entries(index));
  MUSTER_TRY(check_step(index, index.pre));
  return check_step(index, index.post);
}

}  // namespace muster::packs
