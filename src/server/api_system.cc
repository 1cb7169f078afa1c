// SPDX-License-Identifier: Apache-2.0
//
// The region itself: what it is, whether it works, what it counts, what it promises.
#include "core/version.h"
#include "server/api.h"
#include "server/json.h"
#include "server/metrics.h"
#include "server/openapi.h"
#include "server/region.h"

namespace muster::server {
namespace {

using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;

json::value region_json(Region& region) {
  json::array gateways;
  for (const auto& [name, links] : region.registry().gateways())
    gateways.push_back(json::object{{"name", name}, {"links", links}});
  json::object object{
      {"region", region.id()},
      {"version", core::kVersion},
      {"endpoints", {{"total", region.registry().size()}, {"online", region.registry().online()}}},
      {"gateways", std::move(gateways)},
      {"started_at", time_text(region.started_at())}};
  if (const auto& stopped = region.stop_switch().stopped())
    object["stopped"] = {
        {"by", stopped->by}, {"reason", stopped->reason}, {"at", time_text(stopped->at)}};
  return object;
}

Response ready(Region& region) {
  if (region.stopping()) return Response::text(503, "the server stops\n");
  if (region.servers() && !region.servers()->may_answer())
    return Response::text(503, "this server has lost its lease; another may lead the region\n");
  if (region.database().stats().lost)
    return Response::text(503, "the connection to the database is lost; it is tried again\n");
  const std::string& trouble = region.runs().ledger().storage_error();
  if (!trouble.empty())
    return Response::text(503, "the database refuses writes: " + trouble + "\n");
  return Response::text(200, "ready\n");
}

}  // namespace

void add_system_routes(net::Router& router, Region& region) {
  add_route(router, "GET", "/v1/region", "view",
            [&region](Request&) -> Answer { co_return json_response(region_json(region)); });
  add_route(router, "GET", "/healthz", "public",
            [](Request&) -> Answer { co_return Response::text(200, "ok\n"); });
  add_route(router, "GET", "/readyz", "public",
            [&region](Request&) -> Answer { co_return ready(region); });
  add_route(router, "GET", "/metrics", "view", [&region](Request&) -> Answer {
    co_return Response::bytes(metrics_text(region), "text/plain; version=0.0.4; charset=utf-8");
  });
  add_route(router, "GET", "/v1/openapi.yaml", "public", [](Request&) -> Answer {
    co_return Response::bytes(std::string(openapi_document()), "application/yaml");
  });
}

}  // namespace muster::server
