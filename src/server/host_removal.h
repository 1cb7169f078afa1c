// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "access/types.h"
#include "core/ids.h"
#include "core/result.h"
#include "runtime/task.h"

namespace muster::server {

class Region;

/// Ends a host's membership and forgets it: table, audit entry `action`, link, runs, placement.
/// `reason` is told to the host and in its targets.
runtime::Task<core::Status> remove_host(Region& region, access::Principal by, core::EndpointId id,
                                        std::string action, std::string reason);

}  // namespace muster::server
