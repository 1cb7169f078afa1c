// SPDX-License-Identifier: Apache-2.0
//
// How a link ended: said to the driver once, by either session.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "link.pb.h"

namespace muster::link {

struct Ending {
  /// GOODBYE_NONE: the connection broke without a word (or never came about).
  wire::GoodbyeCode code = wire::GOODBYE_NONE;
  std::string reason;                ///< a sentence for the log; valid UTF-8
  std::uint32_t retry_after_ms = 0;  ///< as the gateway asked; 0: own pacing
  bool by_peer = false;              ///< the peer said goodbye; else this side did
  /// Of GOODBYE_MOVED: where to go (host:port), best first, at most kMovedGatewaysMax; none:
  /// to the server.
  std::vector<std::string> gateways = {};
};

/// "stopping", "revoked", …: for logs and metrics.
const char* name(wire::GoodbyeCode code);

}  // namespace muster::link
