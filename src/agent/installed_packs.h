// SPDX-License-Identifier: Apache-2.0
//
// Which version of a file pack is installed here, as its installer has noted it. For showing.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace muster::agent {

inline constexpr const char* kPackState = "/var/lib/muster-packs";

/// Nothing where it is not installed, or what was noted cannot be read. `pack`: foreign.
std::optional<std::string> installed_version(const std::filesystem::path& state,
                                             const std::string& pack);

}  // namespace muster::agent
