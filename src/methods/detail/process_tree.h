// SPDX-License-Identifier: Apache-2.0
//
// Which processes belong to a run, by /proc.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace muster::methods::detail {

/// The living processes (no zombies) of the tree whose first process is `root`, which
/// may have ended but must not be reaped yet (its number would be free): descendants of `root`,
/// members of its session or group, our adopted children that carry `mark` ("MUSTER_RUN=<id>") in
/// their environment, and all descendants of those.
std::vector<pid_t> tree_of(pid_t root, const std::string& mark);

}  // namespace muster::methods::detail
