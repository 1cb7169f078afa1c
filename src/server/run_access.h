// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "access/types.h"
#include "jobs/types.h"
#include "net/http_message.h"
#include "runtime/task.h"

namespace muster::server {

class Region;

/// Who is narrowed to some hosts sees their own runs only: the answers of others' runs
/// may come from hosts that do not exist for them. Nothing: all runs.
std::optional<std::string> sees_runs_of(const access::Principal& principal);
bool may_see(const access::Principal& principal, const jobs::Run& run);

/// The run that the path names, if the caller may see it; else kNotFound.
runtime::Task<core::Result<jobs::Run>> find_run(Region& region, net::Request& request);

}  // namespace muster::server
