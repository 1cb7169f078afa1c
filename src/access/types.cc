// SPDX-License-Identifier: Apache-2.0
#include "access/types.h"

#include <algorithm>
#include <array>

#include "core/bytes.h"

namespace muster::access {
namespace {

using core::Code;

struct RightRow {
  Right right;
  std::string_view name;
  Role least;        // the least role that has it
  bool region_wide;  // not for principals who are narrowed to some hosts
};

constexpr std::array kRights{
    RightRow{Right::kView, "view", Role::kViewer, false},
    RightRow{Right::kRun, "run", Role::kOperator, false},
    RightRow{Right::kManageHosts, "manage_hosts", Role::kAdmin, false},
    RightRow{Right::kManageTokens, "manage_tokens", Role::kAdmin, true},
    RightRow{Right::kManageUsers, "manage_users", Role::kAdmin, true},
    RightRow{Right::kViewAudit, "view_audit", Role::kAdmin, true},
    RightRow{Right::kManageMethods, "manage_methods", Role::kAdmin, true},
    RightRow{Right::kManageRegion, "manage_region", Role::kAdmin, true},
    RightRow{Right::kStopEverything, "stop_everything", Role::kAdmin, true},
    RightRow{Right::kUseRegions, "use_regions", Role::kViewer, true},
};

const RightRow* row_of(Right right) {
  const auto* found = std::ranges::find(kRights, right, &RightRow::right);
  return found == kRights.end() ? nullptr : found;
}

}  // namespace

std::string_view name(Role role) {
  switch (role) {
    case Role::kViewer:
      return "viewer";
    case Role::kOperator:
      return "operator";
    case Role::kAdmin:
      return "admin";
  }
  return "unknown";
}

std::string_view name(Right right) {
  const auto* row = row_of(right);
  return row == nullptr ? "unknown" : row->name;
}

core::Result<Role> parse_role(std::string_view word) {
  for (const Role role : {Role::kViewer, Role::kOperator, Role::kAdmin}) {
    if (word == name(role)) return role;
  }
  return core::fail(Code::kInvalid, "no such role: '" + core::printable(word, 64) +
                                        "' (viewer, operator or admin)");
}

bool allowed(Role role, Right right) {
  const auto* row = row_of(right);
  return row != nullptr && role >= row->least;
}

core::Status require(const Principal& principal, Right right) {
  const auto* row = row_of(right);
  if (row == nullptr || !allowed(principal.role, right)) {
    return core::fail(Code::kDenied, "you are " + std::string(name(principal.role)) +
                                         "; the right " + std::string(name(right)) +
                                         " needs the role " +
                                         std::string(row == nullptr ? "admin" : name(row->least)));
  }
  if (row->region_wide && !principal.selectors.empty()) {
    return core::fail(Code::kDenied, "your rights are narrowed to some hosts; " +
                                         std::string(row->name) + " concerns the whole region");
  }
  return {};
}

bool is_valid_user_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || name.front() == '.' || name.front() == '-') return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '@';
  });
}

}  // namespace muster::access
