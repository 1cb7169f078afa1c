// SPDX-License-Identifier: Apache-2.0
//
// Runs as one user orders and sees them.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <vector>

#include "access/types.h"
#include "jobs/types.h"
#include "net/http_message.h"
#include "runtime/task.h"
#include "server/run_service.h"

namespace muster::server {

class Region;

/// Who is narrowed to some hosts sees their own runs only: the answers of others' runs
/// may come from hosts that do not exist for them. Nothing: all runs.
std::optional<std::string> sees_runs_of(const access::Principal& principal);
bool may_see(const access::Principal& principal, const jobs::Run& run);

/// The run that the path names, if the caller may see it; else kNotFound.
runtime::Task<core::Result<jobs::Run>> find_run(Region& region, net::Request& request);

/// Makes the run that `request` (RunRequest in the API) asks for, on the hosts that match
/// and that `by` may reach; everything is checked first. The caller has checked that `by`
/// may order runs. `idempotency_key`: empty, or names this order among those of `by`; the
/// same key with another `digest` of the request is kConflict, so is an order that no
/// host matches. `only`: on none but these, where given. `child`: it is started by a method,
/// which has more limits.
runtime::Task<core::Result<RunService::Created>> order_run(
    Region& region, access::Principal by, boost::json::object request, std::string idempotency_key,
    std::string digest, std::optional<std::vector<core::EndpointId>> only = std::nullopt,
    std::shared_ptr<const jobs::Chain> child = nullptr);

/// Whether order_run would take `request`, whichever hosts match when it is called. The
/// value is the request as it may be shown: its secrets hidden.
runtime::Task<core::Result<boost::json::object>> check_run(Region& region, access::Principal by,
                                                           boost::json::object request);

}  // namespace muster::server
