// SPDX-License-Identifier: Apache-2.0
//
// Where other machines reach the server that this command uses.
#pragma once

#include <string>
#include <string_view>

#include "cli/client.h"

namespace muster::cli {

/// "HOST:PORT" of "https://HOST:PORT".
std::string_view without_scheme(std::string_view server);

/// Whether "HOST:PORT" or "https://HOST:PORT" is this machine's alone.
bool is_loopback(std::string_view server);

/// "HOST:PORT" as other machines write it: as this command does; where that is the loopback, the
/// first address that the leading server names and that is not. The loopback where there is none:
/// that server listens for this machine alone, or may not be asked.
std::string reached_at(Client& client);

}  // namespace muster::cli
