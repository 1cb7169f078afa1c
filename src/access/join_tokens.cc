// SPDX-License-Identifier: Apache-2.0
#include "access/join_tokens.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "access/audit.h"
#include "core/bytes.h"

namespace muster::access {
namespace {

using core::Code;

constexpr std::string_view kColumns =
    "id, uses_left, created_at, expires_at, created_by, labels, role";

std::string to_json(const Labels& labels) {
  boost::json::object object;
  for (const auto& [key, value] : labels) object[key] = value;
  return boost::json::serialize(object);
}

Labels labels_of(std::string_view json) {
  Labels labels;
  boost::system::error_code failed;
  const auto value = boost::json::parse(boost::json::string_view(json.data(), json.size()), failed);
  if (failed || !value.is_object()) return labels;
  for (const auto& member : value.get_object()) {
    if (member.value().is_string()) {
      labels.emplace(std::string(member.key()), std::string(member.value().get_string()));
    }
  }
  return labels;
}

JoinTokenInfo info_of(const store::Row& row) {
  JoinTokenInfo info;
  info.id = row.string(0);
  info.uses_left = row.maybe_integer(1);
  info.created_at = core::wall_from_unix_ms(row.integer(2));
  info.expires_at = core::wall_from_unix_ms(row.integer(3));
  info.created_by = row.string(4);
  info.labels = labels_of(row.text(5));
  info.role = row.integer(6) == static_cast<int>(identity::Role::kGateway)
                  ? identity::Role::kGateway
                  : identity::Role::kEndpoint;
  return info;
}

core::Status check(const NewJoinToken& wanted) {
  if (wanted.uses && (*wanted.uses < 1 || *wanted.uses > JoinTokens::kUsesMax)) {
    return core::fail(Code::kInvalid, "uses must be between 1 and " +
                                          std::to_string(JoinTokens::kUsesMax) +
                                          " (or left out for no limit)");
  }
  if (wanted.lasts < std::chrono::seconds(1) || wanted.lasts > JoinTokens::kLastsMax) {
    return core::fail(Code::kInvalid, "a join token lasts between 1 second and 366 days");
  }
  if (wanted.role != identity::Role::kEndpoint && wanted.role != identity::Role::kGateway) {
    return core::fail(Code::kInvalid, "a join token is for an endpoint or a gateway");
  }
  if (wanted.labels.size() > JoinTokens::kLabelsMax) {
    return core::fail(Code::kLimit,
                      "at most " + std::to_string(JoinTokens::kLabelsMax) + " labels");
  }
  for (const auto& [key, value] : wanted.labels) {
    if (key.empty() || key.size() > JoinTokens::kLabelBytesMax ||
        value.size() > JoinTokens::kLabelBytesMax || !core::is_utf8(key) || !core::is_utf8(value)) {
      return core::fail(Code::kInvalid, "not a label: " + core::printable(key, 64));
    }
  }
  return {};
}

}  // namespace

std::string_view name(TokenVerdict verdict) {
  switch (verdict) {
    case TokenVerdict::kGood:
      return "good";
    case TokenVerdict::kUnknown:
      return "unknown";
    case TokenVerdict::kWrongSecret:
      return "wrong_secret";
    case TokenVerdict::kUsedUp:
      return "used_up";
    case TokenVerdict::kExpired:
      return "expired";
  }
  return "unknown";
}

JoinTokens::JoinTokens(store::Database& database, std::string ca_fingerprint, Clock clock)
    : database_(database), ca_fingerprint_(std::move(ca_fingerprint)), clock_(std::move(clock)) {}

core::Result<JoinTokenMade> JoinTokens::create_in(store::Connection& connection,
                                                  const Principal& by,
                                                  const NewJoinToken& wanted) const {
  MUSTER_TRY(require(by, Right::kManageTokens));
  MUSTER_TRY(check(wanted));
  const auto now = clock_();
  // What nobody can use any more is kept for a month, for people who wonder.
  MUSTER_TRY(connection.execute("DELETE FROM access_join_tokens WHERE expires_at < ?",
                                {core::unix_ms(now - std::chrono::days(30))}));
  MUSTER_ASSIGN(const auto count, connection.integer("SELECT count(*) FROM access_join_tokens"));
  if (count >= static_cast<std::int64_t>(kTokensMax)) {
    return core::fail(Code::kLimit,
                      "there are " + std::to_string(count) + " join tokens; remove some first");
  }
  const auto token = identity::JoinToken::make(ca_fingerprint_);
  JoinTokenMade made{{token.id, wanted.uses, now,
                      now + std::chrono::duration_cast<std::chrono::milliseconds>(wanted.lasts),
                      by.name, wanted.labels, wanted.role},
                     token.str()};
  MUSTER_TRY(connection.execute(
      "INSERT INTO access_join_tokens(id, secret_hash, uses_left, role, labels, created_at, "
      "expires_at, created_by) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
      {token.id, store::Blob{core::sha256(token.secret)}, wanted.uses,
       static_cast<int>(wanted.role), to_json(wanted.labels), core::unix_ms(now),
       core::unix_ms(made.info.expires_at), by.name}));
  MUSTER_TRY(Audit::append(
      connection, now, by, "join_token.create", token.id,
      audit_detail({{"uses", wanted.uses ? std::to_string(*wanted.uses) : "unlimited"},
                    {"expires_at", core::to_rfc3339(made.info.expires_at)},
                    {"role", identity::name(wanted.role)},
                    {"labels", to_json(wanted.labels)}})));
  return made;
}

runtime::Task<core::Result<JoinTokenMade>> JoinTokens::create(Principal by, NewJoinToken wanted) {
  co_return co_await database_.write(
      [this, by = std::move(by), wanted = std::move(wanted)](store::Connection& connection) {
        return create_in(connection, by, wanted);
      });
}

runtime::Task<core::Result<std::vector<JoinTokenInfo>>> JoinTokens::list() {
  co_return co_await database_.read(
      [](store::Connection& connection) -> core::Result<std::vector<JoinTokenInfo>> {
        std::vector<JoinTokenInfo> found;
        MUSTER_TRY(connection.query("SELECT " + std::string(kColumns) +
                                        " FROM access_join_tokens ORDER BY created_at DESC, id",
                                    {},
                                    [&](const store::Row& row) { found.push_back(info_of(row)); }));
        return found;
      });
}

runtime::Task<core::Status> JoinTokens::remove(Principal by, std::string id) {
  MUSTER_CO_TRY(require(by, Right::kManageTokens));
  co_return co_await database_.write([by = std::move(by), id = std::move(id), now = clock_()](
                                         store::Connection& connection) -> core::Status {
    MUSTER_ASSIGN(const auto gone,
                  connection.execute("DELETE FROM access_join_tokens WHERE id = ?", {id}));
    if (gone == 0) {
      return core::fail(Code::kNotFound, "no join token " + core::printable(id, 64));
    }
    MUSTER_TRY(Audit::append(connection, now, by, "join_token.remove", id));
    return {};
  });
}

core::Result<JoinTokens::Taken> JoinTokens::take(store::Connection& connection,
                                                 const identity::JoinToken& token,
                                                 core::WallTime now) {
  Taken taken;
  std::string hash;
  MUSTER_TRY(connection.query(
      "SELECT " + std::string(kColumns) + ", secret_hash FROM access_join_tokens WHERE id = ?",
      {token.id}, [&](const store::Row& row) {
        taken.info = info_of(row);
        hash = row.bytes(7);
      }));
  if (hash.empty()) {
    taken.verdict = TokenVerdict::kUnknown;
  } else if (!core::equal_in_constant_time(core::sha256(token.secret), hash)) {
    taken.verdict = TokenVerdict::kWrongSecret;
  } else if (now >= taken.info.expires_at) {
    taken.verdict = TokenVerdict::kExpired;
  } else if (taken.info.uses_left && *taken.info.uses_left <= 0) {
    taken.verdict = TokenVerdict::kUsedUp;
  } else {
    taken.verdict = TokenVerdict::kGood;
    if (taken.info.uses_left) {
      --*taken.info.uses_left;
      MUSTER_TRY(connection.execute("UPDATE access_join_tokens SET uses_left = ? WHERE id = ?",
                                    {*taken.info.uses_left, token.id}));
    }
  }
  return taken;
}

}  // namespace muster::access
