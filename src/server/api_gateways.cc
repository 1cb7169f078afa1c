// SPDX-License-Identifier: Apache-2.0
//
// Gateways, as an administrator sees and manages them.
#include <algorithm>

#include "core/bytes.h"
#include "identity/authority.h"
#include "server/api.h"
#include "server/json.h"
#include "server/region.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;
using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;

std::string_view name(fleet::GatewayState state) {
  switch (state) {
    case fleet::GatewayState::kUp:
      return "up";
    case fleet::GatewayState::kDraining:
      return "draining";
    default:
      return "away";
  }
}

Answer list_gateways(Region& region, Request&) {
  json::array gateways;
  for (const auto& gateway : region.placement().gateways()) {
    json::object entry{{"name", gateway.name},         {"state", name(gateway.state)},
                       {"draining", gateway.draining}, {"links", gateway.links},
                       {"expected", gateway.expected}, {"capacity", gateway.capacity},
                       {"behind", json::array()},      {"limits", json::array()}};
    if (const auto* visitor = region.gateways().visitor(gateway.name)) {
      entry["behind"] = json::array(visitor->behind.begin(), visitor->behind.end());
      entry["limits"] = json::array(visitor->limits.begin(), visitor->limits.end());
    }
    gateways.push_back(std::move(entry));
  }
  co_return json_response(json::object{{"gateways", std::move(gateways)}});
}

Answer drain(Region& region, Request& request, bool draining) {
  const std::string wanted(request.param("name"));
  const auto known = region.placement().gateways();
  if (std::ranges::find(known, wanted, &fleet::GatewayView::name) == known.end())
    co_return fail(Code::kNotFound, "there is no gateway " + core::printable(wanted, 64) +
                                        "; muster gateways lists them");
  MUSTER_CO_TRY(co_await region.placement().drain(caller(request), wanted, draining));
  co_return Response::no_content();
}

Answer revoke_gateway(Region& region, Request& request) {
  const std::string name(request.param("name"));
  if (!identity::is_valid_name(name))
    co_return fail(Code::kInvalid, "not a gateway's name: " + core::printable(name, 64));
  // Cutting its link follows from the revocation itself, see Region.
  auto revoked =
      co_await region.revocations().revoke_gateway(caller(request), name, "by an administrator");
  if (!revoked && revoked.error().code != Code::kExists)
    co_return std::unexpected(std::move(revoked.error()));
  co_return Response::no_content();
}

}  // namespace

void add_gateway_routes(net::Router& router, Region& region) {
  add_route(router, "GET", "/v1/gateways", "view",
            [&region](Request& request) { return list_gateways(region, request); });
  add_route(router, "POST", "/v1/gateways/{name}/drain", "manage_hosts",
            [&region](Request& request) { return drain(region, request, true); });
  add_route(router, "POST", "/v1/gateways/{name}/undrain", "manage_hosts",
            [&region](Request& request) { return drain(region, request, false); });
  add_route(router, "POST", "/v1/gateways/{name}/revoke", "manage_hosts",
            [&region](Request& request) { return revoke_gateway(region, request); });
}

}  // namespace muster::server
