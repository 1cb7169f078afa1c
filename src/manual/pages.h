// SPDX-License-Identifier: Apache-2.0
//
// Everything that packages take from the programs' own descriptions.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace muster::manual {

/// File name, relative to the folder that is written → content:
///   man/muster.1 man/muster-{server,gateway,agent}.8 man/muster-{server,gateway,agent}.toml.5
///   etc/{server,gateway,agent}.toml completion/{bash,zsh,fish}
/// `date`: 2026-11-22, as the pages show it.
std::map<std::string, std::string> files(std::string_view date);

}  // namespace muster::manual
