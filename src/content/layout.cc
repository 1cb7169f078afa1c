// SPDX-License-Identifier: Apache-2.0
#include "content/layout.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <ranges>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/sha256.h"
#include "runtime/descriptor.h"
#include "runtime/file.h"
#include "runtime/system_calls.h"

namespace muster::content {
namespace {

using core::Code;
namespace fs = std::filesystem;

constexpr std::size_t kCopyBytes = 256 * 1024;
constexpr int kRemoveDepthMax = 128;

core::Status check_component(std::string_view part) {
  if (part.empty()) return core::fail(Code::kInvalid, "has an empty component");
  if (part == "." || part == "..")
    return core::fail(Code::kInvalid, "has the component '" + std::string(part) + "'");
  if (part.size() > kPathComponentBytesMax)
    return core::fail(Code::kInvalid, "has a component of more than " +
                                          std::to_string(kPathComponentBytesMax) + " bytes");
  return {};
}

core::Status check_parts(std::string_view path) {
  if (path.empty()) return core::fail(Code::kInvalid, "is empty");
  if (path.size() > kPathBytesMax)
    return core::fail(Code::kInvalid, "has more than " + std::to_string(kPathBytesMax) + " bytes");
  if (path.front() == '/') return core::fail(Code::kInvalid, "is not relative");
  if (!core::is_utf8(path)) return core::fail(Code::kInvalid, "is not UTF-8");
  for (const unsigned char c : path)
    if (c < 0x20 || c == 0x7f || c == '\\')
      return core::fail(Code::kInvalid, "has a control character or a backslash");
  std::size_t depth = 0;
  for (const auto part : std::views::split(path, '/')) {
    MUSTER_TRY(check_component(std::string_view(part.begin(), part.end())));
    if (++depth > kPathDepthMax)
      return core::fail(Code::kInvalid,
                        "has more than " + std::to_string(kPathDepthMax) + " components");
  }
  return {};
}

/// The folders between `root` and `file`.
core::Status make_parents(const fs::path& root, std::string_view file) {
  for (std::size_t at = file.find('/'); at != std::string_view::npos; at = file.find('/', at + 1)) {
    const fs::path folder = root / file.substr(0, at);
    if (::mkdir(folder.c_str(), 0755) == 0) {
      if (::chmod(folder.c_str(), 0755) == 0) continue;  // whatever the umask is
    } else if (errno == EEXIST) {
      continue;  // ours, or a file: then creating the next one fails
    }
    return core::fail_errno(errno, "creating " + folder.string());
  }
  return {};
}

/// kCorrupt: what was copied is not what its name says.
core::Status copy(const Object& object, int fd, const fs::path& path) {
  core::Sha256 hash;
  for (std::uint64_t at = 0; at < object.size();) {
    const auto bytes = std::min<std::uint64_t>(kCopyBytes, object.size() - at);
    MUSTER_ASSIGN(const std::string data, object.read(at, bytes));
    hash.update(data);
    MUSTER_TRY(runtime::write_all(fd, data, path));
    at += bytes;
  }
  if (hash.finish() == object.id()) return {};
  return core::fail(Code::kCorrupt, "object " + object.id().brief() + " was damaged");
}

core::Status lay_out_one(const Object& object, const fs::path& folder, const LayoutFile& file) {
  MUSTER_TRY(make_parents(folder, file.path));
  const fs::path path = folder / file.path;
  if (file.link && object.link(path)) return {};
  const runtime::Descriptor to(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!to) return core::fail_errno(errno, "creating " + path.string());
  MUSTER_TRY(copy(object, to.get(), path));
  if (::fchmod(to.get(), file.executable ? 0555 : 0444) != 0)
    return core::fail_errno(errno, "setting the mode of " + path.string());
  return {};
}

/// A method may have left folders that nobody may write to.
void make_removable(const fs::path& folder, int depth) {
  std::error_code ignored;
  fs::permissions(folder, fs::perms::owner_all, fs::perm_options::add, ignored);
  if (depth == kRemoveDepthMax) return;
  for (fs::directory_iterator entry(folder, ignored), end; !ignored && entry != end;
       entry.increment(ignored)) {
    std::error_code unknown;
    if (entry->symlink_status(unknown).type() == fs::file_type::directory)
      make_removable(entry->path(), depth + 1);
  }
}

void remove_tree(const fs::path& folder) {
  std::error_code failed;
  fs::remove_all(folder, failed);
  if (!failed) return;
  make_removable(folder, 0);
  fs::remove_all(folder, failed);
}

}  // namespace

core::Status check_path(std::string_view path) {
  auto checked = check_parts(path);
  if (checked) return {};
  return core::fail(Code::kInvalid,
                    "the path '" + core::printable(path, 128) + "' " + checked.error().message);
}

core::Result<RunFolder> RunFolder::make(const fs::path& parent, bool other_user) {
  const mode_t mode = other_user ? 0755 : 0700;
  fs::path path = parent / core::to_base32(core::random_bytes(10));
  for (const bool again : {false, true}) {
    if (::mkdir(path.c_str(), mode) == 0) {
      RunFolder folder(std::move(path));
      if (::chmod(folder.path().c_str(), mode) == 0)
        return core::Result<RunFolder>(std::move(folder));
      return core::fail_errno(errno, "setting the mode of " + folder.path().string());
    }
    if (errno != ENOENT || again) break;
    MUSTER_TRY(runtime::make_private_folder(parent));
    if (other_user && ::chmod(parent.c_str(), 0711) != 0) break;
  }
  return core::fail_errno(errno, "creating " + path.string());
}

void RunFolder::remove_leftovers(const fs::path& parent) {
  std::error_code failed;
  std::vector<fs::path> left;
  for (fs::directory_iterator entry(parent, failed), end; !failed && entry != end;
       entry.increment(failed))
    left.push_back(entry->path());
  for (const fs::path& path : left) remove_tree(path);
}

RunFolder::RunFolder(RunFolder&& other) noexcept : path_(std::move(other.path_)) {
  other.path_.clear();
}

RunFolder& RunFolder::operator=(RunFolder&& other) noexcept {
  if (this == &other) return *this;
  remove();
  path_ = std::move(other.path_);
  other.path_.clear();
  return *this;
}

RunFolder::~RunFolder() {
  remove();
}

void RunFolder::remove() {
  if (!path_.empty()) remove_tree(path_);
}

std::expected<void, LayoutFailure> lay_out(Store& store, const fs::path& folder,
                                           std::span<const LayoutFile> files) {
  const auto failed = [](core::Error error, std::optional<ContentId> object = {}) {
    return std::unexpected(LayoutFailure{std::move(error), object});
  };
  if (files.size() > kLayoutFilesMax)
    return failed({Code::kLimit, "more than " + std::to_string(kLayoutFilesMax) + " files"});
  for (const LayoutFile& file : files) {
    if (auto checked = check_path(file.path); !checked) return failed(checked.error());
    auto object = store.open(file.id);
    if (!object) {
      const bool missing = object.error().code == Code::kNotFound;
      return failed(object.error(), missing ? std::optional(file.id) : std::nullopt);
    }
    auto done = lay_out_one(**object, folder, file);
    if (!done) {
      const bool damaged = done.error().code == Code::kCorrupt;
      return failed(done.error(), damaged ? std::optional(file.id) : std::nullopt);
    }
  }
  return {};
}

}  // namespace muster::content
