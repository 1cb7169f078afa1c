// SPDX-License-Identifier: Apache-2.0
//
// How a method's process is started: which arguments it gets in which way, where its
// files lie, as other runners of the task format do it. Pure; runner.h does the rest.
//
// The install folder has the layout of the package: `module/tasks/name.sh`,
// `other/files/x`. It is the runner's own, made for this run, so that `_installdir`
// may be written to.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "methods/package.h"

namespace muster::methods {

/// Bytes of one NAME=value: more than this the kernel refuses (MAX_ARG_STRLEN is 128 KiB).
inline constexpr std::size_t kVariableBytesMax = 128 * 1024 - 1;
/// Bytes of all of them: with room below the kernel's quarter of the stack limit.
inline constexpr std::size_t kVariablesBytesMax = 1024 * 1024;

struct InvocationInput {
  const Package* package = nullptr;                ///< not null
  const Implementation* implementation = nullptr;  ///< select_implementation()'s
  json::object arguments;                          ///< checked, defaults in
  bool noop = false;
  std::string install_folder;     ///< absolute
  std::string executable_prefix;  ///< the first bytes of the executable, 128 are enough
};

struct Invocation {
  std::vector<std::string> argv;  ///< absolute path of the executable, or its interpreter first
  std::string stdin_bytes;
  std::vector<std::string> environment;  ///< NAME=value
  /// Arguments that are only on stdin, because the environment cannot hold them.
  std::vector<std::string> only_on_stdin;
};

/// kInvalid where the method has no dry run and `noop` is asked for, where an argument is
/// reserved (`_…`), or where the environment is the only way and cannot hold one.
core::Result<Invocation> make_invocation(const InvocationInput& input);

}  // namespace muster::methods
