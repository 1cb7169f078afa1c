// SPDX-License-Identifier: Apache-2.0
//
// The HTTP API: one file per area, each adding its routes. docs/openapi.yaml is the
// contract; what a route may be used for stands in its RouteOptions::access.
//
// access is "public", or the name of a right (access::Right) that the caller needs. A
// route without it answers nobody: deny by default.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "access/types.h"
#include "net/http_message.h"
#include "net/router.h"

namespace muster::server {

class Region;

/// Cookie of the console's session.
inline constexpr std::string_view kSessionCookie = "muster_session";

/// Who asks; set by authenticate() for every route that is not public.
const access::Principal& caller(const net::Request& request);

/// Stop everything: it is authenticated before all that waits for the database.
inline constexpr std::string_view kStopPath = "/v1/stop-everything";

/// The before-hook of the HTTP server: finds out who asks and whether they may.
runtime::Task<std::optional<net::Response>> authenticate(Region& region, net::Request& request);

/// The value of a cookie; empty where there is none.
std::string cookie_of(const net::Request& request, std::string_view name);

/// Adds one route whose handler returns a Result: errors become error answers.
using ApiHandler = std::function<runtime::Task<core::Result<net::Response>>(net::Request&)>;
void add_route(net::Router& router, std::string method, std::string pattern, std::string access,
               ApiHandler handler, std::size_t body_bytes_max = 64 * 1024);

/// The same for a handler that needs nothing but the region and the request. It outlives the
/// router.
using RegionHandler = runtime::Task<core::Result<net::Response>> (*)(Region&, net::Request&);
void add_route(net::Router& router, Region& region, std::string method, std::string pattern,
               std::string access, RegionHandler handler, std::size_t body_bytes_max = 64 * 1024);

void add_session_routes(net::Router& router, Region& region);
void add_user_routes(net::Router& router, Region& region);
void add_token_routes(net::Router& router, Region& region);
void add_host_routes(net::Router& router, Region& region);
void add_gateway_routes(net::Router& router, Region& region);
void add_pending_routes(net::Router& router, Region& region);
void add_policy_routes(net::Router& router, Region& region);
void add_discovery_routes(net::Router& router, Region& region);
void add_method_routes(net::Router& router, Region& region);
void add_run_routes(net::Router& router, Region& region);
void add_chain_routes(net::Router& router, Region& region);
void add_event_routes(net::Router& router, Region& region);
void add_rollout_routes(net::Router& router, Region& region);
void add_stop_routes(net::Router& router, Region& region);
void add_run_result_routes(net::Router& router, Region& region);
void add_schedule_routes(net::Router& router, Region& region);
void add_recording_routes(net::Router& router, Region& region);
void add_retention_routes(net::Router& router, Region& region);
void add_live_routes(net::Router& router, Region& region);
void add_audit_routes(net::Router& router, Region& region);
void add_system_routes(net::Router& router, Region& region);
void add_server_routes(net::Router& router, Region& region);
void add_region_routes(net::Router& router, Region& region);
void add_install_routes(net::Router& router, Region& region);
void add_console_routes(net::Router& router);

}  // namespace muster::server
