// SPDX-License-Identifier: Apache-2.0
//
// The audit log: every change, who made it and when, in a chain of hashes.
//
// Entry n carries SHA-256(hash of entry n-1 ‖ canonical encoding of entry n), the
// table refuses UPDATE and DELETE, and append() runs inside the transaction of the
// change that it records: both are there or neither is. Whoever edits the file can
// forge a whole new chain, but not one that ends in a head noted elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "access/types.h"
#include "store/database.h"

namespace muster::access {

struct AuditRecord {
  std::string_view actor;   ///< A user's name, "system", "endpoint <id>", "anonymous <address>".
  std::string_view action;  ///< "user.create", "run.start", "host.revoke": `<object kind>.<verb>`.
  std::string_view object;  ///< The id or name of what was changed.
  std::string detail = "{}";  ///< A JSON object; see audit_detail().
};

struct AuditEntry {
  std::int64_t seq = 0;  ///< 1, 2, 3 … without gaps.
  core::WallTime at;
  std::string actor, action, object, detail;
  std::string hash;  ///< 32 raw bytes.
};

struct AuditPage {
  std::vector<AuditEntry> entries;   ///< Newest first.
  std::optional<std::int64_t> next;  ///< Give it as `before` for the next page.
};

struct AuditCheck {
  bool ok = true;
  std::int64_t entries = 0;               ///< Entries that are in order.
  std::string head;                       ///< The last good hash, 32 raw bytes (zeros if none).
  std::optional<std::int64_t> broken_at;  ///< The first entry that is changed or missing.
};

/// A JSON object of string members, for AuditRecord::detail.
std::string audit_detail(
    std::initializer_list<std::pair<std::string_view, std::string_view>> members);

/// The hash of an entry that follows `previous` (32 raw bytes).
std::string audit_hash(std::string_view previous, const AuditEntry& entry);

class Audit {
 public:
  static constexpr std::size_t kDetailBytesMax = 16 * 1024;
  static constexpr std::size_t kPageMax = 1000;

  explicit Audit(store::Database& database) : database_(database) {}

  /// Adds an entry within the caller's write transaction; returns its number.
  /// Texts that are too long or not UTF-8 are made printable and cut, not refused.
  static core::Result<std::int64_t> append(store::Connection& connection, core::WallTime now,
                                           const AuditRecord& record);
  /// The same with the principal's name and `via` as the actor.
  static core::Result<std::int64_t> append(store::Connection& connection, core::WallTime now,
                                           const Principal& by, std::string_view action,
                                           std::string_view object, std::string detail = "{}");

  /// Up to `limit` entries before `before`, newest first.
  runtime::Task<core::Result<AuditPage>> page(std::size_t limit,
                                              std::optional<std::int64_t> before);
  /// Walks the chain from its start in small reads, so that writers never wait.
  runtime::Task<core::Result<AuditCheck>> verify();

 private:
  store::Database& database_;
};

}  // namespace muster::access
