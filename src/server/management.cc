// SPDX-License-Identifier: Apache-2.0
#include "server/management.h"

#include "core/version.h"
#include "manage/status.h"
#include "server/json.h"
#include "server/region.h"
#include "server/standing.h"

namespace muster::server {
namespace {

using core::Code;

json::object database_json(Region& region) {
  const store::Stats stats = region.database().stats();
  const std::string& trouble = region.runs().ledger().storage_error();
  json::object object{{"kind", region.config().database.empty() ? "sqlite" : "postgresql"},
                      {"lost", stats.lost},
                      {"queued", stats.queued},
                      {"refused", stats.refused},
                      {"failures", stats.failures},
                      {"outages", stats.outages}};
  if (!trouble.empty()) object["trouble"] = trouble;
  return object;
}

json::value lease_json(Region& region) {
  const store::Servers* shared = region.servers();
  if (!shared) return nullptr;  // the only server
  const auto seen = shared->view();
  json::array servers;
  for (const auto& row : seen.servers)
    servers.push_back(json::object{{"name", row.self.name},
                                   {"version", row.self.version},
                                   {"alive", row.alive},
                                   {"leads", row.leads}});
  return json::object{
      {"term", seen.term}, {"held", shared->may_answer()}, {"servers", std::move(servers)}};
}

json::object report(Region& region) {
  json::array gateways;
  for (const auto& [name, links] : region.registry().gateways())
    gateways.push_back(json::object{{"name", name}, {"links", links}});
  const jobs::LedgerStats runs = region.runs().ledger().stats();
  const net::HttpServerStats http = region.http_server_stats();
  return {
      {"kind", "server"},
      {"host", server_name(region.config())},
      {"id", region.id()},
      {"version", core::kVersion},
      {"now", time_text(core::wall_now())},
      {"started_at", time_text(region.started_at())},
      {"database", database_json(region)},
      {"lease", lease_json(region)},
      {"gateways", std::move(gateways)},
      {"endpoints", {{"total", region.registry().size()}, {"online", region.registry().online()}}},
      {"queues",
       {{"open_runs", runs.open_runs},
        {"open_targets", runs.open_targets},
        {"pending_bytes", runs.pending_bytes},
        {"write_failures", runs.write_failures}}},
      {"http", {{"connections", http.connections}, {"refused", http.connections_refused}}},
      {"stopped", region.stop_switch().stopped().has_value()}};
}

runtime::Task<core::Result<manage::Caller>> authenticate(Region& region, net::Request& request) {
  constexpr std::string_view kBearer = "Bearer ";
  const auto header = request.header("authorization");
  if (!header || !header->starts_with(kBearer))
    co_return core::fail(Code::kUnauthorized,
                         "the server's management interface wants 'Authorization: Bearer' with an "
                         "API token (muster api-token create)");
  MUSTER_CO_ASSIGN(const auto principal, co_await region.api_tokens().authenticate(
                                             std::string(header->substr(kBearer.size()))));
  MUSTER_CO_TRY(access::require(principal, access::Right::kView));
  co_return manage::Caller{principal.name + " " + principal.via, {manage::Permission::kView}};
}

}  // namespace

std::unique_ptr<manage::Resource> server_management(Region& region, runtime::WorkerPool& workers) {
  // What only looks is in no audit log here, as with the rest of the API.
  auto resource = std::make_unique<manage::Resource>(manage::Resource::Ports{
      .host = server_name(region.config()),
      .id = region.id(),
      .authenticate = [&region](net::Request& request) { return authenticate(region, request); },
      .note = {}});
  resource->offer("status", [&region, &workers](manage::Asked) -> manage::Answer {
    json::object answer = report(region);
    answer["machine"] = co_await workers.run([] { return manage::machine_status(); });
    co_return manage::json_answer(answer);
  });
  return resource;
}

}  // namespace muster::server
