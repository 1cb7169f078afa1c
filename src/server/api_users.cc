// SPDX-License-Identifier: Apache-2.0
//
// Users and the roles that they have.
#include "access/users.h"
#include "server/api.h"
#include "server/json.h"
#include "server/region.h"
#include "server/scope.h"

namespace muster::server {
namespace {

using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;

json::object to_json(const access::User& user) {
  json::object object{{"name", user.name},
                      {"role", access::name(user.role)},
                      {"created_at", time_text(user.created_at)}};
  set(object, "selector", user.selector);
  set(object, "last_login", user.last_login);
  return object;
}

Answer list_users(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(auto users, co_await region.users().list(caller(request)));
  json::array array;
  for (const auto& user : users) array.push_back(to_json(user));
  co_return json_response(json::object{{"users", std::move(array)}});
}

Answer create_user(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  access::NewUser wanted;
  wanted.name = members.required_text("name", 64);
  wanted.password = members.required_text("password", access::Users::kPasswordBytesMax);
  const std::string role = members.required_text("role", 16);
  wanted.selector = members.text("selector", access::kSelectorBytesMax);
  MUSTER_CO_TRY(members.done());
  MUSTER_CO_ASSIGN(wanted.role, access::parse_role(role));
  MUSTER_CO_TRY(check_selector(wanted.selector));
  MUSTER_CO_ASSIGN(auto user, co_await region.users().create(caller(request), std::move(wanted)));
  co_return json_response(to_json(user), 201);
}

Answer update_user(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  access::UserChange change;
  change.password = members.maybe_text("password", access::Users::kPasswordBytesMax);
  const auto role = members.maybe_text("role", 16);
  change.selector = members.maybe_text("selector", access::kSelectorBytesMax);
  MUSTER_CO_TRY(members.done());
  if (role) {
    MUSTER_CO_ASSIGN(change.role, access::parse_role(*role));
  }
  if (change.selector) MUSTER_CO_TRY(check_selector(*change.selector));
  MUSTER_CO_ASSIGN(
      auto user, co_await region.users().update(caller(request), std::string(request.param("name")),
                                                std::move(change)));
  co_return json_response(to_json(user));
}

}  // namespace

void add_user_routes(net::Router& router, Region& region) {
  add_route(router, "GET", "/v1/users", "manage_users",
            [&region](Request& request) { return list_users(region, request); });
  add_route(router, "POST", "/v1/users", "manage_users",
            [&region](Request& request) { return create_user(region, request); });
  add_route(router, "PATCH", "/v1/users/{name}", "manage_users",
            [&region](Request& request) { return update_user(region, request); });
  add_route(
      router, "DELETE", "/v1/users/{name}", "manage_users", [&region](Request& request) -> Answer {
        MUSTER_CO_TRY(
            co_await region.users().remove(caller(request), std::string(request.param("name"))));
        co_return Response::no_content();
      });
}

}  // namespace muster::server
