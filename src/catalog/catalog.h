// SPDX-License-Identifier: Apache-2.0
//
// The catalog's tables: methods by name and version, what content they need, and the
// keys that may publish. Each function runs inside Database::write or ::read.
//
// Nothing here looks into a manifest: whoever calls publish() has verified it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"
#include "store/connection.h"
#include "store/migration.h"

namespace muster::catalog {

store::MigrationSet migrations();

/// Versions of one method; versions of all; publishing keys.
inline constexpr std::size_t kVersionsMax = 1000;
inline constexpr std::size_t kMethodsMax = 100'000;
inline constexpr std::size_t kKeysMax = 100;
/// Methods on one page of a list.
inline constexpr std::size_t kPageMax = 1000;

struct Object {
  core::ContentId id;
  std::uint64_t bytes = 0;
};

/// One version of a method.
struct Published {
  std::string name;  ///< canonical: module::task
  std::string version;
  core::ContentId digest;  ///< of the manifest
  std::string manifest;    ///< empty in lists
  std::string signature;
  std::string key_id;  ///< 32 raw bytes
  std::string description;
  bool is_private = false;
  bool current = false;
  std::uint64_t bytes = 0;  ///< of its objects
  core::WallTime published_at;
  std::string published_by;
};

struct Key {
  std::string id;   ///< 32 raw bytes: SHA-256 of `der`
  std::string der;  ///< SubjectPublicKeyInfo
  std::string note;
  core::WallTime added_at;
  std::string added_by;
};

/// One line of a list: the current version of a method and how many there are.
struct Listed {
  Published current;
  std::uint64_t versions = 0;
};

struct Page {
  std::vector<Listed> methods;      ///< by name
  std::optional<std::string> next;  ///< pass as `after`
};

class Catalog {
 public:
  /// Adds a version, current where it is the first one or `make_current` says so. True
  /// where it is new, false where this very digest was there. kConflict where the name
  /// and version mean, or once meant, another digest; kLimit.
  static core::Result<bool> publish(store::Connection& connection, const Published& method,
                                    const std::vector<Object>& objects, bool make_current);

  /// Current versions by name behind `after`; private ones only where asked for.
  static core::Result<Page> list(store::Connection& connection, std::size_t limit,
                                 std::string_view after, bool with_private);
  /// Newest first, without manifests. kNotFound where there is none.
  static core::Result<std::vector<Published>> versions(store::Connection& connection,
                                                       std::string_view name);
  /// With its manifest. An empty version is the current one. kNotFound.
  static core::Result<Published> find(store::Connection& connection, std::string_view name,
                                      std::string_view version);
  static core::Result<Published> by_digest(store::Connection& connection,
                                           const core::ContentId& digest);
  /// kNotFound.
  static core::Status mark_current(store::Connection& connection, std::string_view name,
                                   std::string_view version);
  /// Removes a version, or all of them where it is empty, and returns the objects that
  /// nothing names any more. kConflict for the current one while there are others.
  static core::Result<std::vector<core::ContentId>> remove(store::Connection& connection,
                                                           std::string_view name,
                                                           std::string_view version);

  /// kExists where it is there.
  static core::Status add_key(store::Connection& connection, const Key& key);
  static core::Result<std::vector<Key>> keys(store::Connection& connection);
  /// What it has signed stays, and is refused from now on by who verifies. kNotFound.
  static core::Status remove_key(store::Connection& connection, std::string_view id);
};

}  // namespace muster::catalog
