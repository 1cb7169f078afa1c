// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace muster::agent {

/// This program's version. It stands once in the executable, behind the words "muster-agent
/// version: ", so that a server can tell the version of an agent that it cannot start: one
/// for another type of machine.
std::string_view version();

}  // namespace muster::agent
