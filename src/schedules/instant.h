// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "core/result.h"
#include "schedules/zone.h"

namespace muster::schedules {

/// Reads "2026-12-01T03:00:00Z", "…+01:00", or without either the time that the clocks of
/// `zone` show; seconds and their fraction may be left out, the T may be a space. A time
/// that the clocks jump over is the moment of the jump, one that they show twice the
/// first. kInvalid shows an example.
core::Result<core::WallTime> read_instant(std::string_view text, const Zone& zone);

}  // namespace muster::schedules
