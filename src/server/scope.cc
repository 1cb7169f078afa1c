// SPDX-License-Identifier: Apache-2.0
#include "server/scope.h"

#include "core/bytes.h"
#include "server/json.h"

namespace muster::server {

using core::Code;
using core::fail;

std::expected<fleet::Selector, net::Response> read_selector(std::string_view text) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return fleet::Selector::all();
  auto selector = fleet::Selector::parse(text);
  if (selector) return std::move(*selector);
  // The API counts characters, the parser bytes.
  const std::string_view before =
      text.substr(0, std::min(selector.error().column - 1, text.size()));
  std::size_t column = 1;
  for (const char c : before) column += (c & 0xc0) != 0x80;
  return std::unexpected(json_response(
      json::object{
          {"error",
           {{"code", "invalid"}, {"message", selector.error().message}, {"column", column}}}},
      400));
}

core::Status check_selector(std::string_view text) {
  if (text.empty()) return {};
  auto selector = fleet::Selector::parse(text);
  if (!selector) return fail(Code::kInvalid, "the selector is wrong: " + selector.error().message);
  return {};
}

core::Result<Scope> Scope::of(const access::Principal& principal) {
  Scope scope;
  std::string joined;
  for (const auto& text : principal.selectors) {
    auto selector = fleet::Selector::parse(text);
    if (!selector)
      return fail(Code::kDenied, "the selector that narrows your rights cannot be read: " +
                                     selector.error().message);
    scope.selectors_.push_back(std::move(*selector));
    joined += (joined.empty() ? "(" : " and (") + text + ")";
  }
  if (!joined.empty()) {
    // Each part was well-formed by itself, so none can escape from its parentheses.
    auto selector = fleet::Selector::parse(joined);
    if (!selector) return fail(Code::kDenied, "the selectors that narrow your rights are too long");
    scope.joined_ = std::move(*selector);
  }
  return scope;
}

bool Scope::allows(const fleet::Endpoint& endpoint, core::WallTime now) const {
  const auto subject = fleet::subject_of(endpoint, now);
  for (const auto& selector : selectors_)
    if (!selector.matches(subject)) return false;
  return true;
}

core::Result<const fleet::Endpoint*> find_in_scope(const fleet::Registry& registry,
                                                   const access::Principal& principal,
                                                   std::string_view id) {
  MUSTER_ASSIGN(const auto scope, Scope::of(principal));
  const auto parsed = core::EndpointId::parse(id);
  const fleet::Endpoint* endpoint = parsed ? registry.find(*parsed) : nullptr;
  if (!endpoint || !scope.allows(*endpoint, core::wall_now()))
    return fail(Code::kNotFound, "no host has the id '" + core::printable(id, 64) + "'");
  return endpoint;
}

}  // namespace muster::server
