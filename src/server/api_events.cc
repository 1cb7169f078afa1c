// SPDX-License-Identifier: Apache-2.0
//
// What methods have told: events of all hosts, the inventory of one.
#include <charconv>

#include "core/bytes.h"
#include "intake/store.h"
#include "server/api.h"
#include "server/json.h"
#include "server/region.h"
#include "server/run_json.h"
#include "server/scope.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;
using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;

/// Looks into the database for one page, for callers who may see few of the hosts.
constexpr int kReadsMax = 20;

json::object event_json(const intake::StoredEvent& stored, const fleet::Registry& registry) {
  json::object object{{"id", std::to_string(stored.id)},
                      {"endpoint", stored.endpoint.str()},
                      {"name", host_name(registry, stored.endpoint)},
                      {"run", stored.run.str()},
                      {"gateway", stored.gateway},
                      {"severity", intake::name(stored.event.severity)},
                      {"kind", stored.event.kind},
                      {"text", stored.event.text},
                      {"taken_at", time_text(stored.taken_at)},
                      {"stored_at", time_text(stored.stored_at)}};
  boost::system::error_code failed;
  if (!stored.event.data.empty())
    if (auto data = json::parse(stored.event.data, failed); !failed)
      object["data"] = std::move(data);
  return object;
}

core::Result<std::int64_t> cursor_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size() || number < 1)
    return fail(Code::kInvalid, "after must be the 'next' of an earlier answer");
  return number;
}

core::Result<intake::EventFilter> filter_of(Region& region, const Request& request) {
  intake::EventFilter filter;
  if (const auto host = request.query_value("endpoint")) {
    MUSTER_ASSIGN(const auto* found, find_in_scope(region.registry(), caller(request), *host));
    filter.endpoint = found->id;
  }
  if (const auto run = request.query_value("run")) {
    MUSTER_ASSIGN(filter.run, core::RunId::parse(*run));
  }
  if (const auto text = request.query_value("severity")) {
    const auto severity = intake::severity_of(*text);
    if (!severity)
      return fail(Code::kInvalid, "severity must be debug, info, warning, error or critical");
    filter.at_least = *severity;
  }
  filter.kind = request.query_value("kind").value_or("");
  return filter;
}

Answer list_events(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const std::size_t limit, limit_of(request));
  MUSTER_CO_ASSIGN(const auto filter, filter_of(region, request));
  std::optional<std::int64_t> before;
  if (const auto text = request.query_value("after")) {
    MUSTER_CO_ASSIGN(before, cursor_of(*text));
  }
  MUSTER_CO_ASSIGN(const auto scope, Scope::of(caller(request)));
  json::array events;
  bool more = true;
  for (int reads = 0; more && events.size() < limit && reads < kReadsMax; ++reads) {
    MUSTER_CO_ASSIGN(const auto page, co_await region.database().read([&](store::Connection& c) {
      return intake::Store::events(c, filter, limit, before);
    }));
    more = page.size() == limit;
    for (const auto& stored : page) {
      if (events.size() == limit) {
        more = true;
        break;
      }
      before = stored.id;
      const fleet::Endpoint* host = region.registry().find(stored.endpoint);
      // Hosts that are gone: for those who see all hosts.
      if (!scope.everywhere() && (!host || !scope.allows(*host, core::wall_now()))) continue;
      events.push_back(event_json(stored, region.registry()));
    }
  }
  co_return json_response(json::object{
      {"events", std::move(events)},
      {"next", more && before ? json::value(std::to_string(*before)) : json::value(nullptr)}});
}

Answer get_inventory(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const auto* host,
                   find_in_scope(region.registry(), caller(request), request.param("id")));
  const core::EndpointId id = host->id;
  MUSTER_CO_ASSIGN(const auto stored, co_await region.database().read([id](store::Connection& c) {
    return intake::Store::inventory(c, id);
  }));
  json::array tables;
  for (const auto& one : stored) {
    boost::system::error_code failed;
    json::value data = json::parse(one.inventory.data, failed);
    tables.push_back(json::object{{"table", one.inventory.table},
                                  {"run", one.run.str()},
                                  {"reported_at", time_text(one.reported_at)},
                                  {"data", failed ? json::value(nullptr) : std::move(data)}});
  }
  co_return json_response(json::object{{"tables", std::move(tables)}});
}

}  // namespace

void add_event_routes(net::Router& router, Region& region) {
  add_route(router, region, "GET", "/v1/host-events", "view", list_events);
  add_route(router, region, "GET", "/v1/hosts/{id}/inventory", "view", get_inventory);
}

}  // namespace muster::server
