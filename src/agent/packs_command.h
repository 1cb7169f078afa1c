// SPDX-License-Identifier: Apache-2.0
//
// `muster-agent packs`: a user of this machine asks its running agent for file packs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/result.h"

namespace muster::agent {

/// Where the package's agent listens.
inline constexpr const char* kUserSocket = "/run/muster-agent/user.sock";

/// `words`: {"list"} or {"get", NAME[@VERSION]}. Prints what comes of it; `json`: as the agent
/// says it, line by line. An error: it was not done, and why.
core::Status ask_for_packs(const std::filesystem::path& socket,
                           const std::vector<std::string>& words, bool json);

}  // namespace muster::agent
