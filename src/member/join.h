// SPDX-License-Identifier: Apache-2.0
//
// Joining a region: from a join token to a certificate. The key is made here and never
// leaves.
#pragma once

#include <string>
#include <vector>

#include "member/credential.h"
#include "runtime/loop.h"
#include "runtime/task.h"

namespace muster::member {

/// What a gateway says about itself; empty for an endpoint.
struct GatewayWish {
  std::string name;
  std::vector<std::string> names;  ///< DNS names and addresses by which endpoints reach it.
};

/// Asks `server` (host:port) for a certificate of the token's kind. The token's
/// fingerprint pins the server before the secret is sent; what comes back is checked
/// against key and pin. kInvalid: the token is not whole, or is of the other kind.
runtime::Task<core::Result<Credential>> join(runtime::Loop& loop, std::string server,
                                             std::string token, GatewayWish wish = {});

/// join() on a loop of its own; blocking, for start-up.
core::Result<Credential> join_blocking(std::string server, std::string token,
                                       GatewayWish wish = {});

}  // namespace muster::member
