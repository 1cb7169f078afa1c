// SPDX-License-Identifier: Apache-2.0
//
// The site policy: read, set, its versions, and what it says about a host.
#include <algorithm>
#include <charconv>

#include "core/bytes.h"
#include "server/api.h"
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

/// A policy in JSON: each of its bytes may need six.
constexpr std::size_t kBodyBytesMax = 6 * fleet::kPolicyBytesMax + 64 * 1024;

json::object policy_json(const fleet::StoredPolicy& policy) {
  json::object object{{"version", policy.version}};
  if (policy.version == 0) return object;
  object["set_by"] = policy.set_by;
  object["set_at"] = time_text(policy.set_at);
  return object;
}

Answer get_policy(Region& region, Request& request) {
  std::optional<std::int64_t> version;
  if (const auto text = request.query_value("version")) {
    std::int64_t number = 0;
    const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (failed != std::errc() || end != text->data() + text->size() || number < 1)
      co_return fail(Code::kInvalid, "version must be a number from 1 on");
    version = number;
  }
  MUSTER_CO_ASSIGN(const auto stored, co_await region.placement().stored(version));
  json::object object = policy_json(stored);
  object["text"] = stored.text;
  co_return json_response(std::move(object));
}

Answer list_versions(Region& region, Request&) {
  MUSTER_CO_ASSIGN(const auto versions, co_await region.placement().versions());
  json::array list;
  for (const auto& each : versions) list.push_back(policy_json(each));
  co_return json_response(json::object{{"versions", std::move(list)}});
}

Answer put_policy(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  std::string text = members.text("text", fleet::kPolicyBytesMax);
  if (!body.contains("text")) members.wrong("text", "is required");
  const auto made_from = members.maybe_integer("made_from", 0, INT64_MAX);
  MUSTER_CO_TRY(members.done());
  MUSTER_CO_ASSIGN(const auto stored,
                   co_await region.placement().set(caller(request), std::move(text), made_from));
  json::object object = policy_json(stored);
  object["text"] = stored.text;
  co_return json_response(std::move(object));
}

/// A host of the region, or one of which only this is known.
struct Asked {
  const fleet::Endpoint* endpoint = nullptr;
  std::string address;
  fleet::Labels labels;
  fleet::Platform unknown;
  std::optional<fleet::SitePolicy> instead;

  fleet::Subject subject() const {
    fleet::Subject subject;
    if (endpoint) {
      subject = Placement::subject_of(*endpoint);
    } else {
      static const core::EndpointId nobody;
      subject.id = &nobody;
      subject.platform = &unknown;
      subject.labels = labels;
    }
    if (!address.empty()) subject.address = address;
    return subject;
  }
};

core::Result<Asked> read_question(Region& region, Request& request, const json::object& body) {
  Members members(body);
  Asked asked;
  const auto host = members.maybe_text("host", 64);
  asked.address = members.text("address", 64);
  for (auto& [key, value] : members.text_map("labels", 64, 256))
    asked.labels.push_back({std::move(key), std::move(value)});
  const auto text = members.maybe_text("text", fleet::kPolicyBytesMax);
  MUSTER_TRY(members.done());
  std::ranges::sort(asked.labels);
  if (host) {
    MUSTER_ASSIGN(asked.endpoint, find_in_scope(region.registry(), caller(request), *host));
  } else if (asked.address.empty()) {
    return fail(Code::kInvalid, "name a host, or give an address");
  }
  if (!asked.address.empty() && !fleet::IpAddress::parse(asked.address))
    return fail(Code::kInvalid,
                "address must be an IP address, not '" + core::printable(asked.address, 64) + "'");
  if (text) {
    auto policy = fleet::SitePolicy::parse(*text);
    if (!policy) return fail(Code::kInvalid, std::move(policy.error().message));
    asked.instead = std::move(*policy);
  }
  return asked;
}

Answer explain(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  MUSTER_CO_ASSIGN(const Asked asked, read_question(region, request, body));
  const fleet::Subject subject = asked.subject();
  const fleet::Endpoint* endpoint = asked.endpoint;
  const bool online = endpoint && endpoint->online();
  const fleet::SitePolicy* instead = asked.instead ? &*asked.instead : nullptr;
  const auto told =
      region.placement().explain(endpoint ? &endpoint->id : nullptr, subject,
                                 online ? endpoint->connection->gateway : "", instead);
  const auto word = fleet::admission_of(instead ? *instead : *region.placement().policy(), subject);
  json::object object{{"why", json::array(told.why.begin(), told.why.end())},
                      {"new_hosts", {{"what", fleet::name(word.what)}, {"why", word.why}}}};
  set(object, "site", told.site);
  set(object, "gateway", told.gateway);
  if (online) object["at"] = endpoint->connection->gateway;
  co_return json_response(std::move(object));
}

}  // namespace

void add_policy_routes(net::Router& router, Region& region) {
  add_route(router, region, "GET", "/v1/policy", "view", get_policy);
  add_route(router, region, "PUT", "/v1/policy", "manage_region", put_policy, kBodyBytesMax);
  add_route(router, region, "GET", "/v1/policy/versions", "view", list_versions);
  add_route(router, region, "POST", "/v1/policy/explain", "view", explain, kBodyBytesMax);
}

}  // namespace muster::server
