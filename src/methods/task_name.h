// SPDX-License-Identifier: Apache-2.0
//
// The name of a method, `module::task`, and the paths inside its package.
//
// Both come from foreign bytes and become file names on every endpoint, so what is not
// plainly a name or a path below the folder is refused here, once.
#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <string_view>

#include "core/result.h"

namespace muster::methods {

/// Bytes of a module's and of a task's name, of a path in a package, of one folder in it.
inline constexpr std::size_t kNamePartBytesMax = 64;
inline constexpr std::size_t kPathBytesMax = 1024;
inline constexpr std::size_t kPathPartBytesMax = 255;
/// Bytes of a version.
inline constexpr std::size_t kVersionBytesMax = 64;

/// The task `init` is what its module's bare name means.
inline constexpr std::string_view kInitTask = "init";

struct TaskName {
  std::string module;
  std::string task;

  /// `module::task` or `module` (its init). kInvalid with the rule that is broken.
  static core::Result<TaskName> parse(std::string_view text);
  /// `module::task`, with init spelt out: the canonical name, for manifests and tables.
  std::string canonical() const;
  /// As people and `_task` say it: `module` for init.
  std::string shown() const;
  /// `module/tasks`, where implementations lie in a package.
  std::string tasks_folder() const;

  auto operator<=>(const TaskName&) const = default;
};

/// [a-z][a-z0-9_]*, the rule for modules, tasks and parameters alike.
bool is_name(std::string_view text);

/// A relative path `module/folder/…/file` of plain UTF-8 parts: no empty part, `.`, `..`,
/// backslash or control character. The error says what is wrong with it.
core::Status check_package_path(std::string_view path);

/// Letters, digits and `.+_-`, beginning with a letter or digit.
core::Status check_version(std::string_view text);
/// Orders versions by their runs of digits and of other characters: 1.9 < 1.10; a
/// version with a `-suffix` comes before the one without it, `+suffix` behind.
std::strong_ordering compare_versions(std::string_view a, std::string_view b);

}  // namespace muster::methods
