// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "core/clock.h"
#include "core/result.h"

namespace muster::core {

/// Reads "90s", "15m", "1h30m", "7d", "250ms", "2w". A unit is required; the sum
/// must lie within 100 years. The error quotes the text and shows an example.
Result<Duration> parse_duration(std::string_view text);

}  // namespace muster::core
