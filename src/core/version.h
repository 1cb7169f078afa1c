// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace muster::core {

/// The product's version, as CMakeLists.txt says it.
inline constexpr std::string_view kVersion = MUSTER_VERSION;

}  // namespace muster::core
