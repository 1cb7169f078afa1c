// SPDX-License-Identifier: Apache-2.0
#include "server/api.h"

#include "core/assert.h"
#include "server/region.h"
#include "server/trust.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;

std::optional<access::Right> right_of(std::string_view name) {
  using access::Right;
  for (const Right right : {Right::kView, Right::kRun, Right::kManageHosts, Right::kManageTokens,
                            Right::kManageUsers, Right::kViewAudit, Right::kManageMethods,
                            Right::kManageRegion, Right::kStopEverything, Right::kUseRegions})
    if (access::name(right) == name) return right;
  return std::nullopt;
}

bool changes_something(const net::Request& request) {
  return request.method != "GET" && request.method != "HEAD";
}

runtime::Task<core::Result<access::Principal>> identify(Region& region, net::Request& request) {
  constexpr std::string_view kBearer = "Bearer ";
  const bool urgent = request.path == kStopPath;
  if (const auto header = request.header("authorization")) {
    if (!header->starts_with(kBearer))
      co_return fail(Code::kUnauthorized, "authorize with 'Bearer' and an API token");
    co_return co_await region.api_tokens().authenticate(std::string(header->substr(kBearer.size())),
                                                        urgent);
  }
  const std::string cookie = cookie_of(request, kSessionCookie);
  if (cookie.empty())
    co_return fail(Code::kUnauthorized, "log in first (muster login), or send an API token");
  // A page of another site can make a browser send the cookie, but not this header.
  if (changes_something(request) && request.header("x-muster-request") != "1")
    co_return fail(Code::kDenied,
                   "a change with the session cookie needs the header X-Muster-Request: 1");
  co_return co_await region.sessions().authenticate(cookie, urgent);
}

}  // namespace

const access::Principal& caller(const net::Request& request) {
  MUSTER_ASSERT(request.context != nullptr);
  return *static_cast<const access::Principal*>(request.context.get());
}

std::string cookie_of(const net::Request& request, std::string_view name) {
  std::string_view rest = request.header("cookie").value_or("");
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('='))
      return std::string(pair.substr(name.size() + 1));
  }
  return "";
}

runtime::Task<std::optional<net::Response>> authenticate(Region& region, net::Request& request) {
  if (!request.options) co_return std::nullopt;  // no such route: 404 follows
  // A link: TLS has verified its certificate, and only WebSockets can be reached there.
  if (request.alpn == net::kAlpnLink) co_return std::nullopt;
  const std::string& needed = request.options->access;
  if (needed == "public") co_return std::nullopt;
  const auto right = right_of(needed);
  if (!right)
    co_return net::Response::error({Code::kInternal, "this route says not who may use it"});
  auto principal = co_await identify(region, request);
  if (!principal) {
    auto response = net::Response::error(principal.error());
    if (response.status == 401)
      response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"muster\"");
    co_return response;
  }
  if (auto allowed = access::require(*principal, *right); !allowed)
    co_return net::Response::error(allowed.error());
  request.context = std::make_shared<access::Principal>(std::move(*principal));
  co_return std::nullopt;
}

void add_route(net::Router& router, std::string method, std::string pattern, std::string access,
               ApiHandler handler, std::size_t body_bytes_max) {
  net::RouteOptions options;
  options.access = std::move(access);
  options.body_bytes_max = body_bytes_max;
  router.add(
      std::move(method), std::move(pattern),
      [handler = std::move(handler)](net::Request& request) -> runtime::Task<net::Response> {
        auto response = co_await handler(request);
        if (!response) co_return net::Response::error(response.error());
        if (const auto* peer = peer_of(request)) end_with(peer->trust, *response);
        co_return std::move(*response);
      },
      options);
}

void add_route(net::Router& router, Region& region, std::string method, std::string pattern,
               std::string access, RegionHandler handler, std::size_t body_bytes_max) {
  add_route(
      router, std::move(method), std::move(pattern), std::move(access),
      [&region, handler](net::Request& request) { return handler(region, request); },
      body_bytes_max);
}

}  // namespace muster::server
