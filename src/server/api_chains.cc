// SPDX-License-Identifier: Apache-2.0
//
// Trees of runs: what methods have started.
#include "jobs/run_store.h"
#include "server/api.h"
#include "server/json.h"
#include "server/region.h"
#include "server/run_access.h"
#include "server/run_json.h"

namespace muster::server {
namespace {

using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;

/// The whole tree of a run, wherever in it the run is.
Answer get_tree(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const auto run, co_await find_run(region, request));
  std::vector<jobs::Run> tree{run};
  core::RunId root = run.id;
  if (run.chain) {
    if (run.chain->is_child()) root = run.chain->above.front().run;
    MUSTER_CO_ASSIGN(tree, co_await region.database().read([root](store::Connection& connection) {
      return jobs::RunStore::tree(connection, root);
    }));
  }
  json::array runs;
  for (const jobs::Run& one : tree) {
    json::object object = run_json(one);
    if (one.chain && one.chain->is_child())
      object["parent"].as_object()["name"] =
          host_name(region.registry(), one.chain->parent().endpoint);
    runs.push_back(std::move(object));
  }
  co_return json_response(json::object{{"root", root.str()}, {"runs", std::move(runs)}});
}

}  // namespace

void add_chain_routes(net::Router& router, Region& region) {
  add_route(router, region, "GET", "/v1/runs/{id}/tree", "view", get_tree);
}

}  // namespace muster::server
