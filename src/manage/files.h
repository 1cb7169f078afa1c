// SPDX-License-Identifier: Apache-2.0
//
// The folders that a host offers, and safe ways to the files in them.
//
// A path that a caller names is opened by openat2(2) beneath its folder without following any
// symbolic link: there is no moment at which somebody on the host could swap one in. What is
// uploaded lies beside, in the folder .muster-uploads, until all of it is there and has the
// promised SHA-256; then it takes the file's place at once (renameat) or not at all.
//
// All of it blocks: for worker threads. Objects are used by one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "runtime/descriptor.h"

namespace muster::manage {

/// "NAME=/srv/data" of --files or --writable-files.
struct Root {
  std::string name;
  std::filesystem::path folder;
  bool writable = false;

  static core::Result<Root> parse(std::string_view text, bool writable);
};

inline constexpr std::string_view kUploads = ".muster-uploads";
inline constexpr std::size_t kPathBytesMax = 4096;
/// Uploads that are not whole, in one folder; one that nobody went on with for kUploadKept is
/// removed when the next begins.
inline constexpr std::size_t kUploadsMax = 64;
inline constexpr core::Duration kUploadKept = std::chrono::days(7);
inline constexpr std::size_t kListMax = 10'000;

/// "FOLDER/a/b" as a folder's name and the way below it (may be empty).
struct Place {
  std::string root;
  std::string below;

  /// kInvalid: empty, "." or ".." parts, a NUL, too long, or in .muster-uploads.
  static core::Result<Place> parse(std::string_view path);
};

struct FileInfo {
  std::string name;
  char kind = '?';  ///< 'f' file, 'd' folder, 'l' symbolic link, '?' else
  std::uint64_t size = 0;
  std::uint32_t mode = 0, uid = 0, gid = 0;
  std::int64_t modified_ns = 0;
  std::uint64_t inode = 0;

  /// Differs where the file was replaced or written since.
  std::string tag() const;
};

struct OpenFile {
  runtime::Descriptor descriptor;
  FileInfo info;

  core::Result<std::string> read(std::uint64_t at, std::size_t bytes_max) const;
  /// 64 hexadecimal digits.
  core::Result<std::string> sha256() const;
};

/// What an upload is to become.
struct NewFile {
  Place place;
  std::uint64_t size = 0;
  std::string sha256;  ///< 64 hexadecimal digits
  std::optional<std::uint32_t> mode;
  std::string owner;  ///< "user", "user:group"; empty: as the file it replaces

  static core::Status check_digest(std::string_view hex);
};

/// One upload; it is nobody else's as long as this object lives.
class Upload {
 public:
  std::uint64_t there() const { return there_; }
  const NewFile& wanted() const { return wanted_; }
  bool whole() const { return there_ == wanted_.size; }
  core::Status append(std::string_view bytes);
  /// REQUIRES: whole(). Puts the file in its place. kCorrupt where it has another SHA-256: the
  /// upload is then gone, and the old file untouched.
  core::Status finish();

 private:
  friend class Files;
  core::Status dress(int folder, const std::string& name) const;

  const Root* root_ = nullptr;
  NewFile wanted_;
  std::string part_;
  runtime::Descriptor folder_;  // .muster-uploads
  runtime::Descriptor file_;
  std::uint64_t there_ = 0;
};

class Files {
 public:
  Files(std::vector<Root> roots, std::uint64_t largest)
      : roots_(std::move(roots)), largest_(largest) {}

  const std::vector<Root>& roots() const { return roots_; }
  /// kDenied where a symbolic link is on the way, kNotFound, kInvalid for what is no file.
  core::Result<OpenFile> open(const Place& place) const;
  core::Result<FileInfo> info(const Place& place) const;
  core::Result<std::vector<FileInfo>> list(const Place& place) const;
  /// How much of such an upload is there.
  core::Result<std::uint64_t> uploaded(const NewFile& wanted) const;
  /// Begins an upload or goes on with it. kConflict while somebody else sends the same.
  core::Result<Upload> upload(NewFile wanted) const;

 private:
  core::Result<const Root*> root(const Place& place) const;

  const std::vector<Root> roots_;
  const std::uint64_t largest_;
};

}  // namespace muster::manage
