// SPDX-License-Identifier: Apache-2.0
//
// Who may do what: roles, rights, and the principal in whose name a call is made.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

namespace muster::access {

/// The wall clock, given from outside so that tests need no sleeping.
using Clock = std::function<core::WallTime()>;

/// Each role includes the rights of those before it.
enum class Role : std::uint8_t { kViewer, kOperator, kAdmin };

enum class Right : std::uint8_t {
  kView,            ///< See hosts, runs and their answers.
  kRun,             ///< Start and cancel runs.
  kManageHosts,     ///< Change labels, remove and revoke hosts.
  kManageTokens,    ///< Make and remove join tokens.
  kManageUsers,     ///< Make, change and remove users and their API tokens.
  kViewAudit,       ///< Read and verify the audit log.
  kManageMethods,   ///< Publish and remove methods, trust publishing keys.
  kManageRegion,    ///< Change how the region is run: what is kept, and for how long.
  kStopEverything,  ///< Stop everything, and lift that.
  kUseRegions,      ///< Ask other regions, with what they grant and this role allows.
};

std::string_view name(Role role);    ///< "viewer", "operator", "admin"
std::string_view name(Right right);  ///< "view", "run", "manage_hosts", …
core::Result<Role> parse_role(std::string_view word);

bool allowed(Role role, Right right);

/// Somebody whom we know, and how.
struct Principal {
  std::string name;
  Role role = Role::kViewer;
  /// Each narrows the rights to the hosts that match; a host must match all. Texts in
  /// fleet's language, which access only carries. Kept apart rather than joined by
  /// "and", so that no text can escape from its parentheses.
  std::vector<std::string> selectors;
  std::string via;  ///< "session:<id>", "token:<id>", "system"; for the audit log.

  bool may(Right right) const { return allowed(role, right); }
  /// The server itself.
  static Principal system() { return {"system", Role::kAdmin, {}, "system"}; }
};

/// kDenied with a message that names the right and the role that has it. A principal
/// who is narrowed to some hosts has no right to what concerns the whole region:
/// manage_tokens, manage_users, view_audit, manage_methods, stop_everything and use_regions.
core::Status require(const Principal& principal, Right right);

inline constexpr std::size_t kSelectorBytesMax = 4096;

/// User names: 1 to 64 of a-z A-Z 0-9 . _ - @, not starting with a dot or dash.
bool is_valid_user_name(std::string_view name);

}  // namespace muster::access
