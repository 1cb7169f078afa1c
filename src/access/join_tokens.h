// SPDX-License-Identifier: Apache-2.0
//
// Join tokens: what a new machine shows to be let in.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "access/types.h"
#include "identity/certificate.h"
#include "identity/join_token.h"
#include "store/database.h"

namespace muster::access {

/// Labels that a token bestows on the hosts that join by it. Access only carries them.
using Labels = std::map<std::string, std::string>;

struct NewJoinToken {
  std::optional<std::int64_t> uses = 1;  ///< Nothing: without limit.
  core::Duration lasts = std::chrono::hours(24);
  Labels labels;
  identity::Role role = identity::Role::kEndpoint;  ///< kGateway: for a gateway that runs apart.
};

struct JoinTokenInfo {
  std::string id;
  std::optional<std::int64_t> uses_left;
  core::WallTime created_at, expires_at;
  std::string created_by;
  Labels labels;
  identity::Role role = identity::Role::kEndpoint;
};

struct JoinTokenMade {
  JoinTokenInfo info;
  std::string token;  ///< The whole text; nobody can show it again.
};

/// Why a token is refused. Outside, all but kGood read the same.
enum class TokenVerdict : std::uint8_t { kGood, kUnknown, kWrongSecret, kUsedUp, kExpired };
std::string_view name(TokenVerdict verdict);

class JoinTokens {
 public:
  static constexpr std::int64_t kUsesMax = 1'000'000;
  static constexpr std::size_t kTokensMax = 10'000;
  static constexpr std::size_t kLabelsMax = 64;
  static constexpr std::size_t kLabelBytesMax = 256;
  static constexpr core::Duration kLastsMax = std::chrono::days(366);

  JoinTokens(store::Database& database, std::string ca_fingerprint, Clock clock);

  /// Needs kManageTokens. kInvalid: uses, duration or labels out of bounds.
  runtime::Task<core::Result<JoinTokenMade>> create(Principal by, NewJoinToken wanted);
  /// Newest first, with those that are used up or expired (for 30 days).
  runtime::Task<core::Result<std::vector<JoinTokenInfo>>> list();
  runtime::Task<core::Status> remove(Principal by, std::string id);

  /// What create() does, for start-up code that has a connection.
  core::Result<JoinTokenMade> create_in(store::Connection& connection, const Principal& by,
                                        const NewJoinToken& wanted) const;

  struct Taken {
    TokenVerdict verdict = TokenVerdict::kUnknown;
    JoinTokenInfo info;  ///< With one use fewer; only where the verdict is kGood.
  };
  /// Within a transaction: checks the token and takes one use of it if it is good.
  static core::Result<Taken> take(store::Connection& connection, const identity::JoinToken& token,
                                  core::WallTime now);

 private:
  store::Database& database_;
  std::string ca_fingerprint_;
  Clock clock_;
};

}  // namespace muster::access
