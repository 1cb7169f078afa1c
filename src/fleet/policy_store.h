// SPDX-License-Identifier: Apache-2.0
//
// The tables of site policies, of which every version is kept for a while, and of the
// gateways that are being drained. Each function runs inside Database::write or ::read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "store/connection.h"

namespace muster::fleet {

/// Versions that are kept; older ones are forgotten.
inline constexpr std::int64_t kPolicyVersionsKept = 100;

struct StoredPolicy {
  std::int64_t version = 0;  ///< from 1; 0: none was ever set
  std::string text;
  std::string set_by;
  core::WallTime set_at;
};

class PolicyStore {
 public:
  /// The newest; version 0 with an empty text where there is none.
  static core::Result<StoredPolicy> current(store::Connection& connection);
  /// kNotFound.
  static core::Result<StoredPolicy> get(store::Connection& connection, std::int64_t version);
  /// Newest first, without their texts.
  static core::Result<std::vector<StoredPolicy>> list(store::Connection& connection);
  /// Stores `policy` as the version behind the newest, and returns that. kConflict where the
  /// newest is not `policy.version` any more: what it was made from.
  static core::Result<std::int64_t> put(store::Connection& connection, const StoredPolicy& policy);

  static core::Result<std::vector<std::string>> draining(store::Connection& connection);
  static core::Status set_draining(store::Connection& connection, const std::string& gateway,
                                   bool draining);
};

}  // namespace muster::fleet
