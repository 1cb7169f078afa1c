// SPDX-License-Identifier: Apache-2.0
//
// Which file packs users of hosts may install by themselves: the rules, and what follows from
// them for one host.
#include <algorithm>
#include <charconv>

#include "core/bytes.h"
#include "server/api.h"
#include "server/json.h"
#include "server/pack_requests.h"
#include "server/region.h"
#include "server/scope.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;
using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;

json::object to_json(const PackRule& rule) {
  json::object object{{"id", rule.id},
                      {"pack", rule.pack},
                      {"selector", rule.selector},
                      {"effect", rule.deny ? "deny" : "allow"},
                      {"created_by", rule.created_by},
                      {"created_at", time_text(rule.created_at)}};
  set(object, "version", rule.version);
  return object;
}

Answer list_rules(Region& region, Request& request) {
  const std::string pack(request.query_value("pack").value_or(""));
  json::array rules;
  for (const PackRule& rule : region.pack_rules().all())
    if (pack.empty() || rule.pack == pack) rules.push_back(to_json(rule));
  co_return json_response(json::object{{"rules", std::move(rules)}});
}

Answer add_rule(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  PackRule rule;
  rule.pack = members.required_text("pack", packs::kNameBytesMax);
  rule.version = members.text("version", packs::kVersionBytesMax);
  rule.selector = members.required_text("selector", access::kSelectorBytesMax);
  const std::string effect = members.text("effect", 16, "allow");
  if (effect != "allow" && effect != "deny") members.wrong("effect", "must be allow or deny");
  rule.deny = effect == "deny";
  MUSTER_CO_TRY(members.done());
  MUSTER_CO_TRY(packs::check_name(rule.pack));
  // A name that was mistyped is seen now, not when somebody waits for it.
  MUSTER_CO_ASSIGN(const auto versions, co_await region.packs().versions(rule.pack));
  if (!rule.version.empty() &&
      std::ranges::find(versions, rule.version, &catalog::Published::version) == versions.end())
    co_return fail(Code::kNotFound, "there is no file pack " + rule.pack + " of version " +
                                        core::printable(rule.version, 100));
  MUSTER_CO_ASSIGN(const auto made,
                   co_await region.pack_rules().add(caller(request), std::move(rule)));
  co_return json_response(to_json(made), 201);
}

Answer remove_rule(Region& region, Request& request) {
  const auto text = request.param("id");
  std::int64_t id = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (wrong != std::errc() || end != text.data() + text.size())
    co_return fail(Code::kNotFound, "there is no such rule for packs");
  MUSTER_CO_TRY(co_await region.pack_rules().remove(caller(request), id));
  co_return Response::no_content();
}

Answer host_packs(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const fleet::Endpoint* host,
                   find_in_scope(region.registry(), caller(request), request.param("id")));
  MUSTER_CO_ASSIGN(const auto packs, co_await region.pack_requests().list(host->id));
  co_return json_response(packs);
}

}  // namespace

void add_pack_rule_routes(net::Router& router, Region& region) {
  add_route(router, region, "GET", "/v1/pack-rules", "view", list_rules);
  add_route(router, region, "POST", "/v1/pack-rules", "manage_methods", add_rule);
  add_route(router, region, "DELETE", "/v1/pack-rules/{id}", "manage_methods", remove_rule);
  add_route(router, region, "GET", "/v1/hosts/{id}/packs", "view", host_packs);
}

}  // namespace muster::server
