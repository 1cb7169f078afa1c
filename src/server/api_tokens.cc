// SPDX-License-Identifier: Apache-2.0
//
// API tokens for programs, join tokens for new machines, and enrolment by them.
#include "access/api_tokens.h"

#include "access/join_tokens.h"
#include "core/bytes.h"
#include "core/log.h"
#include "fleet/registry_store.h"
#include "member/this_machine.h"
#include "server/api.h"
#include "server/json.h"
#include "server/region.h"
#include "server/scope.h"

namespace muster::server {
namespace {

using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;

json::object to_json(const access::ApiTokenInfo& token, access::Role owner) {
  json::object object{{"id", token.id},
                      {"name", token.name},
                      {"user", token.user},
                      {"role", access::name(token.role.value_or(owner))},
                      {"created_at", time_text(token.created_at)}};
  set(object, "selector", token.selector);
  set(object, "expires_at", token.expires_at);
  set(object, "last_used", token.last_used);
  return object;
}

Answer list_api_tokens(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(auto tokens, co_await region.api_tokens().list(caller(request)));
  json::array array;
  for (const auto& token : tokens) {
    auto owner = co_await region.users().get(token.user);
    array.push_back(to_json(token, owner ? owner->role : access::Role::kViewer));
  }
  co_return json_response(json::object{{"tokens", std::move(array)}});
}

Answer create_api_token(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  access::NewApiToken wanted;
  wanted.name = members.required_text("name", 64);
  if (const auto seconds = members.maybe_integer("expires_in_s", 1, 10LL * 365 * 86400))
    wanted.lasts = std::chrono::seconds(*seconds);
  const auto role = members.maybe_text("role", 16);
  wanted.selector = members.text("selector", access::kSelectorBytesMax);
  MUSTER_CO_TRY(members.done());
  if (role) {
    MUSTER_CO_ASSIGN(wanted.role, access::parse_role(*role));
  }
  MUSTER_CO_TRY(check_selector(wanted.selector));
  MUSTER_CO_ASSIGN(auto made,
                   co_await region.api_tokens().create(caller(request), std::move(wanted)));
  json::object answer = to_json(made.info, caller(request).role);
  answer["token"] = made.token;
  co_return json_response(answer, 201);
}

json::object to_json(const access::JoinTokenInfo& token) {
  json::object labels;
  for (const auto& [key, value] : token.labels) labels[key] = value;
  return {{"id", token.id},
          {"role", identity::name(token.role)},
          {"uses_left", token.uses_left.value_or(access::JoinTokens::kUsesMax)},
          {"expires_at", time_text(token.expires_at)},
          {"labels", std::move(labels)},
          {"created_at", time_text(token.created_at)},
          {"created_by", token.created_by}};
}

Answer list_join_tokens(Region& region, Request&) {
  MUSTER_CO_ASSIGN(auto tokens, co_await region.join_tokens().list());
  json::array array;
  const auto now = core::wall_now();
  for (const auto& token : tokens)
    if (token.uses_left != 0 && token.expires_at > now) array.push_back(to_json(token));
  co_return json_response(json::object{{"tokens", std::move(array)}});
}

Answer create_join_token(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  access::NewJoinToken wanted;
  const std::string role = members.text("role", 16, "endpoint");
  wanted.uses = members.maybe_integer("uses", 1, access::JoinTokens::kUsesMax).value_or(1);
  wanted.lasts =
      std::chrono::seconds(members.maybe_integer("expires_in_s", 1, 31'536'000).value_or(3600));
  for (auto& [key, value] : members.text_map("labels", 64, 256)) {
    if (auto status = fleet::check_label(key, value); !status)
      co_return std::unexpected(std::move(status.error()));
    wanted.labels.emplace(std::move(key), std::move(value));
  }
  MUSTER_CO_TRY(members.done());
  MUSTER_CO_ASSIGN(wanted.role, identity::parse_role(role));
  if (wanted.role == identity::Role::kGateway && !wanted.labels.empty())
    co_return core::fail(core::Code::kInvalid, "labels are for hosts, not for gateways");
  MUSTER_CO_ASSIGN(auto made,
                   co_await region.join_tokens().create(caller(request), std::move(wanted)));
  json::object answer = to_json(made.info);
  answer["token"] = made.token;
  co_return json_response(answer, 201);
}

fleet::Labels to_labels(const access::Labels& map) {
  fleet::Labels labels;
  for (const auto& [key, value] : map) labels.push_back({key, value});
  return labels;  // a std::map is sorted, as fleet::Labels must be
}

/// What a gateway says about itself. A name that is in use now is not given away again.
core::Status read_gateway(Region& region, Members& members, access::EnrolRequest& wanted) {
  wanted.gateway_name = members.text("gateway_name", 63);
  const auto names = members.texts("names", 32, 253);
  MUSTER_TRY(members.done());
  if (region.gateways().find(wanted.gateway_name))
    return core::fail(core::Code::kConflict, "a gateway named " +
                                                 core::printable(wanted.gateway_name, 64) +
                                                 " is connected now; choose another name");
  if (!names) return {};
  for (const auto& name : *names)
    (member::is_address(name) ? wanted.ip_addresses : wanted.dns_names).push_back(name);
  return {};
}

/// Whether the policy lets a new host in, and as what. Its facts are not known yet: only its
/// address and what its token bestows. On the database's thread.
core::Result<fleet::EndpointState> admit_new(store::Connection& connection,
                                             const fleet::SitePolicy& policy,
                                             const std::string& address,
                                             const access::Enrolled& made) {
  const fleet::Platform unknown;
  const fleet::Labels labels = to_labels(made.labels);
  fleet::Subject host;
  host.id = &made.endpoint;
  host.platform = &unknown;
  host.address = address;
  host.labels = labels;
  const auto word = fleet::admission_of(policy, host);
  if (word.what == fleet::NewHosts::kAdd) return fleet::EndpointState::kActive;
  if (word.what == fleet::NewHosts::kHold) return fleet::EndpointState::kHeld;
  MUSTER_ASSIGN(const bool known, fleet::RegistryStore::knows(connection, made.endpoint));
  if (known) return fleet::EndpointState::kActive;  // it keeps the state that it has
  core::log(core::Level::kWarn, "server", "the site policy refused a new host",
            {{"address", address}, {"endpoint", made.endpoint}, {"why", word.why}});
  return core::fail(core::Code::kDenied,
                    "this region's policy refuses new hosts like this one; an administrator sees "
                    "why with: muster policy explain --address " +
                        address);
}

Answer enrol(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  access::EnrolRequest wanted;
  wanted.token = members.required_text("token", 512);
  wanted.csr_pem = members.required_text("csr_pem", 16 * 1024);
  wanted.address = request.remote_address;
  MUSTER_CO_TRY(read_gateway(region, members, wanted));
  const auto now = core::wall_now();
  auto state = std::make_shared<fleet::EndpointState>();
  MUSTER_CO_ASSIGN(
      auto enrolled,
      co_await region.enrolment().enrol(
          std::move(wanted),
          [now, state, policy = region.placement().policy(), address = request.remote_address](
              store::Connection& connection, const access::Enrolled& made) -> core::Status {
            if (made.role != identity::Role::kEndpoint) return {};
            MUSTER_ASSIGN(*state, admit_new(connection, *policy, address, made));
            return fleet::RegistryStore::insert(connection, made.endpoint, to_labels(made.labels),
                                                now, *state);
          }));
  json::object answer{{"certificate_pem", enrolled.certificate.pem()},
                      {"ca_pem", enrolled.ca_pem},
                      {"region", enrolled.region}};
  if (enrolled.role == identity::Role::kEndpoint) {
    MUSTER_CO_TRY(
        region.registry().add(enrolled.endpoint, to_labels(enrolled.labels), now, *state));
    answer["endpoint_id"] = enrolled.endpoint.str();
  } else {
    answer["name"] = enrolled.name;
  }
  co_return json_response(answer);
}

}  // namespace

void add_token_routes(net::Router& router, Region& region) {
  add_route(router, "GET", "/v1/api-tokens", "view",
            [&region](Request& request) { return list_api_tokens(region, request); });
  add_route(router, "POST", "/v1/api-tokens", "view",
            [&region](Request& request) { return create_api_token(region, request); });
  add_route(router, "DELETE", "/v1/api-tokens/{id}", "view", [&region](Request& request) -> Answer {
    MUSTER_CO_TRY(
        co_await region.api_tokens().remove(caller(request), std::string(request.param("id"))));
    co_return Response::no_content();
  });
  add_route(router, "GET", "/v1/join-tokens", "manage_tokens",
            [&region](Request& request) { return list_join_tokens(region, request); });
  add_route(router, "POST", "/v1/join-tokens", "manage_tokens",
            [&region](Request& request) { return create_join_token(region, request); });
  add_route(router, "DELETE", "/v1/join-tokens/{id}", "manage_tokens",
            [&region](Request& request) -> Answer {
              MUSTER_CO_TRY(co_await region.join_tokens().remove(caller(request),
                                                                 std::string(request.param("id"))));
              co_return Response::no_content();
            });
  add_route(router, "POST", "/v1/enrol", "public",
            [&region](Request& request) { return enrol(region, request); });
}

}  // namespace muster::server
