// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "core/result.h"

namespace muster::core {

/// "65536", "512K", "1.5G" (powers of 1024, any case, "KiB" and "KB" too) → bytes.
Result<std::uint64_t> parse_size(std::string_view text);

}  // namespace muster::core
