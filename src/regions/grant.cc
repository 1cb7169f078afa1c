// SPDX-License-Identifier: Apache-2.0
#include "regions/grant.h"

#include <algorithm>
#include <array>

#include "core/bytes.h"

namespace muster::regions {
namespace {

constexpr std::array kPermissions{Permission::kSee, Permission::kRun};

constexpr Operation kOperations[] = {
    // What the other region says about itself and about what is granted.
    {"GET", "/v1/peer"},
    {"GET", "/v1/me"},
    {"GET", "/v1/hosts"},
    {"GET", "/v1/hosts/{id}"},
    {"GET", "/v1/hosts/{id}/inventory"},
    {"GET", "/v1/selectors/check"},
    {"POST", "/v1/selectors/check"},
    {"GET", "/v1/events"},
    {"GET", "/v1/methods"},
    {"GET", "/v1/methods/{name}"},
    {"GET", "/v1/methods/{name}/versions/{version}"},
    {"GET", "/v1/runs"},
    {"GET", "/v1/runs/{id}"},
    {"GET", "/v1/runs/{id}/events"},
    {"GET", "/v1/runs/{id}/folds"},
    {"GET", "/v1/runs/{id}/targets"},
    {"GET", "/v1/runs/{id}/targets/{endpoint}"},
    {"GET", "/v1/runs/{id}/targets/{endpoint}/stderr"},
    {"GET", "/v1/runs/{id}/targets/{endpoint}/stdout"},
    {"GET", "/v1/runs/{id}/tree"},
    {"GET", "/v1/runs/{id}/waves"},
    {"POST", "/v1/runs", Permission::kRun, true},
    {"POST", "/v1/runs/{id}/cancel", Permission::kRun, true},
    {"POST", "/v1/runs/{id}/pause", Permission::kRun, true},
    {"POST", "/v1/runs/{id}/resume", Permission::kRun, true},
};

std::string_view plain(std::string_view method) {
  return method == "HEAD" ? "GET" : method;
}

std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);  // the slash
  const auto segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

bool fits(std::string_view pattern, std::string_view path) {
  while (pattern.starts_with('/') && path.starts_with('/')) {
    const auto wanted = take_segment(pattern), given = take_segment(path);
    const bool any = wanted.starts_with('{');
    if (any ? given.empty() || given == "." || given == ".." : wanted != given) return false;
  }
  return pattern.empty() && path.empty();
}

}  // namespace

std::string_view name(Permission permission) {
  switch (permission) {
    case Permission::kSee:
      return "see";
    case Permission::kRun:
      return "run";
  }
  return "unknown";
}

std::vector<std::string> names(std::uint8_t may) {
  std::vector<std::string> words;
  for (const Permission permission : kPermissions)
    if ((may & static_cast<std::uint8_t>(permission)) != 0) words.emplace_back(name(permission));
  return words;
}

core::Result<std::uint8_t> parse_permissions(std::span<const std::string> words) {
  std::uint8_t may = 0;
  for (const auto& word : words) {
    const auto* found = std::ranges::find(kPermissions, std::string_view(word),
                                          [](Permission permission) { return name(permission); });
    if (found == kPermissions.end())
      return core::fail(core::Code::kInvalid, "'" + core::printable(word, 40) +
                                                  "' is nothing that a region may: see or run");
    may |= static_cast<std::uint8_t>(*found);
  }
  if ((may & static_cast<std::uint8_t>(Permission::kRun)) != 0)
    may |= static_cast<std::uint8_t>(Permission::kSee);
  return may;
}

std::span<const Operation> operations() {
  return kOperations;
}

const Operation* operation_at(std::string_view method, std::string_view route) {
  const auto* found = std::ranges::find_if(kOperations, [&](const Operation& operation) {
    return operation.method == plain(method) && operation.pattern == route;
  });
  return found == std::end(kOperations) ? nullptr : found;
}

const Operation* operation_of(std::string_view method, std::string_view path) {
  const Operation* best = nullptr;
  for (const Operation& operation : kOperations)
    if (operation.method == plain(method) && fits(operation.pattern, path) &&
        (!best || best->pattern.contains('{')))
      best = &operation;
  return best;
}

}  // namespace muster::regions
