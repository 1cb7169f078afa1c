// SPDX-License-Identifier: Apache-2.0
//
// The servers of the region: who they are and which one leads.
#include "core/version.h"
#include "server/api.h"
#include "server/json.h"
#include "server/region.h"
#include "server/standing.h"

namespace muster::server {
namespace {

using net::Request;
using Answer = runtime::Task<core::Result<net::Response>>;

json::object server_json(const store::ServerRow& row) {
  json::array addresses;
  for (const auto& address : row.self.addresses) addresses.emplace_back(address);
  const auto unseen = std::chrono::duration_cast<std::chrono::milliseconds>(
      row.here ? core::Duration(0) : row.unseen);
  return {{"name", row.self.name},
          {"addresses", std::move(addresses)},
          {"role", row.leads   ? "leader"
                   : row.alive ? "standing"
                               : "lost"},
          {"version", row.self.version},
          {"since", time_text(row.started_at)},
          {"last_seen", time_text(core::wall_now() - unseen)}};
}

Answer list_servers(Region& region, Request&) {
  json::array servers;
  json::object body;
  if (store::Servers* shared = region.servers()) {
    const auto seen = shared->view();
    for (const auto& row : seen.servers) servers.push_back(server_json(row));
    body["term"] = seen.term;
  } else {
    const auto& config = region.config();
    servers.push_back(server_json({.self = {.name = server_name(config),
                                            .addresses = own_addresses(config, region.port()),
                                            .version = std::string(core::kVersion)},
                                   .started_at = region.started_at(),
                                   .leads = true,
                                   .here = true}));
  }
  body["servers"] = std::move(servers);
  co_return json_response(std::move(body));
}

}  // namespace

void add_server_routes(net::Router& router, Region& region) {
  add_route(router, region, "GET", "/v1/servers", "view", list_servers);
}

}  // namespace muster::server
