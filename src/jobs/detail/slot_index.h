// SPDX-License-Identifier: Apache-2.0
//
// Which slot of a run an endpoint has, found without walking over the run's targets.
//
// An index of the database on (run, endpoint) costs a quarter of the speed at which targets
// are inserted. A run's targets never change, so they are written once, sorted, in blocks of
// a few dozen: one row for each block, named by its first endpoint.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/ids.h"
#include "core/result.h"
#include "jobs/batch.h"
#include "store/connection.h"

namespace muster::jobs::detail {

/// The targets of a new run; their slots are their places in `targets`.
core::Status write_slots(store::Connection& connection, core::RunId run,
                         std::span<const NewRun::Row> targets);

/// Nothing where the endpoint is no target of the run. Runs that were written before there
/// were blocks are walked over.
core::Result<std::optional<std::int64_t>> find_slot(store::Connection& connection, core::RunId run,
                                                    const core::EndpointId& endpoint);

}  // namespace muster::jobs::detail
