// SPDX-License-Identifier: Apache-2.0
//
// Packages from folders: a module as Puppet lays it out (`tasks/`, `files/`, `lib/`, with
// the modules that its `files` name beside it), or a folder that holds just one task.
// Command line only. Reads the disk, blocking.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "methods/package.h"

namespace muster::methods {

/// One task that a folder holds.
struct FoundTask {
  TaskName name;
  std::filesystem::path metadata;  ///< empty: it has none
  /// It is only the implementation of another task here and has no metadata of its own.
  bool helper = false;
};

struct MethodFolder {
  std::filesystem::path root;   ///< of the module
  std::filesystem::path tasks;  ///< root/tasks, or the root itself for a single task
  std::string module;
  std::string module_version;    ///< of the module's metadata.json; may be empty
  std::vector<FoundTask> found;  ///< sorted by name
};

/// What tasks `folder` holds. kInvalid or kNotFound with what was looked for. `module`
/// names the module where the folder is not called like it; empty: metadata.json or the
/// folder's name.
core::Result<MethodFolder> find_tasks(const std::filesystem::path& folder,
                                      std::string_view module = {});

struct BuiltPackage {
  Package package;
  std::string manifest;
  /// Where each file of the package lies, by its path in the package.
  std::map<std::string, std::filesystem::path> sources;
  std::vector<Problem> warnings;
};

/// Hashes the files of one task and makes its manifest. `version`, else that of the
/// metadata, else of the module; without any, one made from the content, so that what is
/// the same has the same version. Errors in metadata come as one kInvalid, a line each.
/// A symbolic link is followed only to a file inside its own module.
core::Result<BuiltPackage> build_package(const MethodFolder& folder, const FoundTask& task,
                                         std::string_view version = {});

}  // namespace muster::methods
