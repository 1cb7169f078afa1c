// SPDX-License-Identifier: Apache-2.0
#include "regions/store.h"

#include <algorithm>
#include <limits>

namespace muster::regions {
namespace {

using core::Code;
using core::fail;
using core::unix_ms;
using core::wall_from_unix_ms;
using store::Connection;
using store::Row;

constexpr store::Migration kMigrations[] = {{1, R"sql(
CREATE TABLE regions_neighbours(
  name TEXT NOT NULL PRIMARY KEY,
  region TEXT NOT NULL UNIQUE,
  ca TEXT NOT NULL,
  addresses TEXT NOT NULL,
  may INTEGER NOT NULL,
  selector TEXT NOT NULL,
  expires_at BIGINT,
  least_role INTEGER NOT NULL,
  added_at BIGINT NOT NULL,
  added_by TEXT NOT NULL);
CREATE TABLE regions_runs(
  id BIGINT NOT NULL PRIMARY KEY,
  neighbour TEXT NOT NULL,
  user_name TEXT NOT NULL,
  key TEXT NOT NULL,
  what TEXT NOT NULL,
  selector TEXT NOT NULL,
  run TEXT NOT NULL,
  state TEXT NOT NULL,
  counts TEXT NOT NULL,
  asked_at BIGINT NOT NULL,
  looked_at BIGINT NOT NULL);
CREATE UNIQUE INDEX regions_runs_key ON regions_runs(neighbour, user_name, key);
)sql"}};

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += (text.empty() ? "" : "\n") + line;
  return text;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::optional<std::int64_t> ms_of(const std::optional<core::WallTime>& time) {
  return time ? std::optional(unix_ms(*time)) : std::nullopt;
}

Neighbour neighbour_of(const Row& row) {
  Neighbour neighbour;
  neighbour.name = row.string(0);
  neighbour.region = row.string(1);
  neighbour.ca_pem = row.string(2);
  neighbour.addresses = split(row.text(3));
  neighbour.grant.may = static_cast<std::uint8_t>(row.integer(4));
  neighbour.grant.selector = row.string(5);
  if (const auto at = row.maybe_integer(6)) neighbour.grant.expires_at = wall_from_unix_ms(*at);
  neighbour.least_role = static_cast<std::uint8_t>(row.integer(7));
  neighbour.added_at = wall_from_unix_ms(row.integer(8));
  neighbour.added_by = row.string(9);
  return neighbour;
}

RemoteRun run_of(const Row& row) {
  RemoteRun run;
  run.id = row.integer(0);
  run.neighbour = row.string(1);
  run.user = row.string(2);
  run.key = row.string(3);
  run.what = row.string(4);
  run.selector = row.string(5);
  run.run = row.string(6);
  run.state = row.string(7);
  run.counts = row.string(8);
  run.asked_at = wall_from_unix_ms(row.integer(9));
  run.looked_at = wall_from_unix_ms(row.integer(10));
  return run;
}

#define MUSTER_RUN_COLUMNS \
  "id, neighbour, user_name, key, what, selector, run, state, counts, asked_at, looked_at"

}  // namespace

store::MigrationSet migrations() {
  return {"regions", kMigrations};
}

core::Result<std::vector<Neighbour>> Store::neighbours(Connection& connection) {
  std::vector<Neighbour> found;
  MUSTER_TRY(connection.query(
      "SELECT name, region, ca, addresses, may, selector, expires_at, least_role, added_at, "
      "added_by FROM regions_neighbours ORDER BY name",
      {}, [&](const Row& row) { found.push_back(neighbour_of(row)); }));
  return found;
}

core::Status Store::add(Connection& connection, const Neighbour& neighbour) {
  MUSTER_ASSIGN(const auto known,
                connection.first("SELECT name FROM regions_neighbours WHERE name = ? OR region = ?",
                                 {neighbour.name, neighbour.region},
                                 [](const Row& row) { return row.string(0); }));
  if (known)
    return fail(Code::kExists, *known == neighbour.name
                                   ? "there is a region called " + *known +
                                         " already: remove it first, or take another name"
                                   : "this region is known already, as " + *known);
  MUSTER_ASSIGN(const auto count, connection.integer("SELECT COUNT(*) FROM regions_neighbours"));
  if (count >= static_cast<std::int64_t>(kNeighboursMax))
    return fail(Code::kLimit, "there are " + std::to_string(count) + " regions already");
  MUSTER_TRY(connection.execute(
      "INSERT INTO regions_neighbours(name, region, ca, addresses, may, selector, expires_at, "
      "least_role, added_at, added_by) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {neighbour.name, neighbour.region, neighbour.ca_pem, joined(neighbour.addresses),
       static_cast<std::int64_t>(neighbour.grant.may), neighbour.grant.selector,
       ms_of(neighbour.grant.expires_at), static_cast<std::int64_t>(neighbour.least_role),
       unix_ms(neighbour.added_at), neighbour.added_by}));
  return {};
}

core::Status Store::change(Connection& connection, const Neighbour& neighbour) {
  MUSTER_ASSIGN(const auto changed,
                connection.execute(
                    "UPDATE regions_neighbours SET addresses = ?, may = ?, selector = ?, "
                    "expires_at = ?, least_role = ? WHERE name = ?",
                    {joined(neighbour.addresses), static_cast<std::int64_t>(neighbour.grant.may),
                     neighbour.grant.selector, ms_of(neighbour.grant.expires_at),
                     static_cast<std::int64_t>(neighbour.least_role), neighbour.name}));
  if (changed == 0) return fail(Code::kNotFound, "there is no region called " + neighbour.name);
  return {};
}

core::Status Store::remove(Connection& connection, const std::string& name) {
  MUSTER_ASSIGN(const auto removed,
                connection.execute("DELETE FROM regions_neighbours WHERE name = ?", {name}));
  if (removed == 0) return fail(Code::kNotFound, "there is no region called " + name);
  return {};
}

core::Result<RemoteRun> Store::begin_run(Connection& connection, RemoteRun run) {
  MUSTER_ASSIGN(auto known,
                connection.first("SELECT " MUSTER_RUN_COLUMNS
                                 " FROM regions_runs WHERE neighbour = ? AND user_name = ? AND "
                                 "key = ?",
                                 {run.neighbour, run.user, run.key}, run_of));
  if (known) return *std::move(known);
  MUSTER_ASSIGN(const auto last,
                connection.integer("SELECT COALESCE(MAX(id), 0) FROM regions_runs"));
  run.id = last + 1;
  MUSTER_TRY(connection.execute(
      "INSERT INTO regions_runs(" MUSTER_RUN_COLUMNS ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {run.id, run.neighbour, run.user, run.key, run.what, run.selector, run.run, run.state,
       run.counts, unix_ms(run.asked_at), unix_ms(run.looked_at)}));
  MUSTER_TRY(connection.execute("DELETE FROM regions_runs WHERE id <= ?", {run.id - kRunsKept}));
  return run;
}

core::Status Store::note_run(Connection& connection, const RemoteRun& run) {
  MUSTER_TRY(connection.execute(
      "UPDATE regions_runs SET run = ?, state = ?, counts = ?, looked_at = ? WHERE id = ?",
      {run.run, run.state, run.counts, unix_ms(run.looked_at), run.id}));
  return {};
}

core::Result<std::vector<RemoteRun>> Store::runs(Connection& connection, std::size_t limit,
                                                 std::optional<std::int64_t> before,
                                                 const std::optional<std::string>& user) {
  std::vector<RemoteRun> found;
  MUSTER_TRY(connection.query("SELECT " MUSTER_RUN_COLUMNS
                              " FROM regions_runs WHERE id < ? AND (user_name = ? OR ? = 1) "
                              "ORDER BY id DESC LIMIT ?",
                              {before.value_or(INT64_MAX), user.value_or(""), user ? 0 : 1, limit},
                              [&](const Row& row) { found.push_back(run_of(row)); }));
  return found;
}

core::Result<std::vector<RemoteRun>> Store::open_runs(Connection& connection, std::size_t limit) {
  std::vector<RemoteRun> found;
  MUSTER_TRY(connection.query("SELECT " MUSTER_RUN_COLUMNS
                              " FROM regions_runs WHERE run <> '' AND state <> 'finished' AND "
                              "state <> 'gone' ORDER BY id DESC LIMIT ?",
                              {limit}, [&](const Row& row) { found.push_back(run_of(row)); }));
  return found;
}

}  // namespace muster::regions
