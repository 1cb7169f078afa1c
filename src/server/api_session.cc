// SPDX-License-Identifier: Apache-2.0
//
// Logging in and out, and one's own password.
#include "access/sessions.h"
#include "access/users.h"
#include "server/api.h"
#include "server/json.h"
#include "server/region.h"

namespace muster::server {
namespace {

using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;

json::object me(const access::Principal& principal) {
  json::object answer{{"user", principal.name}, {"role", access::name(principal.role)}};
  std::string selector;
  for (const auto& part : principal.selectors)
    selector += (selector.empty() ? "(" : " and (") + part + ")";
  set(answer, "selector", selector);
  return answer;
}

std::string cookie_header(std::string_view value, std::int64_t max_age_s) {
  return std::string(kSessionCookie) + "=" + std::string(value) +
         "; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=" + std::to_string(max_age_s);
}

Answer login(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  std::string user = members.required_text("user", 64);
  std::string password = members.required_text("password", access::Users::kPasswordBytesMax);
  MUSTER_CO_TRY(members.done());
  MUSTER_CO_ASSIGN(auto known, co_await region.users().login(std::move(user), std::move(password),
                                                             request.remote_address));
  MUSTER_CO_ASSIGN(auto session,
                   co_await region.sessions().create(std::move(known), request.remote_address));
  const auto lasts =
      std::chrono::duration_cast<std::chrono::seconds>(session.expires_at - core::wall_now());
  Response response = json_response(me(session.principal));
  response.headers.emplace_back("Set-Cookie", cookie_header(session.cookie, lasts.count()));
  co_return response;
}

Answer logout(Region& region, Request& request) {
  MUSTER_CO_TRY(co_await region.sessions().end(cookie_of(request, kSessionCookie)));
  Response response = Response::no_content();
  response.headers.emplace_back("Set-Cookie", cookie_header("", 0));
  co_return response;
}

Answer change_password(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  std::string old_password = members.required_text("old", access::Users::kPasswordBytesMax);
  std::string new_password = members.required_text("new", access::Users::kPasswordBytesMax);
  MUSTER_CO_TRY(members.done());
  const auto& principal = caller(request);
  MUSTER_CO_TRY(co_await region.users().change_password(
      principal, std::move(old_password), std::move(new_password), request.remote_address,
      access::Sessions::id_of(principal)));
  co_return Response::no_content();
}

}  // namespace

void add_session_routes(net::Router& router, Region& region) {
  add_route(router, "POST", "/v1/login", "public",
            [&region](Request& request) { return login(region, request); });
  add_route(router, "POST", "/v1/logout", "view",
            [&region](Request& request) { return logout(region, request); });
  add_route(router, "POST", "/v1/password", "view",
            [&region](Request& request) { return change_password(region, request); });
  add_route(router, "GET", "/v1/me", "view",
            [](Request& request) -> Answer { co_return json_response(me(caller(request))); });
}

}  // namespace muster::server
