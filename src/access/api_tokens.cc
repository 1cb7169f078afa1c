// SPDX-License-Identifier: Apache-2.0
#include "access/api_tokens.h"

#include "access/audit.h"
#include "access/detail/secret_text.h"
#include "core/bytes.h"

namespace muster::access {
namespace {

using core::Code;

constexpr std::string_view kPrefix = "mat1";
constexpr std::string_view kVia = "token:";
constexpr auto kUsedEvery = std::chrono::minutes(1);  // how exactly last_used is known
constexpr std::string_view kColumns =
    "t.id, t.name, t.user_name, t.role, t.selector, t.created_at, t.expires_at, t.last_used";

std::optional<core::WallTime> time_of(const store::Row& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return core::wall_from_unix_ms(row.integer(column));
}

ApiTokenInfo info_of(const store::Row& row) {
  ApiTokenInfo info;
  info.id = row.string(0);
  info.name = row.string(1);
  info.user = row.string(2);
  if (!row.is_null(3)) info.role = static_cast<Role>(row.integer(3));
  info.selector = row.string(4);
  info.created_at = core::wall_from_unix_ms(row.integer(5));
  info.expires_at = time_of(row, 6);
  info.last_used = time_of(row, 7);
  return info;
}

core::Result<std::optional<ApiTokenInfo>> find(store::Connection& connection,
                                               const std::string& id) {
  return connection.first(
      "SELECT " + std::string(kColumns) + " FROM access_api_tokens t WHERE t.id = ?", {id},
      info_of);
}

core::Status check(const NewApiToken& wanted) {
  if (wanted.name.empty() || wanted.name.size() > 100 || !core::is_utf8(wanted.name)) {
    return core::fail(Code::kInvalid, "an API token needs a name of 1 to 100 bytes");
  }
  if (wanted.selector.size() > kSelectorBytesMax || !core::is_utf8(wanted.selector)) {
    return core::fail(Code::kInvalid, "the selector is too long or not UTF-8");
  }
  if (wanted.lasts &&
      (*wanted.lasts < std::chrono::seconds(1) || *wanted.lasts > ApiTokens::kLastsMax)) {
    return core::fail(Code::kInvalid, "an API token lasts between 1 second and 10 years");
  }
  return {};
}

// A token made by means of a token has no more rights and no longer life than that one.
core::Result<std::optional<core::WallTime>> longest_life(store::Connection& connection,
                                                         const Principal& by) {
  if (!by.via.starts_with(kVia)) return std::nullopt;
  MUSTER_ASSIGN(const auto own, find(connection, by.via.substr(kVia.size())));
  if (!own) return core::fail(Code::kUnauthorized, "unknown or expired API token");
  if (own->role || !own->selector.empty()) {
    return core::fail(Code::kDenied,
                      "this API token is narrowed, so it cannot make others; log in instead");
  }
  return own->expires_at;
}

core::Result<ApiTokenMade> create_in(store::Connection& connection, const Principal& by,
                                     const NewApiToken& wanted, core::WallTime now) {
  MUSTER_TRY(check(wanted));
  if (wanted.role && *wanted.role > by.role) {
    return core::fail(Code::kDenied, "you are " + std::string(name(by.role)) +
                                         "; your token cannot be " +
                                         std::string(name(*wanted.role)));
  }
  MUSTER_ASSIGN(auto expires, longest_life(connection, by));
  if (wanted.lasts) {
    const auto asked = now + std::chrono::duration_cast<std::chrono::milliseconds>(*wanted.lasts);
    expires = expires ? std::min(*expires, asked) : asked;
  }
  MUSTER_ASSIGN(
      const auto count,
      connection.integer("SELECT count(*) FROM access_api_tokens WHERE user_name = ?", {by.name}));
  if (count >= static_cast<std::int64_t>(ApiTokens::kPerUserMax)) {
    return core::fail(Code::kLimit,
                      "you have " + std::to_string(count) + " API tokens; remove some first");
  }
  const auto secret = detail::SecretText::make();
  ApiTokenMade made{
      {secret.id, wanted.name, by.name, wanted.role, wanted.selector, now, expires, std::nullopt},
      secret.str(kPrefix)};
  std::optional<std::int64_t> role, expires_ms;
  if (wanted.role) role = static_cast<int>(*wanted.role);
  if (expires) expires_ms = core::unix_ms(*expires);
  MUSTER_TRY(connection.execute(
      "INSERT INTO access_api_tokens(id, secret_hash, name, user_name, role, selector, created_at, "
      "expires_at) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
      {secret.id, store::Blob{secret.hash()}, wanted.name, by.name, role, wanted.selector,
       core::unix_ms(now), expires_ms}));
  MUSTER_TRY(Audit::append(
      connection, now, by, "api_token.create", secret.id,
      audit_detail({{"name", wanted.name},
                    {"role", wanted.role ? name(*wanted.role) : "as the user"},
                    {"selector", wanted.selector},
                    {"expires_at", expires ? core::to_rfc3339(*expires) : "never"}})));
  return made;
}

struct Found {
  ApiTokenInfo info;
  std::string hash;
  Role user_role = Role::kViewer;
  std::string user_selector;
};

}  // namespace

ApiTokens::ApiTokens(store::Database& database, Clock clock)
    : database_(database), clock_(std::move(clock)) {}

runtime::Task<core::Result<ApiTokenMade>> ApiTokens::create(Principal by, NewApiToken wanted) {
  co_return co_await database_.write([by = std::move(by), wanted = std::move(wanted),
                                      now = clock_()](store::Connection& connection) {
    return create_in(connection, by, wanted, now);
  });
}

core::Result<ApiTokenMade> ApiTokens::create_for(std::string user, NewApiToken wanted) {
  return database_.write_blocking([&, now = clock_()](
                                      store::Connection& connection) -> core::Result<ApiTokenMade> {
    MUSTER_ASSIGN(const auto role,
                  connection.integer("SELECT role FROM access_users WHERE name = ?", {user}, -1));
    if (role < 0) return core::fail(Code::kNotFound, "no user " + core::printable(user, 64));
    return create_in(connection, {user, static_cast<Role>(role), {}, "system"}, wanted, now);
  });
}

runtime::Task<core::Result<std::vector<ApiTokenInfo>>> ApiTokens::list(Principal by) {
  const bool all = require(by, Right::kManageUsers).has_value();
  co_return co_await database_.read([all, name = by.name](store::Connection& connection)
                                        -> core::Result<std::vector<ApiTokenInfo>> {
    std::vector<ApiTokenInfo> found;
    MUSTER_TRY(connection.query(
        "SELECT " + std::string(kColumns) +
            " FROM access_api_tokens t WHERE t.user_name = ? OR ? = 1 ORDER BY t.created_at DESC, "
            "t.id",
        {name, all ? 1 : 0}, [&](const store::Row& row) { found.push_back(info_of(row)); }));
    return found;
  });
}

runtime::Task<core::Status> ApiTokens::remove(Principal by, std::string id) {
  co_return co_await database_.write([by = std::move(by), id = std::move(id), now = clock_()](
                                         store::Connection& connection) -> core::Status {
    MUSTER_ASSIGN(const auto found, find(connection, id));
    const bool theirs =
        found && (found->user == by.name || require(by, Right::kManageUsers).has_value());
    if (!theirs) return core::fail(Code::kNotFound, "no API token " + core::printable(id, 64));
    MUSTER_TRY(connection.execute("DELETE FROM access_api_tokens WHERE id = ?", {id}));
    MUSTER_TRY(Audit::append(connection, now, by, "api_token.remove", id,
                             audit_detail({{"user", found->user}, {"name", found->name}})));
    return {};
  });
}

runtime::Task<core::Result<Principal>> ApiTokens::authenticate(std::string token, bool urgent) {
  const auto refused = [] {
    return core::fail(Code::kUnauthorized, "unknown or expired API token");
  };
  const auto secret = detail::SecretText::parse(kPrefix, token);
  if (!secret) co_return refused();
  const auto find = [id = secret->id](store::Connection& connection) {
    return connection.first("SELECT " + std::string(kColumns) +
                                ", t.secret_hash, u.role, u.selector FROM access_api_tokens t "
                                "JOIN access_users u ON u.name = t.user_name WHERE t.id = ?",
                            {id}, [](const store::Row& row) {
                              return Found{info_of(row), row.bytes(8),
                                           static_cast<Role>(row.integer(9)), row.string(10)};
                            });
  };
  auto read = urgent ? co_await database_.read_first(find) : co_await database_.read(find);
  if (!read) co_return core::fail(std::move(read.error()));
  const auto& found = *read;
  const auto now = clock_();
  if (!found || !secret->matches(found->hash) ||
      (found->info.expires_at && now >= *found->info.expires_at)) {
    co_return refused();
  }
  if (!urgent && (!found->info.last_used || now >= *found->info.last_used + kUsedEvery)) {
    // A full disk must not lock people out: that it was used is only a note.
    [[maybe_unused]] const auto noted =
        co_await database_.write([id = secret->id, now](store::Connection& connection) {
          return connection.execute("UPDATE access_api_tokens SET last_used = ? WHERE id = ?",
                                    {core::unix_ms(now), id});
        });
  }
  Principal principal{found->info.user,
                      std::min(found->user_role, found->info.role.value_or(Role::kAdmin)),
                      {},
                      std::string(kVia) + secret->id};
  for (const auto& selector : {found->user_selector, found->info.selector}) {
    if (!selector.empty()) principal.selectors.push_back(selector);
  }
  co_return principal;
}

}  // namespace muster::access
