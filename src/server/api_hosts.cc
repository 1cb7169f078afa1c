// SPDX-License-Identifier: Apache-2.0
//
// Hosts: what they are, their labels, and the end of their membership.
#include <algorithm>

#include "core/bytes.h"
#include "fleet/node_set.h"
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

core::Result<std::pair<fleet::SortBy, bool>> read_sort(std::string_view text) {
  const bool descending = text.starts_with('-');
  if (descending) text.remove_prefix(1);
  using fleet::SortBy;
  if (text == "name") return std::pair(SortBy::kName, descending);
  if (text == "os") return std::pair(SortBy::kOs, descending);
  if (text == "online") return std::pair(SortBy::kOnline, descending);
  if (text == "address") return std::pair(SortBy::kAddress, descending);
  if (text == "last_contact") return std::pair(SortBy::kLastContact, descending);
  if (text == "enrolled_at") return std::pair(SortBy::kEnrolled, descending);
  return fail(Code::kInvalid,
              "sort must be name, online, os, address, last_contact or enrolled_at, with a minus "
              "before it to turn it round");
}

Answer list_hosts(Region& region, Request& request) {
  fleet::PageRequest page;
  auto selector = read_selector(request.query_value("selector").value_or(""));
  if (!selector) co_return std::move(selector.error());
  MUSTER_CO_ASSIGN(const auto scope, Scope::of(caller(request)));
  MUSTER_CO_ASSIGN(page.limit, limit_of(request));
  MUSTER_CO_ASSIGN(const auto sort, read_sort(request.query_value("sort").value_or("name")));
  page.selector = &*selector;
  page.scope = scope.selector();
  page.sort = sort.first;
  page.descending = sort.second;
  page.after = request.query_value("after").value_or("");
  MUSTER_CO_ASSIGN(const auto found, region.registry().page(page, core::wall_now()));
  json::array hosts;
  for (const auto* endpoint : found.endpoints) hosts.push_back(host_json(*endpoint));
  co_return json_response(
      json::object{{"hosts", std::move(hosts)},
                   {"next", found.next.empty() ? json::value(nullptr) : json::value(found.next)},
                   {"total", found.total},
                   {"online", found.online}});
}

/// Names that several of few hosts have: who writes --on web1 means one machine. Among very
/// many nobody was named, and looking would cost.
json::array shared_names(const std::vector<const fleet::Endpoint*>& matched) {
  constexpr std::size_t kLookedAt = 1'000, kNamed = 20;
  json::array shared;
  if (matched.size() > kLookedAt) return shared;
  std::vector<std::string_view> all;
  for (const auto* endpoint : matched) all.push_back(endpoint->name);
  std::ranges::sort(all);
  for (auto at = std::ranges::adjacent_find(all); at != all.end() && shared.size() < kNamed;
       at = std::adjacent_find(std::upper_bound(at, all.end(), *at), all.end()))
    shared.emplace_back(*at);
  return shared;
}

/// `text` comes in the query, or in the body where it is too long for an address: a
/// selector that names hosts by id passes the limit of addresses at some 250 of them.
core::Result<Response> check(Region& region, const access::Principal& by, std::string_view text) {
  auto selector = read_selector(text);
  if (!selector) return std::move(selector.error());
  MUSTER_ASSIGN(const auto scope, Scope::of(by));
  const auto matched = region.registry().select(&*selector, scope.selector(), core::wall_now());
  std::vector<std::string_view> offline;
  std::size_t online = 0;
  for (const auto* endpoint : matched) {
    online += endpoint->online();
    if (!endpoint->online()) offline.push_back(endpoint->name);
  }
  constexpr std::size_t kNamed = 20;
  const std::size_t named = std::min(kNamed, offline.size());
  std::partial_sort(offline.begin(), offline.begin() + static_cast<std::ptrdiff_t>(named),
                    offline.end());
  json::array names;
  for (std::size_t i = 0; i < named; ++i) names.emplace_back(offline[i]);
  json::object object{
      {"matched", matched.size()}, {"online", online}, {"unreachable_names", std::move(names)}};
  if (json::array shared = shared_names(matched); !shared.empty())
    object["shared_names"] = std::move(shared);
  return json_response(std::move(object));
}

Answer get_check(Region& region, Request& request) {
  co_return check(region, caller(request), request.query_value("selector").value_or(""));
}

Answer post_check(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  const std::string text = members.text("selector", fleet::kSelectorBytesMax);
  if (!body.contains("selector")) members.wrong("selector", "is required");
  MUSTER_CO_TRY(members.done());
  co_return check(region, caller(request), text);
}

Answer get_host(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const auto* endpoint,
                   find_in_scope(region.registry(), caller(request), request.param("id")));
  co_return json_response(host_json(*endpoint));
}

struct LabelChange {
  fleet::Labels set;
  std::vector<std::string> removed;
  std::string told;  ///< for the audit log: "role=db site- "
};

core::Result<LabelChange> read_label_change(Members& members) {
  const json::object* labels = members.object("labels");
  if (!labels) members.wrong("labels", "is required");
  MUSTER_TRY(members.done());
  Members parts(*labels, "labels.");
  LabelChange change;
  for (auto& [key, value] : parts.text_map("set", 64, 256)) {
    change.told += key + "=" + value + " ";
    change.set.push_back({std::move(key), std::move(value)});
  }
  change.removed = parts.texts("remove", 64, 63).value_or(std::vector<std::string>{});
  MUSTER_TRY(parts.done());
  for (const auto& key : change.removed) change.told += key + "- ";
  std::sort(change.set.begin(), change.set.end());
  return change;
}

/// Changes the labels in the registry and on the disk, with one entry in the audit log; on
/// how many hosts something changed. `object`: what the entry names.
runtime::Task<core::Result<std::size_t>> change_labels(Region& region, access::Principal by,
                                                       std::vector<core::EndpointId> ids,
                                                       LabelChange change, std::string object,
                                                       std::string detail) {
  MUSTER_CO_ASSIGN(const std::size_t changed,
                   region.registry().change_labels(ids, change.set, change.removed));
  auto rows = region.registry().take_unsaved(SIZE_MAX, core::wall_now());
  auto saved = co_await region.database().write([&](store::Connection& connection) -> core::Status {
    MUSTER_TRY(fleet::RegistryStore::save(connection, rows));
    MUSTER_TRY(
        access::Audit::append(connection, core::wall_now(), by, "host.label", object, detail));
    return {};
  });
  if (!saved) {
    region.registry().unsaved(rows);
    co_return std::unexpected(std::move(saved.error()));
  }
  co_return changed;
}

Answer patch_host(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const auto* endpoint,
                   find_in_scope(region.registry(), caller(request), request.param("id")));
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  MUSTER_CO_ASSIGN(LabelChange change, read_label_change(members));
  const core::EndpointId id = endpoint->id;
  const std::string detail = access::audit_detail({{"change", change.told}});
  MUSTER_CO_TRY(
      co_await change_labels(region, caller(request), {id}, std::move(change), id.str(), detail));
  endpoint = region.registry().find(id);
  if (!endpoint) co_return fail(Code::kNotFound, "the host was removed meanwhile");
  co_return json_response(host_json(*endpoint));
}

/// All hosts of a selector or, where one of them may not have a label, none.
Answer label_hosts(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  const std::string text = members.text("selector", fleet::kSelectorBytesMax);
  if (!body.contains("selector")) members.wrong("selector", "is required");
  MUSTER_CO_ASSIGN(LabelChange change, read_label_change(members));
  auto selector = read_selector(text);
  if (!selector) co_return std::move(selector.error());
  MUSTER_CO_ASSIGN(const auto scope, Scope::of(caller(request)));
  const auto matched = region.registry().select(&*selector, scope.selector(), core::wall_now());
  if (matched.empty())
    co_return fail(Code::kConflict,
                   "no host matches '" + core::printable(text, 200) + "'; no label was changed");
  std::vector<core::EndpointId> ids;
  std::vector<std::string> names;
  for (const auto* endpoint : matched) {
    ids.push_back(endpoint->id);
    names.push_back(endpoint->name);
  }
  // The selector may mean others tomorrow, so the log has the names, as many as are read.
  constexpr std::size_t kNamesBytesMax = 4 * 1024;
  std::string hosts = fleet::fold_names(names);
  if (hosts.size() > kNamesBytesMax)
    hosts = hosts.substr(0, hosts.rfind(',', kNamesBytesMax)) + ",…";
  const std::string detail = access::audit_detail({{"change", change.told},
                                                   {"selector", core::printable(text, 1024)},
                                                   {"matched", std::to_string(ids.size())},
                                                   {"hosts", hosts}});
  const std::size_t count = ids.size();
  MUSTER_CO_ASSIGN(
      const std::size_t changed,
      co_await change_labels(region, caller(request), std::move(ids), std::move(change),
                             core::printable(text.empty() ? "all" : text, 256), detail));
  co_return json_response(json::object{{"matched", count}, {"changed", changed}});
}

/// What follows when a host may not work for the region any more.
void cut_off(Region& region, const core::EndpointId& id, wire::GoodbyeCode code,
             std::string_view reason) {
  region.gateways().kick(id, code, reason);
  region.runs().ledger().endpoint_removed(id, reason, RunService::now());
  region.runs().changed();
}

Answer delete_host(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const auto* endpoint,
                   find_in_scope(region.registry(), caller(request), request.param("id")));
  MUSTER_CO_TRY(co_await remove_host(region, caller(request), endpoint->id, "host.remove",
                                     "an administrator removed this host"));
  co_return Response::no_content();
}

Answer revoke_host(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const auto* endpoint,
                   find_in_scope(region.registry(), caller(request), request.param("id")));
  const core::EndpointId id = endpoint->id;
  auto revoked = co_await region.revocations().revoke_endpoint(
      caller(request), id, "by an administrator",
      [id](store::Connection& connection) { return fleet::RegistryStore::revoke(connection, id); });
  if (!revoked && revoked.error().code != Code::kExists)
    co_return std::unexpected(std::move(revoked.error()));
  cut_off(region, id, wire::GOODBYE_REVOKED, "this endpoint's certificate is revoked");
  (void)region.registry().revoke(id);
  endpoint = region.registry().find(id);
  if (!endpoint) co_return fail(Code::kNotFound, "the host was removed meanwhile");
  co_return json_response(host_json(*endpoint));
}

}  // namespace

runtime::Task<core::Status> remove_host(Region& region, access::Principal by, core::EndpointId id,
                                        std::string action, std::string reason) {
  const auto* endpoint = region.registry().find(id);
  if (!endpoint) co_return fail(Code::kNotFound, "the host was removed meanwhile");
  const std::string name = endpoint->name;
  MUSTER_CO_TRY(
      co_await region.database().write([&](store::Connection& connection) -> core::Status {
        MUSTER_TRY(fleet::RegistryStore::remove(connection, id));
        MUSTER_TRY(access::Audit::append(connection, core::wall_now(), by, action, id.str(),
                                         access::audit_detail({{"name", name}})));
        return {};
      }));
  cut_off(region, id, wire::GOODBYE_UNKNOWN_ENDPOINT, reason);
  (void)region.registry().remove(id);
  region.placement().forget(id);
  co_return core::Status{};
}

void add_host_routes(net::Router& router, Region& region) {
  add_route(router, "GET", "/v1/hosts", "view",
            [&region](Request& request) { return list_hosts(region, request); });
  add_route(router, "GET", "/v1/selectors/check", "view",
            [&region](Request& request) { return get_check(region, request); });
  add_route(router, "POST", "/v1/selectors/check", "view",
            [&region](Request& request) { return post_check(region, request); });
  add_route(router, "POST", "/v1/hosts/labels", "run",
            [&region](Request& request) { return label_hosts(region, request); });
  add_route(router, "GET", "/v1/hosts/{id}", "view",
            [&region](Request& request) { return get_host(region, request); });
  add_route(router, "PATCH", "/v1/hosts/{id}", "run",
            [&region](Request& request) { return patch_host(region, request); });
  add_route(router, "DELETE", "/v1/hosts/{id}", "manage_hosts",
            [&region](Request& request) { return delete_host(region, request); });
  add_route(router, "POST", "/v1/hosts/{id}/revoke", "manage_hosts",
            [&region](Request& request) { return revoke_host(region, request); });
}

}  // namespace muster::server
