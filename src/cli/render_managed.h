// SPDX-License-Identifier: Apache-2.0
//
// What full hosts say about themselves, as text.
#pragma once

#include <string>

#include "cli/json_access.h"

namespace muster::cli {

/// A status report, or those that a host joined with its own.
std::string render_managed(const Json& answer);
/// No part of it is an error.
bool all_hosts_well(const Json& answer);

}  // namespace muster::cli
