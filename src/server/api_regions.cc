// SPDX-License-Identifier: Apache-2.0
//
// Other regions: who they are, what they may here, and questions to them (docs/regions.md).
#include <algorithm>

#include "core/bytes.h"
#include "core/version.h"
#include "regions/card.h"
#include "server/api.h"
#include "server/host_json.h"
#include "server/json.h"
#include "server/neighbours.h"
#include "server/region.h"
#include "server/region_pass.h"
#include "server/scope.h"
#include "server/standing.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;
using core::Code;
using core::fail;
using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;
using Link = Neighbours::Link;

/// An overview does not wait longer for anybody.
constexpr core::Duration kOverviewTime = 3s;
constexpr std::size_t kBodyBytesMax = 1024 * 1024;
constexpr std::int64_t kGrantSecondsMax = std::chrono::seconds(std::chrono::days(3660)).count();

/// What a person compares with what the other administrator reads out.
std::string fingerprint_text(const identity::Certificate& authority) {
  return core::to_base32(authority.fingerprint());
}

json::array words_json(const std::vector<std::string>& words) {
  return json::array(words.begin(), words.end());
}

void set_health(json::object& object, const NeighbourLink& link) {
  object["state"] = link.state();
  object["since"] = time_text(link.health().since());
  set(object, "why", link.health().why().empty() ? link.refusal() : link.health().why());
}

json::object neighbour_json(const NeighbourLink& link) {
  const regions::Neighbour& known = link.neighbour();
  json::object object{{"name", known.name},
                      {"region", known.region},
                      {"addresses", words_json(known.addresses)},
                      {"may", words_json(regions::names(known.grant.may))},
                      {"for", access::name(static_cast<access::Role>(known.least_role))},
                      {"added_at", time_text(known.added_at)},
                      {"added_by", known.added_by}};
  if (const auto authority = identity::Certificate::from_pem(known.ca_pem))
    object["fingerprint"] = fingerprint_text(*authority);
  set_health(object, link);
  set(object, "selector", known.grant.selector);
  set(object, "expires_at", known.grant.expires_at);
  if (const auto& granted = link.granted()) {
    json::object there{{"may", words_json(granted->may)}};
    set(there, "selector", granted->selector);
    set(there, "expires_at", granted->expires_at);
    object["granted"] = std::move(there);
    set(object, "version", granted->version);
  }
  return object;
}

Answer list_regions(Region& region, Request&) {
  json::array list;
  for (const Link& link : region.neighbours().all()) list.push_back(neighbour_json(*link));
  co_return json_response(json::object{{"regions", std::move(list)}});
}

Answer get_region(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const Link link, region.neighbours().find(request.param("name")));
  co_return json_response(neighbour_json(*link));
}

/// A name that this server may have elsewhere: what is left of its own.
std::string suggested_name(const Region& region) {
  std::string name;
  for (const char c : server_name(region.config()).substr(0, 32))
    name += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
  return regions::is_valid_region_name(name) ? name : "region";
}

std::vector<std::string> all_addresses(Region& region) {
  auto list = own_addresses(region.config(), region.port());
  if (auto* servers = region.servers())
    for (const auto& row : servers->view().servers)
      for (const auto& address : row.self.addresses)
        if (std::ranges::find(list, address) == list.end()) list.push_back(address);
  if (list.size() > regions::Card::kAddressesMax) list.resize(regions::Card::kAddressesMax);
  return list;
}

json::object card_json(const regions::Card& card) {
  return {{"name", card.name},
          {"region", card.region()},
          {"fingerprint", fingerprint_text(card.authority)},
          {"addresses", words_json(card.addresses)}};
}

Answer own_card(Region& region, Request& request) {
  const std::string name(request.query_value("name").value_or(suggested_name(region)));
  if (!regions::is_valid_region_name(name))
    co_return fail(Code::kInvalid,
                   "a region's name has 1 to 32 of a-z 0-9 - and begins with a "
                   "letter, not '" +
                       core::printable(name, 64) + "'");
  const regions::Card card{name, all_addresses(region),
                           region.authority().authority().certificate()};
  json::object object = card_json(card);
  object["card"] = card.str();
  co_return json_response(object);
}

Answer inspect_card(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  const std::string text = members.required_text("card", regions::Card::kTextBytesMax);
  MUSTER_CO_TRY(members.done());
  MUSTER_CO_ASSIGN(const auto card, regions::Card::parse(text));
  json::object object = card_json(card);
  for (const Link& link : region.neighbours().all())
    if (link->neighbour().region == card.region()) object["known_as"] = link->neighbour().name;
  co_return json_response(object);
}

/// The members that a grant has in POST and PATCH alike; what is absent stays as it is.
core::Status read_grant(Members& members, regions::Neighbour& neighbour) {
  if (const auto may = members.texts("may", 8, 40)) {
    MUSTER_ASSIGN(neighbour.grant.may, regions::parse_permissions(*may));
  }
  if (auto selector = members.maybe_text("selector", access::kSelectorBytesMax)) {
    MUSTER_TRY(check_selector(*selector));
    neighbour.grant.selector = *selector == "all" ? "" : std::move(*selector);
  }
  if (const auto seconds = members.maybe_integer("expires_in_s", 0, kGrantSecondsMax)) {
    neighbour.grant.expires_at.reset();
    if (*seconds > 0)
      neighbour.grant.expires_at = core::wall_now() + std::chrono::seconds(*seconds);
  }
  if (const auto role = members.maybe_text("for", 20)) {
    MUSTER_ASSIGN(const auto least, access::parse_role(*role));
    neighbour.least_role = static_cast<std::uint8_t>(least);
  }
  return {};
}

Answer add_region(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  const std::string text = members.required_text("card", regions::Card::kTextBytesMax);
  const auto name = members.maybe_text("name", 64);
  regions::Neighbour neighbour;
  MUSTER_CO_TRY(read_grant(members, neighbour));
  MUSTER_CO_TRY(members.done());
  MUSTER_CO_ASSIGN(const auto card, regions::Card::parse(text));
  neighbour.name = name.value_or(card.name);
  if (!regions::is_valid_region_name(neighbour.name))
    co_return fail(Code::kInvalid,
                   "a region's name has 1 to 32 of a-z 0-9 - and begins with a "
                   "letter, not '" +
                       core::printable(neighbour.name, 64) + "'");
  neighbour.region = card.region();
  neighbour.ca_pem = card.authority.pem();
  neighbour.addresses = card.addresses;
  const std::string called = neighbour.name;
  MUSTER_CO_TRY(co_await region.neighbours().add(caller(request), std::move(neighbour)));
  MUSTER_CO_ASSIGN(const Link link, region.neighbours().find(called));
  co_return json_response(neighbour_json(*link), 201);
}

Answer change_region(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const Link link, region.neighbours().find(request.param("name")));
  regions::Neighbour neighbour = link->neighbour();
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  const auto text = members.maybe_text("card", regions::Card::kTextBytesMax);
  MUSTER_CO_TRY(read_grant(members, neighbour));
  MUSTER_CO_TRY(members.done());
  if (text) {
    MUSTER_CO_ASSIGN(const auto card, regions::Card::parse(*text));
    if (card.fingerprint() !=
        identity::Certificate::from_pem(neighbour.ca_pem).value_or(card.authority).fingerprint())
      co_return fail(Code::kConflict, "this is the card of another region, " + card.region() +
                                          ": remove " + neighbour.name + " and add that one");
    neighbour.addresses = card.addresses;
  }
  MUSTER_CO_TRY(co_await region.neighbours().change(caller(request), std::move(neighbour)));
  co_return json_response(neighbour_json(*link));
}

Answer remove_region(Region& region, Request& request) {
  MUSTER_CO_TRY(
      co_await region.neighbours().remove(caller(request), std::string(request.param("name"))));
  co_return Response::no_content();
}

/// What this region tells another one about itself and about its rights here.
Answer greet(Region& region, Request& request) {
  const PeerPrincipal* peer = peer_of(request);
  if (!peer) co_return fail(Code::kDenied, "this is for the servers of other regions");
  json::object object{{"region", region.id()}, {"version", core::kVersion}};
  const std::string neighbour = peer->name.substr(0, peer->name.find('/'));
  MUSTER_CO_ASSIGN(const Link link, region.neighbours().find(neighbour));
  const auto& grant = link->neighbour().grant;
  object["may"] = words_json(regions::names(grant.may));
  set(object, "selector", grant.selector);
  set(object, "expires_at", grant.expires_at);
  co_return json_response(object);
}

/// The regions of a list "a,b"; nothing or "all": all that this user may ask.
core::Result<std::vector<Link>> chosen(Region& region, const access::Principal& by,
                                       std::string_view names) {
  std::vector<Link> links;
  if (names.empty() || names == "all") {
    for (auto& link : region.neighbours().all())
      if (may_ask(by, link->neighbour())) links.push_back(std::move(link));
    return links;
  }
  while (!names.empty()) {
    const auto end = std::min(names.find(','), names.size());
    MUSTER_ASSIGN(auto link, region.neighbours().find(names.substr(0, end)));
    MUSTER_TRY(may_ask(by, link->neighbour()));
    if (std::ranges::find(links, link) == links.end()) links.push_back(std::move(link));
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return links;
}

/// {"name", "state", …} with what it answered, or with the error.
json::object outcome_of(const AnswerOf& each) {
  json::object object{{"name", each.link->neighbour().name}};
  set_health(object, *each.link);
  if (each.answer && each.answer->status < 300) return object;
  const core::Error why = each.answer ? net::error_of(*each.answer) : each.answer.error();
  object["error"] = json::object{{"code", core::name(why.code)}, {"message", why.message}};
  return object;
}

json::object not_json() {
  return {{"code", "corrupt"}, {"message", "its answer is no JSON"}};
}

core::Result<json::object> own_hosts(Region& region, const access::Principal& by,
                                     const fleet::Selector& selector, std::size_t limit) {
  MUSTER_ASSIGN(const auto scope, Scope::of(by));
  fleet::PageRequest page;
  page.limit = limit;
  page.selector = &selector;
  page.scope = scope.selector();
  MUSTER_ASSIGN(const auto found, region.registry().page(page, core::wall_now()));
  json::array hosts;
  for (const auto* endpoint : found.endpoints) hosts.push_back(host_json(*endpoint));
  return json::object{{"name", "here"},
                      {"state", "up"},
                      {"since", time_text(region.started_at())},
                      {"hosts", std::move(hosts)},
                      {"total", found.total},
                      {"online", found.online}};
}

Answer all_hosts(Region& region, Request& request) {
  const access::Principal& by = caller(request);
  const auto names = request.query_value("regions").value_or("all");
  const auto text = request.query_value("selector").value_or("");
  auto selector = read_selector(text);
  if (!selector) co_return std::move(selector.error());
  MUSTER_CO_ASSIGN(const std::size_t limit, limit_of(request));
  MUSTER_CO_ASSIGN(auto links, chosen(region, by, names));
  json::array list;
  if (names == "all") {
    MUSTER_CO_ASSIGN(auto own, own_hosts(region, by, *selector, limit));
    list.push_back(std::move(own));
  }
  net::ClientRequest question;
  question.target = "/v1/hosts?limit=" + std::to_string(limit) +
                    (text.empty() ? "" : "&selector=" + net::percent_encode(text));
  const auto answers =
      co_await ask_all(region, by, std::move(links), std::move(question), kOverviewTime);
  for (const AnswerOf& each : answers) {
    json::object object = outcome_of(each);
    if (!object.contains("error")) {
      auto body = parse_object(each.answer->body);
      if (!body) {
        object["error"] = not_json();
      } else {
        for (const char* member : {"hosts", "total", "online"})
          if (auto* value = body->if_contains(member)) object[member] = std::move(*value);
      }
    }
    list.push_back(std::move(object));
  }
  co_return json_response(json::object{{"regions", std::move(list)}});
}

Answer run_in_several(Region& region, Request& request) {
  const access::Principal& by = caller(request);
  MUSTER_CO_TRY(access::require(by, access::Right::kUseRegions));
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  const auto names = members.texts("regions", regions::kNeighboursMax, 64);
  const json::object* order = members.object("order");
  if (!names || names->empty()) members.wrong("regions", "names at least one region");
  if (!order) members.wrong("order", "is required");
  MUSTER_CO_TRY(members.done());
  std::string list;
  for (const auto& name : *names) list += (list.empty() ? "" : ",") + name;
  MUSTER_CO_ASSIGN(auto links, chosen(region, by, list));
  std::string key(request.header("idempotency-key").value_or(""));
  if (key.empty()) key = core::to_base32(core::random_bytes(16));
  net::ClientRequest start{.method = "POST", .target = "/v1/runs"};
  start.headers = {{"content-type", "application/json"}, {"idempotency-key", key}};
  start.body = json::serialize(*order);
  const auto answers = co_await ask_all(region, by, std::move(links), std::move(start),
                                        NeighbourLink::kAskTime, key);
  json::array outcomes;
  for (const AnswerOf& each : answers) {
    json::object object = outcome_of(each);
    if (!object.contains("error")) {
      if (auto run = parse_object(each.answer->body))
        object["run"] = std::move(*run);
      else
        object["error"] = not_json();
    }
    outcomes.push_back(std::move(object));
  }
  co_return json_response(json::object{{"regions", std::move(outcomes)}});
}

json::object remote_run_json(const regions::RemoteRun& run) {
  json::object object{{"id", run.id},
                      {"region", run.neighbour},
                      {"user", run.user},
                      {"state", run.state},
                      {"what", run.what},
                      {"selector", run.selector},
                      {"key", run.key},
                      {"asked_at", time_text(run.asked_at)},
                      {"looked_at", time_text(run.looked_at)}};
  set(object, "run", run.run);
  if (auto counts = parse_object(run.counts); counts && !counts->empty())
    object["counts"] = std::move(*counts);
  return object;
}

Answer remote_runs(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const std::size_t limit, limit_of(request));
  std::optional<std::int64_t> before;
  if (const auto after = request.query_value("after")) {
    before = std::strtoll(std::string(*after).c_str(), nullptr, 10);
    if (*before <= 0) co_return fail(Code::kInvalid, "'after' is no cursor of this list");
  }
  MUSTER_CO_ASSIGN(const auto rows, co_await region.database().read([&](store::Connection& c) {
    return regions::Store::runs(c, limit, before, std::nullopt);
  }));
  json::array runs;
  for (const auto& run : rows) runs.push_back(remote_run_json(run));
  std::optional<std::string> next;
  if (rows.size() == limit) next = std::to_string(rows.back().id);
  co_return json_response(json::object{{"runs", std::move(runs)}, {"next", cursor(next)}});
}

}  // namespace

void add_region_routes(net::Router& router, Region& region) {
  add_route(router, region, "GET", "/v1/peer", "view", greet);
  add_route(router, region, "GET", "/v1/regions", "use_regions", list_regions);
  add_route(router, region, "POST", "/v1/regions", "manage_region", add_region);
  add_route(router, region, "GET", "/v1/regions/card", "use_regions", own_card);
  add_route(router, region, "POST", "/v1/regions/inspect", "use_regions", inspect_card);
  add_route(router, region, "GET", "/v1/regions/hosts", "use_regions", all_hosts);
  add_route(router, region, "GET", "/v1/regions/runs", "use_regions", remote_runs);
  add_route(router, region, "POST", "/v1/regions/runs", "run", run_in_several, kBodyBytesMax);
  add_route(router, region, "GET", "/v1/regions/{name}", "use_regions", get_region);
  add_route(router, region, "PATCH", "/v1/regions/{name}", "manage_region", change_region);
  add_route(router, region, "DELETE", "/v1/regions/{name}", "manage_region", remove_region);
  for (const char* method : {"GET", "POST"})
    add_route(router, region, method, "/v1/regions/{name}/v1/{path...}", "use_regions", pass_on,
              kBodyBytesMax);
}

}  // namespace muster::server
