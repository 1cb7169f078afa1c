// SPDX-License-Identifier: Apache-2.0
//
// What is kept of finished runs: shown and set.
#include "access/audit.h"
#include "jobs/run_store.h"
#include "server/api.h"
#include "server/json.h"
#include "server/region.h"

namespace muster::server {
namespace {

using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;

constexpr std::int64_t kAgeCeilingS = 100LL * 365 * 24 * 3600;

std::int64_t seconds(core::Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

Answer get_retention(Region& region, Request&) {
  MUSTER_CO_ASSIGN(const auto retention, co_await region.retention());
  MUSTER_CO_ASSIGN(const auto kept, co_await region.database().read(jobs::RunStore::kept));
  co_return json_response(json::object{{"age_max_s", seconds(retention.age_max)},
                                       {"bytes_max", retention.bytes_max},
                                       {"runs_max", retention.runs_max},
                                       {"kept",
                                        {{"runs", kept.runs},
                                         {"recorded_runs", kept.recorded_runs},
                                         {"output_bytes", kept.output_bytes}}}});
}

Answer set_retention(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  MUSTER_CO_ASSIGN(auto retention, co_await region.retention());
  Members members(body);
  if (const auto age = members.maybe_integer("age_max_s", 0, kAgeCeilingS))
    retention.age_max = std::chrono::seconds(*age);
  if (const auto bytes = members.maybe_integer("bytes_max", 0, INT64_MAX))
    retention.bytes_max = static_cast<std::uint64_t>(*bytes);
  if (const auto runs = members.maybe_integer("runs_max", 0, INT64_MAX))
    retention.runs_max = static_cast<std::uint64_t>(*runs);
  MUSTER_CO_TRY(members.done());
  const access::Principal by = caller(request);
  MUSTER_CO_TRY(
      co_await region.database().write([=](store::Connection& connection) -> core::Status {
        MUSTER_TRY(jobs::RunStore::set_retention(connection, retention));
        MUSTER_TRY(access::Audit::append(
            connection, core::wall_now(), by, "retention.set", "",
            access::audit_detail({{"age_max_s", std::to_string(seconds(retention.age_max))},
                                  {"bytes_max", std::to_string(retention.bytes_max)},
                                  {"runs_max", std::to_string(retention.runs_max)}})));
        return {};
      }));
  co_await region.runs().retain(retention);
  co_return co_await get_retention(region, request);
}

}  // namespace

void add_retention_routes(net::Router& router, Region& region) {
  add_route(router, "GET", "/v1/retention", "view",
            [&region](Request& request) { return get_retention(region, request); });
  add_route(router, "PATCH", "/v1/retention", "manage_region",
            [&region](Request& request) { return set_retention(region, request); });
}

}  // namespace muster::server
