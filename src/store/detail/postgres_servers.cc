// SPDX-License-Identifier: Apache-2.0
#include "store/detail/postgres_servers.h"

#include "core/bytes.h"
#include "store/detail/postgres_session.h"

namespace muster::store::detail {
namespace {

using core::Code;

constexpr std::string_view kSuffix = " member";
constexpr std::size_t kAddressesBytesMax = 8 * 1024;

std::string joined(const std::vector<std::string>& list) {
  std::string text;
  for (const auto& one : list) text += (text.empty() ? "" : " ") + one;
  return text;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> list;
  if (text.size() > kAddressesBytesMax) return list;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) list.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return list;
}

}  // namespace

core::Status ServersConnection::open() {
  MUSTER_TRY(connect(url_, instance_ + std::string(kSuffix)));
  // A question that takes longer than the lease lasts is answered too late anyway.
  MUSTER_TRY(script("SET search_path TO \"" + schema_ +
                    "\"; SET jit = off; SET statement_timeout = 5000; SET lock_timeout = 3000; "
                    "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; "
                    "SET tcp_keepalives_count = 3;"));
  MUSTER_ASSIGN(const auto there,
                integer("SELECT count(*) FROM pg_tables WHERE schemaname = ? AND tablename = ?",
                        {schema_, "muster_lease"}));
  if (there > 0) return {};
  // Two servers that are the first at the same moment: one after the other.
  MUSTER_TRY(
      query("SELECT pg_advisory_lock(hashtext(?))", {schema_ + " tables"}, [](const Row&) {}));
  MUSTER_TRY(make_schema(*this, schema_));
  MUSTER_TRY(migrate(*this, {}));  // the table of versions, which readers ask for
  MUSTER_TRY(script(
      "CREATE TABLE IF NOT EXISTS muster_servers(name TEXT NOT NULL PRIMARY KEY, instance TEXT NOT "
      "NULL, addresses TEXT NOT NULL, version TEXT NOT NULL, started_at INTEGER NOT NULL, beats "
      "INTEGER NOT NULL);"
      "CREATE TABLE IF NOT EXISTS muster_lease(one INTEGER NOT NULL PRIMARY KEY, term INTEGER NOT "
      "NULL, holder TEXT NOT NULL, name TEXT NOT NULL, renewals INTEGER NOT NULL);"
      "CREATE TABLE IF NOT EXISTS muster_word(one INTEGER NOT NULL PRIMARY KEY, serial INTEGER NOT "
      "NULL, word TEXT NOT NULL);"
      "INSERT INTO muster_word(one, serial, word) VALUES(1, 0, '') ON CONFLICT DO NOTHING;"
      "INSERT INTO muster_lease(one, term, holder, name, renewals) VALUES(1, 0, '', '', 0) ON "
      "CONFLICT DO NOTHING;"));
  return query("SELECT pg_advisory_unlock_all()", {}, [](const Row&) {});
}

core::Result<bool> ServersConnection::connected(const std::string& instance) {
  MUSTER_ASSIGN(const auto count,
                integer("SELECT count(*) FROM pg_stat_activity WHERE application_name = ? AND "
                        "datname = current_database()",
                        {instance + std::string(kSuffix)}));
  return count > 0;
}

core::Status ServersConnection::enter(const ServerSelf& self) {
  MUSTER_ASSIGN(const auto other,
                first("SELECT instance, addresses FROM muster_servers WHERE name = ?", {self.name},
                      [](const Row& row) { return std::pair(row.string(0), row.string(1)); }));
  if (other && other->first != instance_) {
    MUSTER_ASSIGN(const bool kept, connected(other->first));
    if (kept)
      return core::fail(Code::kConflict,
                        "a server named " + core::printable(self.name, 100) +
                            " is running on this database already (" +
                            core::printable(other->second, 200) +
                            "): give this one another name with --name, or stop that one");
  }
  MUSTER_ASSIGN(const auto count,
                integer("SELECT count(*) FROM muster_servers WHERE name <> ?", {self.name}));
  if (count >= static_cast<std::int64_t>(Servers::kServersMax))
    return core::fail(Code::kLimit, "this database has its most servers already: " +
                                        std::to_string(Servers::kServersMax));
  MUSTER_TRY(execute(
      "INSERT INTO muster_servers(name, instance, addresses, version, started_at, beats) "
      "VALUES(?, ?, ?, ?, ?, 1) ON CONFLICT(name) DO UPDATE SET instance = excluded.instance, "
      "addresses = excluded.addresses, version = excluded.version, started_at = "
      "excluded.started_at, beats = 1",
      {self.name, instance_, joined(self.addresses), self.version,
       core::unix_ms(core::wall_now())}));
  return {};
}

core::Result<bool> ServersConnection::beat(const ServerSelf& self) {
  MUSTER_ASSIGN(const auto rows,
                execute("UPDATE muster_servers SET beats = beats + 1, addresses = ? WHERE name = ? "
                        "AND instance = ?",
                        {joined(self.addresses), self.name, instance_}));
  return rows == 1;
}

core::Result<LeaseRow> ServersConnection::lease() {
  MUSTER_ASSIGN(auto row,
                first("SELECT term, holder, name, renewals FROM muster_lease WHERE one = 1", {},
                      [](const Row& r) {
                        return LeaseRow{r.integer(0), r.string(1), r.string(2), r.integer(3),
                                        false};
                      }));
  if (!row) return core::fail(Code::kCorrupt, "the table muster_lease has lost its row");
  if (!row->holder.empty()) {
    MUSTER_ASSIGN(row->connected, connected(row->holder));
  }
  return *row;
}

core::Result<bool> ServersConnection::renew(std::int64_t term) {
  MUSTER_ASSIGN(const auto rows, execute("UPDATE muster_lease SET renewals = renewals + 1 WHERE "
                                         "one = 1 AND term = ? AND holder = ?",
                                         {term, instance_}));
  return rows == 1;
}

core::Result<std::int64_t> ServersConnection::take(const LeaseRow& seen, const std::string& name) {
  return integer(
      "UPDATE muster_lease SET term = term + 1, holder = ?, name = ?, renewals = 0 "
      "WHERE one = 1 AND term = ? AND renewals = ? AND holder = ? RETURNING term",
      {instance_, name, seen.term, seen.renewals, seen.holder});
}

core::Status ServersConnection::give_up(std::int64_t term) {
  MUSTER_TRY(execute(
      "UPDATE muster_lease SET holder = '', name = '' WHERE one = 1 AND term = ? AND holder = ?",
      {term, instance_}));
  return {};
}

core::Status ServersConnection::leave(const std::string& name) {
  return remove(name, instance_);
}

core::Status ServersConnection::remove(const std::string& name, const std::string& instance) {
  MUSTER_TRY(
      execute("DELETE FROM muster_servers WHERE name = ? AND instance = ?", {name, instance}));
  return {};
}

core::Status ServersConnection::say(const std::string& word) {
  MUSTER_TRY(execute("UPDATE muster_word SET word = ?, serial = serial + 1 WHERE one = 1", {word}));
  return {};
}

core::Result<std::pair<std::string, std::int64_t>> ServersConnection::hear() {
  MUSTER_ASSIGN(auto heard,
                first("SELECT word, serial FROM muster_word WHERE one = 1", {},
                      [](const Row& row) { return std::pair(row.string(0), row.integer(1)); }));
  return heard.value_or(std::pair<std::string, std::int64_t>());
}

core::Result<std::vector<ServersConnection::Kept>> ServersConnection::servers() {
  std::vector<Kept> found;
  MUSTER_TRY(
      query("SELECT name, instance, addresses, version, started_at, beats FROM "
            "muster_servers ORDER BY name",
            {}, [&](const Row& row) {
              Kept kept;
              kept.row.self = {row.string(0), split(row.text(2)), row.string(3)};
              kept.row.started_at = core::wall_from_unix_ms(row.integer(4));
              kept.instance = row.string(1);
              kept.row.here = kept.instance == instance_;
              kept.beats = row.integer(5);
              found.push_back(std::move(kept));
            }));
  return found;
}

}  // namespace muster::store::detail
