// SPDX-License-Identifier: Apache-2.0
//
// Folder is an open folder of the machine, and what can be done below it without ever being
// led out of it: no component of a path is followed where it is a symbolic link, so a local
// user who may write somewhere below redirects nothing.
//
// Where the kernel has openat2 (5.6) it holds this; else each component is opened by itself.
// Blocking. Paths below a folder are those that content::check_path() accepts.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "runtime/descriptor.h"

namespace muster::installer {

class Folder;

/// A name in an open folder; something is there or not.
struct Place;

class Folder {
 public:
  /// An absolute path without any symbolic link in it. kNotFound; kDenied where one is a link.
  static core::Result<Folder> open_path(std::string_view absolute);
  /// The same; what is missing is made, with this mode.
  static core::Result<Folder> make_path(std::string_view absolute, mode_t mode);

  core::Result<Folder> open(std::string_view path) const;
  core::Result<Folder> make(std::string_view path, mode_t mode) const;
  /// A folder of this name that is ours alone: mode 0700, of this process's user. kDenied where
  /// something else has the name.
  core::Result<Folder> make_private(const std::string& name) const;
  /// A plain file. `flags` for open(2); O_CREAT makes it with mode 0600.
  core::Result<runtime::Descriptor> open_file(std::string_view path, int flags) const;
  /// Where `path` lies; its parents must be there.
  core::Result<Place> place(std::string_view path) const;
  /// The same; parents are made, with mode 0755.
  core::Result<Place> make_place(std::string_view path) const;

  core::Result<std::vector<std::string>> names() const;
  /// Removes what is called so, with everything in it. Nothing there is fine.
  core::Status remove_tree(const std::string& name) const;
  core::Status sync() const;
  /// Everything written to its file system is on the disk.
  core::Status sync_all() const;
  core::Result<struct stat> status() const;
  /// Bytes that can still be written.
  core::Result<std::uint64_t> free_bytes() const;

  int fd() const { return fd_.get(); }
  /// For people; it may have been renamed since.
  const std::string& shown() const { return shown_; }

 private:
  Folder(runtime::Descriptor fd, std::string shown)
      : fd_(std::move(fd)), shown_(std::move(shown)) {}
  runtime::Descriptor fd_;
  std::string shown_;
};

struct Place {
  Folder folder;
  std::string name;

  /// Nothing where there is nothing; links are not followed.
  core::Result<std::optional<struct stat>> look() const;
  /// 0 where there is nothing.
  core::Result<std::uint64_t> inode() const;
  /// The text of a symbolic link.
  core::Result<std::string> link() const;
  std::string shown() const { return folder.shown() + "/" + name; }
};

/// What is at one comes to the other, at once; either may be nothing, not both. Both or
/// neither happens. kConflict where the file system cannot, or they lie on two.
core::Status exchange(const Place& a, const Place& b);

}  // namespace muster::installer
