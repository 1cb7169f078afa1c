// SPDX-License-Identifier: Apache-2.0
//
// Rollouts as the API takes and shows them (Rollout, Wave in docs/openapi.yaml), and the
// waves of a run worked out for the hosts that it is for.
#pragma once

#include <boost/json/fwd.hpp>
#include <memory>
#include <span>
#include <vector>

#include "core/result.h"
#include "fleet/endpoint.h"
#include "jobs/types.h"

namespace muster::server {

/// The member `rollout` of a RunRequest. kInvalid names what is wrong. A plan with waves
/// and no limit of failures allows none.
core::Result<jobs::RolloutPlan> read_rollout(const boost::json::object& object);

/// Adds what the run's rollout, pause, stop and cancel have to show.
void show_progress(boost::json::object& object, const jobs::Run& run);

/// The waves of `run` with what became of their targets.
boost::json::array waves_json(const jobs::Run& run, std::span<const jobs::Counts> counts);
boost::json::object counts_json(const jobs::Counts& counts);

/// Puts `targets` into the order of their waves. kInvalid for a selector or label that is
/// none, kLimit for too many waves.
core::Result<std::shared_ptr<const jobs::Rollout>> arrange_waves(
    const jobs::RolloutPlan& plan, std::vector<const fleet::Endpoint*>& targets,
    core::WallTime now);

}  // namespace muster::server
