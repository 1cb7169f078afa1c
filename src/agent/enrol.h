// SPDX-License-Identifier: Apache-2.0
//
// Enrolment: from a join token to a certificate. The key is made here and never leaves.
#pragma once

#include <string>

#include "agent/state_folder.h"
#include "runtime/loop.h"
#include "runtime/task.h"

namespace muster::agent {

/// Asks `server` (host:port) for a certificate. The token's fingerprint pins the
/// server before the secret is sent; what comes back is checked against key and pin.
runtime::Task<core::Result<Enrolment>> enrol(runtime::Loop& loop, std::string server,
                                             std::string token);

/// The role check of every connection that an agent makes: gateways and servers only.
core::Status check_gateway(std::string_view leaf_der);

}  // namespace muster::agent
