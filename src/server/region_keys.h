// SPDX-License-Identifier: Apache-2.0
//
// The keys that are the region, in its database: how a second server gets them.
//
// They lie there sealed by the region's secret (access/region_secret.h), a file on each server.
// The files in the state folder stay what a server works with; a server that has none gets them
// from the database, once. With SQLite nothing of this is used.
#pragma once

#include <filesystem>
#include <string>

#include "core/result.h"
#include "store/database.h"
#include "store/migration.h"

namespace muster::server {

inline constexpr std::string_view kSecretFile = "region.secret";

store::MigrationSet region_key_migrations();

/// Puts the secret in `given` (a file; empty: none) into the state folder. kConflict where the
/// folder has another one.
core::Status take_region_secret(const std::filesystem::path& given,
                                const std::filesystem::path& state);

enum class KeysThere : std::uint8_t {
  kNone,    ///< the database has none yet: it is new, or of a version before
  kLocal,   ///< the folder has the region's authority
  kFetched  ///< they were brought from the database just now
};
/// Brings the keys from the database at `options` where the folder has none. Blocking.
/// kDenied where the secret is missing or is another region's; says what to do.
core::Result<KeysThere> fetch_region_keys(const store::Options& options,
                                          const std::filesystem::path& state);

/// Makes sure that the database has the keys of the folder, and the folder a secret. Blocking.
core::Status publish_region_keys(store::Database& database, const std::filesystem::path& state);

}  // namespace muster::server
