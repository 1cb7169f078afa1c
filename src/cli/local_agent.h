// SPDX-License-Identifier: Apache-2.0
//
// LocalAgent keeps the agent of `muster up` running: this machine as the first endpoint.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"
#include "runtime/loop.h"
#include "runtime/task.h"

namespace muster::cli {

class LocalAgent {
 public:
  /// `program`: the muster-agent to start; `state`: the folder in which it has its own, agent/.
  LocalAgent(runtime::Loop& loop, std::filesystem::path program, std::filesystem::path state);

  /// The muster-agent beside this program, else the one in PATH. kNotFound.
  static core::Result<std::filesystem::path> find_program();

  bool enrolled() const;
  /// Which endpoint it is, by its certificate. kNotFound before it is enrolled.
  core::Result<core::EndpointId> endpoint() const;
  /// Runs `muster-agent enrol` to its end.
  runtime::Task<core::Status> enrol(std::string server, std::string token);
  /// Runs `muster-agent run` and starts it again when it ends, until stop(). `server`:
  /// where the region listens this time.
  runtime::Task<void> keep_running(std::string server);
  /// Tells the agent to stop and waits until it has.
  runtime::Task<void> stop();

 private:
  core::Result<pid_t> start(std::vector<std::string> arguments) const;
  /// The exit status, or nothing where it runs on after `at_most` or the task is cancelled.
  runtime::Task<std::optional<int>> ended(pid_t child, core::Duration at_most);

  runtime::Loop& loop_;
  std::filesystem::path program_;
  std::filesystem::path state_;
  pid_t running_ = -1;
  bool stopping_ = false;
};

}  // namespace muster::cli
