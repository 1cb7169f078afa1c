// SPDX-License-Identifier: Apache-2.0
//
// Scripts on machines that have no agent yet, over the system's ssh: several at a time, each
// with a deadline.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/clock.h"

namespace muster::cli {

/// Of what a machine says, the last so many bytes are kept.
inline constexpr std::size_t kRemoteOutputBytesMax = 64 * 1024;

struct RemoteJob {
  std::vector<std::string> argv;  ///< argv[0] is looked up in PATH
  std::string input;              ///< its standard input
};

struct RemoteResult {
  int status = -1;     ///< as a shell has it; 255: ssh's own failure
  std::string output;  ///< both streams, as they came; foreign bytes
  bool in_time = true;
};

/// Runs `count` jobs, at most `parallel` at once. `next` makes a job when its turn comes (and may
/// fail it by giving no argv); `done` hears of each as it ends, in any order. What is late is
/// killed.
void run_remote(std::size_t count, std::size_t parallel, core::Duration at_most,
                const std::function<RemoteJob(std::size_t index)>& next,
                const std::function<void(std::size_t index, RemoteResult result)>& done);

}  // namespace muster::cli
