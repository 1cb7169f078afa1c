// SPDX-License-Identifier: Apache-2.0
//
// API tokens: mat1.<id>.<secret>, shown once, stored hashed. A token acts for its
// user and never with more than the user's rights of now.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "access/types.h"
#include "store/database.h"

namespace muster::access {

struct NewApiToken {
  std::string name;  ///< For people; 1 to 100 bytes.
  std::optional<core::Duration> lasts;
  std::optional<Role> role;  ///< Not above the maker's; nothing: the user's, whatever it becomes.
  std::string selector;      ///< Narrows further; empty: not.
};

struct ApiTokenInfo {
  std::string id, name, user;
  std::optional<Role> role;
  std::string selector;
  core::WallTime created_at;
  std::optional<core::WallTime> expires_at, last_used;
};

struct ApiTokenMade {
  ApiTokenInfo info;
  std::string token;
};

class ApiTokens {
 public:
  static constexpr std::size_t kPerUserMax = 100;
  static constexpr core::Duration kLastsMax = std::chrono::days(3660);

  ApiTokens(store::Database& database, Clock clock);

  /// For the principal's own user. A narrowed principal's selectors are inherited: it cannot
  /// make a token that sees more. kDenied for a role above its own.
  runtime::Task<core::Result<ApiTokenMade>> create(Principal by, NewApiToken wanted);
  /// The principal's own; with kManageUsers everybody's.
  runtime::Task<core::Result<std::vector<ApiTokenInfo>>> list(Principal by);
  runtime::Task<core::Status> remove(Principal by, std::string id);

  /// kUnauthorized "unknown or expired API token" otherwise. `urgent`: before all reads that
  /// wait, and without a note of its use, which would wait for the disk.
  runtime::Task<core::Result<Principal>> authenticate(std::string token, bool urgent = false);

  /// For start-up: a token for a user (the CLI's own of `muster up`). Blocking.
  core::Result<ApiTokenMade> create_for(std::string user, NewApiToken wanted);

 private:
  store::Database& database_;
  Clock clock_;
};

}  // namespace muster::access
