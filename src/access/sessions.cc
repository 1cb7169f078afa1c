// SPDX-License-Identifier: Apache-2.0
#include "access/sessions.h"

#include "access/audit.h"
#include "access/detail/secret_text.h"

namespace muster::access {
namespace {

using core::Code;
using std::chrono::milliseconds;

constexpr std::string_view kPrefix = "mss1";
constexpr std::string_view kVia = "session:";
constexpr auto kSeenEvery = std::chrono::minutes(1);  // how exactly "idle" is known

std::unexpected<core::Error> nobody() {
  return core::fail(Code::kUnauthorized, "the session is unknown or expired; log in again");
}

struct Found {
  Principal principal;
  std::string hash;
  core::WallTime created_at, last_seen;
};

core::Result<std::optional<Found>> find(store::Connection& connection, const std::string& id) {
  return connection.first(
      "SELECT u.name, u.role, u.selector, s.secret_hash, s.created_at, s.last_seen "
      "FROM access_sessions s JOIN access_users u ON u.name = s.user_name WHERE s.id = ?",
      {id}, [&](const store::Row& row) {
        Found found;
        found.principal = {
            row.string(0), static_cast<Role>(row.integer(1)), {}, std::string(kVia) + id};
        if (!row.text(2).empty()) found.principal.selectors.push_back(row.string(2));
        found.hash = row.bytes(3);
        found.created_at = core::wall_from_unix_ms(row.integer(4));
        found.last_seen = core::wall_from_unix_ms(row.integer(5));
        return found;
      });
}

}  // namespace

Sessions::Sessions(store::Database& database, Clock clock)
    : database_(database), clock_(std::move(clock)) {}

std::string Sessions::id_of(const Principal& principal) {
  return principal.via.starts_with(kVia) ? principal.via.substr(kVia.size()) : std::string();
}

runtime::Task<core::Result<SessionMade>> Sessions::create(User user, std::string address) {
  const auto secret = detail::SecretText::make();
  const auto now = clock_();
  MUSTER_CO_TRY(co_await database_.write(
      [secret, now, name = user.name, address](store::Connection& connection) -> core::Status {
        MUSTER_TRY(connection.execute(
            "INSERT INTO access_sessions(id, secret_hash, user_name, created_at, last_seen) "
            "VALUES(?, ?, ?, ?, ?)",
            {secret.id, store::Blob{secret.hash()}, name, core::unix_ms(now), core::unix_ms(now)}));
        MUSTER_TRY(connection.execute(
            "DELETE FROM access_sessions WHERE user_name = ? AND id <> ? AND id NOT IN (SELECT id "
            "FROM access_sessions WHERE user_name = ? ORDER BY last_seen DESC LIMIT ?)",
            {name, secret.id, name, kPerUserMax}));
        MUSTER_TRY(Audit::append(
            connection, now,
            AuditRecord{name, "session.create", secret.id, audit_detail({{"address", address}})}));
        return {};
      }));
  SessionMade made{secret.str(kPrefix),
                   {user.name, user.role, {}, std::string(kVia) + secret.id},
                   now + std::chrono::duration_cast<milliseconds>(kLifeMax)};
  if (!user.selector.empty()) made.principal.selectors.push_back(user.selector);
  co_return made;
}

runtime::Task<core::Result<Principal>> Sessions::authenticate(std::string cookie, bool urgent) {
  const auto secret = detail::SecretText::parse(kPrefix, cookie);
  if (!secret) co_return nobody();
  const auto look = [id = secret->id](store::Connection& connection) {
    return find(connection, id);
  };
  auto found = urgent ? co_await database_.read_first(look) : co_await database_.read(look);
  if (!found) co_return core::fail(std::move(found.error()));
  const auto now = clock_();
  if (!*found || !secret->matches((*found)->hash) || now >= (*found)->created_at + kLifeMax ||
      now >= (*found)->last_seen + kIdleMax) {
    co_return nobody();
  }
  if (!urgent && now >= (*found)->last_seen + kSeenEvery) {
    // A full disk must not lock people out: that it was used is only a note.
    [[maybe_unused]] const auto noted =
        co_await database_.write([id = secret->id, now](store::Connection& connection) {
          return connection.execute("UPDATE access_sessions SET last_seen = ? WHERE id = ?",
                                    {core::unix_ms(now), id});
        });
  }
  co_return std::move((*found)->principal);
}

runtime::Task<core::Status> Sessions::end(std::string cookie) {
  const auto secret = detail::SecretText::parse(kPrefix, cookie);
  if (!secret) co_return core::Status();
  co_return co_await database_.write(
      [secret = *secret, now = clock_()](store::Connection& connection) -> core::Status {
        MUSTER_ASSIGN(const auto found, find(connection, secret.id));
        if (!found || !secret.matches(found->hash)) return {};
        MUSTER_TRY(connection.execute("DELETE FROM access_sessions WHERE id = ?", {secret.id}));
        MUSTER_TRY(Audit::append(connection, now, found->principal, "session.end", secret.id));
        return {};
      });
}

runtime::Task<core::Result<std::int64_t>> Sessions::sweep() {
  co_return co_await database_.write([now = clock_()](store::Connection& connection) {
    return connection.execute(
        "DELETE FROM access_sessions WHERE last_seen <= ? OR created_at <= ?",
        {core::unix_ms(now - std::chrono::duration_cast<milliseconds>(kIdleMax)),
         core::unix_ms(now - std::chrono::duration_cast<milliseconds>(kLifeMax))});
  });
}

}  // namespace muster::access
