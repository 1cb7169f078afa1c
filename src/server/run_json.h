// SPDX-License-Identifier: Apache-2.0
//
// Runs and targets as the API shows them (Run, Target, Fold in docs/openapi.yaml).
#pragma once

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "fleet/registry.h"
#include "jobs/run_spec.h"
#include "jobs/types.h"
#include "server/live.h"
#include "server/method_service.h"

namespace muster::server {

boost::json::object run_json(const jobs::Run& run);

/// `output_bytes_max`: a stream that is longer is left out.
boost::json::object target_json(const jobs::Run& run, const jobs::Target& target,
                                const fleet::Registry& registry, std::size_t output_bytes_max);

/// {percent, text}: what there is of it.
boost::json::object progress_json(const TargetProgress& progress);

/// A host's name, or its id where it was removed since.
std::string host_name(const fleet::Registry& registry, const core::EndpointId& id);

/// What POST /v1/runs asks for. Where `method` is set, `spec.method` is still to be made of it
/// (MethodService::prepare).
struct RunRequest {
  jobs::RunSpec spec;
  std::optional<MethodOrder> method;
  std::optional<jobs::ChainGrant> grant;  ///< what its method may start further
};
/// kInvalid names the member that is wrong.
core::Result<RunRequest> read_run_request(const boost::json::object& body);

}  // namespace muster::server
