// SPDX-License-Identifier: Apache-2.0
//
// Sessions of the console: a random id in a cookie, stored hashed.
#pragma once

#include <string>

#include "access/types.h"
#include "access/users.h"
#include "store/database.h"

namespace muster::access {

struct SessionMade {
  std::string cookie;  ///< The value of the cookie; not stored anywhere.
  Principal principal;
  core::WallTime expires_at;
};

class Sessions {
 public:
  static constexpr core::Duration kIdleMax = std::chrono::hours(12);
  static constexpr core::Duration kLifeMax = std::chrono::days(7);
  static constexpr std::size_t kPerUserMax = 50;  ///< The oldest goes.

  Sessions(store::Database& database, Clock clock);

  /// After Users::login.
  runtime::Task<core::Result<SessionMade>> create(User user, std::string address);
  /// Who holds this cookie, with the user's role of now. kUnauthorized otherwise.
  /// `urgent`: as ApiTokens::authenticate.
  runtime::Task<core::Result<Principal>> authenticate(std::string cookie, bool urgent = false);
  /// Ends the session; fine where there is none.
  runtime::Task<core::Status> end(std::string cookie);
  /// The id within a principal's `via` "session:<id>", or "".
  static std::string id_of(const Principal& principal);

  /// Deletes what has expired; call it every hour or so.
  runtime::Task<core::Result<std::int64_t>> sweep();

 private:
  store::Database& database_;
  Clock clock_;
};

}  // namespace muster::access
