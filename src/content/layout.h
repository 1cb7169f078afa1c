// SPDX-License-Identifier: Apache-2.0
//
// From objects to a folder in which a method runs.
//
// Files are copies, hashed while they are copied, and hard links only where that is asked for:
// whoever damages the cache, or a run its own files, changes no other run. A run's folder belongs
// to that run alone and goes with it.
#pragma once

#include <sys/types.h>

#include <expected>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "content/ports.h"

namespace muster::content {

/// Bytes of a path inside a package, of one of its components, and components.
inline constexpr std::size_t kPathBytesMax = 1024;
inline constexpr std::size_t kPathComponentBytesMax = 255;
inline constexpr std::size_t kPathDepthMax = 32;
/// Files that are laid out in one folder.
inline constexpr std::size_t kLayoutFilesMax = 10'000;

/// Fit to be a file inside a package: relative, no empty, "." or ".." component, UTF-8
/// without control characters or backslashes. kInvalid says what is wrong.
core::Status check_path(std::string_view path);

struct LayoutFile {
  std::string path;  ///< below the folder; check_path() must agree
  ContentId id;
  bool executable = false;
  /// As the store has it, mode 0400, and not hashed again: for who hashes what it reads and never
  /// writes there. A copy where it cannot be a link.
  bool link = false;
};

/// A folder that is removed, with everything in it, when this ends.
class RunFolder {
 public:
  /// Makes `parent`/<random>, mode 0700, or 0755 where `other_user` shall enter it.
  static core::Result<RunFolder> make(const std::filesystem::path& parent, bool other_user);
  /// What runs of a former process have left. REQUIRES: no other process uses `parent`.
  static void remove_leftovers(const std::filesystem::path& parent);

  RunFolder(RunFolder&& other) noexcept;
  RunFolder& operator=(RunFolder&& other) noexcept;
  ~RunFolder();
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}
  void remove();
  std::filesystem::path path_;
};

/// What went wrong, and with which object where it was an object's fault: it is missing or
/// damaged, and the caller fetches it and begins again in a new folder.
struct LayoutFailure {
  core::Error error;
  std::optional<ContentId> object;
};

/// Lays these files out below `folder`, mode 0444, or 0555 where executable, folders 0755.
/// Every copy is verified on its way. REQUIRES: nobody else writes into `folder`.
std::expected<void, LayoutFailure> lay_out(Store& store, const std::filesystem::path& folder,
                                           std::span<const LayoutFile> files);

}  // namespace muster::content
