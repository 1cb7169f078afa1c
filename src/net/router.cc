// SPDX-License-Identifier: Apache-2.0
#include "net/router.h"

#include <algorithm>

#include "core/assert.h"

namespace muster::net {
namespace {

using core::Code;
using core::Result;

constexpr std::size_t kSegmentsMax = 64;

bool is_parameter(std::string_view segment) {
  return segment.starts_with('{') && segment.ends_with('}');
}
bool is_rest(std::string_view segment) {
  return is_parameter(segment) && segment.ends_with("...}");
}
std::string parameter_name(std::string_view segment) {
  segment.remove_prefix(1);
  segment.remove_suffix(is_rest(segment) ? 4 : 1);
  return std::string(segment);
}
std::vector<std::string> pattern_segments(std::string_view pattern) {
  std::vector<std::string> segments;
  MUSTER_ASSERT(pattern.starts_with('/'));
  while (!pattern.empty()) {
    pattern.remove_prefix(1);
    const std::size_t end = std::min(pattern.find('/'), pattern.size());
    segments.emplace_back(pattern.substr(0, end));
    pattern.remove_prefix(end);
  }
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) MUSTER_ASSERT(!is_rest(segments[i]));
  return segments;
}

// How specific the route matches, segment by segment; empty where it does not match.
// Compared as text: '2' literal, '1' parameter, '0' rest.
std::string rank(const Route& route, const std::vector<std::string>& path, Pairs& params) {
  std::string ranks;
  params.clear();
  for (std::size_t i = 0; i < route.segments.size(); ++i) {
    const std::string& segment = route.segments[i];
    if (is_rest(segment)) {
      std::string rest;
      for (std::size_t j = i; j < path.size(); ++j) rest += (j > i ? "/" : "") + path[j];
      params.emplace_back(parameter_name(segment), std::move(rest));
      return ranks + '0';
    }
    if (i >= path.size()) return {};
    if (is_parameter(segment)) {
      if (path[i].empty()) return {};
      params.emplace_back(parameter_name(segment), path[i]);
      ranks += '1';
      continue;
    }
    if (segment != path[i]) return {};
    ranks += '2';
  }
  return route.segments.size() == path.size() ? ranks : std::string{};
}

bool serves(const Route& route, std::string_view method) {
  return route.acceptor ? method == "GET"
                        : route.method == method || (method == "HEAD" && route.method == "GET");
}

}  // namespace

Result<std::vector<std::string>> split_path(std::string_view raw_path) {
  if (!raw_path.starts_with('/')) return core::fail(Code::kInvalid, "a path begins with '/'");
  std::vector<std::string> segments;
  while (!raw_path.empty()) {
    raw_path.remove_prefix(1);
    const std::size_t end = std::min(raw_path.find('/'), raw_path.size());
    MUSTER_ASSIGN(auto segment, percent_decode(raw_path.substr(0, end)));
    if (segment == "." || segment == "..")
      return core::fail(Code::kInvalid, "a path holds no '.' and '..'");
    if (segments.size() == kSegmentsMax)
      return core::fail(Code::kLimit, "the path has more than 64 parts");
    segments.push_back(std::move(segment));
    raw_path.remove_prefix(end);
  }
  return segments;
}

Router::Router() = default;
Router::Router(Router&&) noexcept = default;
Router::~Router() = default;

void Router::add(std::string method, std::string pattern, Handler handler, RouteOptions options) {
  auto route = std::make_unique<Route>();
  for (const auto& other : routes_)
    MUSTER_ASSERT(other->method != method || other->pattern != pattern);
  route->segments = pattern_segments(pattern);
  route->method = std::move(method);
  route->pattern = std::move(pattern);
  route->handler = std::move(handler);
  route->options = std::move(options);
  routes_.push_back(std::move(route));
}

void Router::add_websocket(std::string pattern, WebSocketAcceptor acceptor,
                           WebSocketLimits limits) {
  auto route = std::make_unique<Route>();
  route->segments = pattern_segments(pattern);
  route->pattern = std::move(pattern);
  route->acceptor = std::move(acceptor);
  route->websocket_limits = std::make_shared<const WebSocketLimits>(limits);
  routes_.push_back(std::move(route));
}

void Router::add_fallback(Handler handler, RouteOptions options) {
  MUSTER_ASSERT(!fallback_);
  fallback_ = std::make_unique<Route>();
  fallback_->pattern = "*";
  fallback_->handler = std::move(handler);
  fallback_->options = std::move(options);
}

Router::Match Router::match(std::string_view method,
                            const std::vector<std::string>& path_segments) const {
  Match best;
  std::string best_rank;
  std::vector<std::string> allowed;
  Pairs params;
  for (const auto& route : routes_) {
    std::string ranks = rank(*route, path_segments, params);
    if (ranks.empty()) continue;
    if (!route->acceptor) {
      allowed.push_back(route->method);
      if (route->method == "GET") allowed.emplace_back("HEAD");
    }
    if (!serves(*route, method) || ranks <= best_rank) continue;
    best_rank = std::move(ranks);
    best.route = route.get();
    best.params = params;
  }
  if (best.route == nullptr && fallback_) {
    best.route = fallback_.get();
    return best;
  }
  std::ranges::sort(allowed);
  allowed.erase(std::ranges::unique(allowed).begin(), allowed.end());
  for (const auto& one : allowed) best.allow += (best.allow.empty() ? "" : ", ") + one;
  return best;
}

}  // namespace muster::net
