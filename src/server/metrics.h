// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "net/http_server.h"
#include "server/forward.h"
#include "store/servers.h"

namespace muster::server {

class Region;

/// All metrics in Prometheus' text format 0.0.4, read at this moment: nothing is
/// counted twice, the parts keep their own counters.
std::string metrics_text(Region& region);

/// Those of a server that does not lead.
std::string standing_metrics_text(const store::ServersView& servers, const ForwardStats& forwarded,
                                  std::size_t relayed_links, const net::HttpServerStats& http);

}  // namespace muster::server
