// SPDX-License-Identifier: Apache-2.0
//
// From a Command to a process: everything is looked up and checked first, then one
// vfork() with a child that makes system calls only.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "methods/command.h"

namespace muster::methods::detail {

/// Where the process finds its channel. Scripts like to use 3 to 7 themselves, and some
/// shells know no descriptor beyond 9.
inline constexpr int kChannelDescriptor = 8;

/// All that the child needs, made before the fork.
struct Plan {
  std::vector<std::string> programs;  ///< candidates for execve, in order
  std::vector<std::string> argv;
  std::vector<std::string> environment;
  std::string directory;
  bool directory_required = false;
  bool switch_user = false;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  CommandLimits limits;
  int stdin_fd = -1;     ///< owned
  bool channel = false;  ///< make one, as descriptor kChannelDescriptor
};

/// Why it cannot be: kInvalid and kDenied are refusals.
core::Result<Plan> make_plan(core::RunId run, const Command& command);

struct Spawned {
  pid_t pid = -1;
  int stdout_fd = -1;
  int stderr_fd = -1;
  int channel_fd = -1;
};

/// What went wrong before or in execve.
struct SpawnFailure {
  bool refused = false;  ///< else: the program was not found or is not executable
  int exit_code = 0;
  std::string reason;
};

/// Starts it. The process leads a new session and process group.
std::expected<Spawned, SpawnFailure> spawn(Plan& plan);

}  // namespace muster::methods::detail
