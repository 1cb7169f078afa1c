// SPDX-License-Identifier: Apache-2.0
//
// Gateways that run apart, as an administrator manages them.
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
  add_route(router, "POST", "/v1/gateways/{name}/revoke", "manage_hosts",
            [&region](Request& request) { return revoke_gateway(region, request); });
}

}  // namespace muster::server
