// SPDX-License-Identifier: Apache-2.0
#include "access/audit.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "core/bytes.h"

namespace muster::access {
namespace {

constexpr std::size_t kTextBytesMax = 256;
constexpr std::int64_t kVerifyRows = 1000;  // in one read

std::string no_hash() {
  return std::string(32, '\0');
}

void put(std::string& out, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift));
}
void put(std::string& out, std::string_view text) {
  put(out, text.size());
  out.append(text);
}

AuditEntry entry_of(const store::Row& row) {
  return {row.integer(0), core::wall_from_unix_ms(row.integer(1)),
          row.string(2),  row.string(3),
          row.string(4),  row.string(5),
          row.bytes(6)};
}

// Walks one batch after `check.entries`; returns how many rows there were.
core::Result<std::int64_t> verify_batch(store::Connection& connection, AuditCheck& check) {
  std::int64_t rows = 0;
  MUSTER_TRY(connection.query(
      "SELECT seq, at, actor, action, object, detail, hash FROM access_audit WHERE seq > ? "
      "ORDER BY seq LIMIT ?",
      {check.entries, kVerifyRows}, [&](const store::Row& row) {
        ++rows;
        const auto entry = entry_of(row);
        if (entry.seq != check.entries + 1 || audit_hash(check.head, entry) != entry.hash) {
          check.ok = false;
          check.broken_at = check.entries + 1;
          return false;
        }
        check.entries = entry.seq;
        check.head = entry.hash;
        return true;
      }));
  return rows;
}

}  // namespace

std::string audit_detail(
    std::initializer_list<std::pair<std::string_view, std::string_view>> members) {
  boost::json::object object;
  for (const auto& [key, value] : members) {
    object[key] = core::is_utf8(value) ? std::string(value) : core::printable(value);
  }
  return boost::json::serialize(object);
}

std::string audit_hash(std::string_view previous, const AuditEntry& entry) {
  std::string bytes = "muster-audit-1";
  put(bytes, previous);
  put(bytes, static_cast<std::uint64_t>(entry.seq));
  put(bytes, static_cast<std::uint64_t>(core::unix_ms(entry.at)));
  put(bytes, entry.actor);
  put(bytes, entry.action);
  put(bytes, entry.object);
  put(bytes, entry.detail);
  return core::sha256(bytes);
}

core::Result<std::int64_t> Audit::append(store::Connection& connection, core::WallTime now,
                                         const AuditRecord& record) {
  AuditEntry entry;
  std::string previous = no_hash();
  MUSTER_TRY(connection.query("SELECT seq, hash FROM access_audit ORDER BY seq DESC LIMIT 1", {},
                              [&](const store::Row& row) {
                                entry.seq = row.integer(0);
                                previous = row.bytes(1);
                              }));
  ++entry.seq;
  entry.at = now;
  entry.actor = core::printable(record.actor, kTextBytesMax);
  entry.action = core::printable(record.action, kTextBytesMax);
  entry.object = core::printable(record.object, kTextBytesMax);
  entry.detail = record.detail;
  if (entry.detail.size() > kDetailBytesMax || !core::is_utf8(entry.detail)) {
    entry.detail = audit_detail({{"cut", core::printable(entry.detail, 1024)}});
  }
  MUSTER_TRY(
      connection.enqueue("INSERT INTO access_audit(seq, at, actor, action, object, detail, hash) "
                         "VALUES(?, ?, ?, ?, ?, ?, ?)",
                         {entry.seq, core::unix_ms(entry.at), entry.actor, entry.action,
                          entry.object, entry.detail, store::Blob{audit_hash(previous, entry)}}));
  return entry.seq;
}

core::Result<std::int64_t> Audit::append(store::Connection& connection, core::WallTime now,
                                         const Principal& by, std::string_view action,
                                         std::string_view object, std::string detail) {
  if (by.via != by.name && detail.starts_with('{')) {
    auto via = audit_detail({{"via", by.via}});
    via.pop_back();
    detail = via + (detail == "{}" ? "" : ",") + detail.substr(1);
  }
  return append(connection, now, AuditRecord{by.name, action, object, std::move(detail)});
}

runtime::Task<core::Result<AuditPage>> Audit::page(std::size_t limit,
                                                   std::optional<std::int64_t> before) {
  const auto count = static_cast<std::int64_t>(std::clamp<std::size_t>(limit, 1, kPageMax));
  co_return co_await database_.read(
      [count, before](store::Connection& connection) -> core::Result<AuditPage> {
        AuditPage page;
        MUSTER_TRY(connection.query(
            "SELECT seq, at, actor, action, object, detail, hash FROM access_audit "
            "WHERE seq < ? ORDER BY seq DESC LIMIT ?",
            {before.value_or(INT64_MAX), count},
            [&](const store::Row& row) { page.entries.push_back(entry_of(row)); }));
        if (std::ssize(page.entries) == count && page.entries.back().seq > 1) {
          page.next = page.entries.back().seq;
        }
        return page;
      });
}

runtime::Task<core::Result<AuditCheck>> Audit::verify() {
  AuditCheck check;
  check.head = no_hash();
  for (;;) {
    using Step = std::pair<std::int64_t, AuditCheck>;
    auto step = co_await database_.read(
        [check](store::Connection& connection) mutable -> core::Result<Step> {
          MUSTER_ASSIGN(const auto rows, verify_batch(connection, check));
          return Step{rows, std::move(check)};
        });
    if (!step) co_return core::fail(std::move(step.error()));
    check = std::move(step->second);
    if (!check.ok || step->first < kVerifyRows) co_return check;
  }
}

}  // namespace muster::access
