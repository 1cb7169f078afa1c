// SPDX-License-Identifier: Apache-2.0
//
// Schedules and firings as the API shows them (Schedule, Firing in docs/openapi.yaml).
#pragma once

#include <boost/json/fwd.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "schedules/schedule.h"

namespace muster::server {

/// `next`: when it fires, as far as shown; `last`: what came of it last.
boost::json::object schedule_json(const schedules::Schedule& schedule,
                                  const std::vector<core::WallTime>& next,
                                  const std::optional<schedules::Firing>& last);
boost::json::object firing_json(const schedules::Firing& firing);

/// ScheduleRequest: name, description, enabled, terms, request and its selector.
/// kInvalid names the member that is wrong. `name`: where the path says it already.
core::Result<schedules::Schedule> read_schedule(const boost::json::object& body,
                                                std::string_view name);

}  // namespace muster::server
