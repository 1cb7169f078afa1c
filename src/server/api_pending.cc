// SPDX-License-Identifier: Apache-2.0
//
// Hosts that wait for approval: let in, or sent away.
#include "fleet/registry_store.h"
#include "server/api.h"
#include "server/host_json.h"
#include "server/host_removal.h"
#include "server/json.h"
#include "server/region.h"
#include "server/scope.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;
using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;

Answer approve_host(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const auto* endpoint,
                   find_in_scope(region.registry(), caller(request), request.param("id")));
  const core::EndpointId id = endpoint->id;
  const std::string name = endpoint->name;
  const access::Principal by = caller(request);
  MUSTER_CO_TRY(
      co_await region.database().write([&](store::Connection& connection) -> core::Status {
        MUSTER_TRY(fleet::RegistryStore::approve(connection, id));
        MUSTER_TRY(access::Audit::append(connection, core::wall_now(), by, "host.approve", id.str(),
                                         access::audit_detail({{"name", name}})));
        return {};
      }));
  MUSTER_CO_TRY(region.registry().approve(id));
  // Its next login is that of any host.
  region.gateways().kick(id, wire::GOODBYE_BUSY, "an administrator approved this host", 1);
  endpoint = region.registry().find(id);
  if (!endpoint) co_return fail(Code::kNotFound, "the host was removed meanwhile");
  co_return json_response(host_json(*endpoint));
}

Answer refuse_host(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const auto* endpoint,
                   find_in_scope(region.registry(), caller(request), request.param("id")));
  if (endpoint->state != fleet::EndpointState::kHeld)
    co_return fail(Code::kConflict, endpoint->name +
                                        " does not wait for approval; muster hosts "
                                        "remove or revoke ends its membership");
  MUSTER_CO_TRY(co_await remove_host(region, caller(request), endpoint->id, "host.refuse",
                                     "an administrator refused this host"));
  co_return Response::no_content();
}

}  // namespace

void add_pending_routes(net::Router& router, Region& region) {
  add_route(router, region, "POST", "/v1/hosts/{id}/approve", "manage_hosts", approve_host);
  add_route(router, region, "POST", "/v1/hosts/{id}/refuse", "manage_hosts", refuse_host);
}

}  // namespace muster::server
