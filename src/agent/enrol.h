// SPDX-License-Identifier: Apache-2.0
//
// Enrolment: from a join token to what an agent keeps.
#pragma once

#include <string>

#include "agent/state_folder.h"
#include "runtime/loop.h"
#include "runtime/task.h"

namespace muster::agent {

/// As member::join(); the agent logs in at `server` (host:port). None: at the first of those who
/// are found near that takes it.
runtime::Task<core::Result<Enrolment>> enrol(runtime::Loop& loop, std::string server,
                                             std::string token);

}  // namespace muster::agent
