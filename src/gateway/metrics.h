// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "discovery/responder.h"
#include "gateway/gateway.h"
#include "net/http_server.h"

namespace muster::gateway {

/// The metrics of a gateway that runs apart, in Prometheus' text format 0.0.4. Numbers
/// only: nothing in it names an endpoint.
std::string metrics_text(const GatewayStats& stats, const ContentStats& content,
                         const net::HttpServerStats& http,
                         const discovery::ResponderStats& discovery, std::string_view name,
                         bool has_server);

}  // namespace muster::gateway
