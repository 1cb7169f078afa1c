// SPDX-License-Identifier: Apache-2.0
//
// Runs on their way: pause, resume, waves.
#include "jobs/run_store.h"
#include "server/api.h"
#include "server/json.h"
#include "server/region.h"
#include "server/rollout_json.h"
#include "server/run_access.h"
#include "server/run_json.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;
using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;

constexpr std::size_t kReasonBytesMax = 1024;

/// A finished run is no longer in the ledger: told so, rather than as unknown.
core::Status check_open(const jobs::Run& run) {
  if (!run.finished()) return {};
  return fail(Code::kConflict, "run " + run.id.str() + " is finished");
}

Answer pause_run(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(auto run, co_await find_run(region, request));
  MUSTER_CO_ASSIGN(const json::object body,
                   request.body.empty() ? json::object() : parse_object(request.body));
  Members members(body);
  std::string reason = members.text("reason", kReasonBytesMax);
  MUSTER_CO_TRY(members.done());
  MUSTER_CO_TRY(check_open(run));
  MUSTER_CO_ASSIGN(run,
                   co_await region.runs().pause(run.id, caller(request).name, std::move(reason)));
  co_return json_response(run_json(run));
}

Answer resume_run(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(auto run, co_await find_run(region, request));
  MUSTER_CO_TRY(check_open(run));
  MUSTER_CO_ASSIGN(run, co_await region.runs().resume(run.id, caller(request).name));
  co_return json_response(run_json(run));
}

Answer list_waves(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const auto run, co_await find_run(region, request));
  std::vector<jobs::Counts> counts{run.counts};
  if (run.rollout) {
    MUSTER_CO_ASSIGN(counts, co_await region.database().read([&](store::Connection& connection) {
      return jobs::RunStore::wave_counts(connection, run.id, *run.rollout);
    }));
  }
  co_return json_response(json::object{{"waves", waves_json(run, counts)}});
}

}  // namespace

void add_rollout_routes(net::Router& router, Region& region) {
  add_route(router, region, "POST", "/v1/runs/{id}/pause", "run", pause_run);
  add_route(router, region, "POST", "/v1/runs/{id}/resume", "run", resume_run);
  add_route(router, region, "GET", "/v1/runs/{id}/waves", "view", list_waves);
}

}  // namespace muster::server
