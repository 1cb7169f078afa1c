// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace muster::cli {

/// The server's complaint about a selector, with the selector and a mark below the
/// column it names. Other errors come back unchanged.
core::Error pointing_at(core::Error error, std::string_view selector);

}  // namespace muster::cli
