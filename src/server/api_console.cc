// SPDX-License-Identifier: Apache-2.0
//
// The web console: static files inside the program. Every path that is not the API's and
// names no file gets the console's page, which finds its way by itself.
#include <algorithm>

#include "server/api.h"
#include "server/console_assets.h"

namespace muster::server {
namespace {

using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;

/// Scripts only from here; nothing of the console may be framed or sent elsewhere.
/// Inline styles are what the component library computes.
constexpr std::string_view kPolicy =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const Asset* find_asset(std::string_view path) {
  for (const Asset& asset : console_assets())
    if (asset.path == path) return &asset;
  return nullptr;
}

Response serve(const Request& request, const Asset& asset) {
  Response response;
  const bool packed =
      !asset.gzip.empty() && accepts_gzip(request.header("accept-encoding").value_or(""));
  // Other bytes, another tag: a cache must not answer for one form with the other.
  std::string etag(asset.etag);
  if (packed) etag.insert(etag.size() - 1, "-gzip");
  if (request.header("if-none-match") == etag) {
    response.status = 304;
  } else {
    response = Response::bytes(std::string(packed ? asset.gzip : asset.bytes),
                               std::string(asset.content_type));
    if (packed) response.headers.emplace_back("Content-Encoding", "gzip");
  }
  // Names of assets carry a hash of their content; the page itself is asked for each time.
  const bool hashed = asset.path.starts_with("/assets/");
  response.headers.emplace_back("Cache-Control",
                                hashed ? "public, max-age=31536000, immutable" : "no-cache");
  response.headers.emplace_back("ETag", std::move(etag));
  if (!asset.gzip.empty()) response.headers.emplace_back("Vary", "Accept-Encoding");
  response.headers.emplace_back("Content-Security-Policy", std::string(kPolicy));
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  response.headers.emplace_back("Strict-Transport-Security", "max-age=31536000");
  return response;
}

Answer get(Request& request) {
  if (const Asset* asset = find_asset(request.path)) co_return serve(request, *asset);
  if (request.path.starts_with("/v1/") || request.path.starts_with("/assets/"))
    co_return core::fail(core::Code::kNotFound, "there is nothing at this path");
  if (const Asset* page = find_asset("/index.html")) co_return serve(request, *page);
  co_return Response::text(200,
                           "This muster was built without its console.\n"
                           "'make run' builds both; the API is at /v1/openapi.yaml.\n");
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// "q=0", "q=0.", "q=0.000": not at all.
bool is_refused(std::string_view weight) {
  return weight.starts_with("q=0") && weight.find_first_not_of("0.", 2) == std::string_view::npos;
}

}  // namespace

bool accepts_gzip(std::string_view header) {
  while (!header.empty()) {
    const std::size_t end = std::min(header.find(','), header.size());
    const std::string_view one = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    const std::size_t semicolon = std::min(one.find(';'), one.size());
    if (trimmed(one.substr(0, semicolon)) != "gzip") continue;
    return !is_refused(trimmed(one.substr(std::min(semicolon + 1, one.size()))));
  }
  return false;
}

void add_console_routes(net::Router& router) {
  add_route(router, "GET", "/{path...}", "public", [](Request& request) { return get(request); });
}

}  // namespace muster::server
