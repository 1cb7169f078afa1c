// SPDX-License-Identifier: Apache-2.0
#include "access/users.h"

#include "access/audit.h"
#include "access/detail/password.h"
#include "core/bytes.h"

namespace muster::access {
namespace {

using core::Code;

core::Status check_new_password(std::string_view password) {
  if (password.size() < Users::kPasswordBytesMin || password.size() > Users::kPasswordBytesMax) {
    return core::fail(Code::kInvalid, "a password has between 8 and 1024 bytes");
  }
  return {};
}

core::Status check_selector(std::string_view selector) {
  if (selector.size() > kSelectorBytesMax || !core::is_utf8(selector)) {
    return core::fail(Code::kInvalid, "the selector is too long or not UTF-8");
  }
  return {};
}

User user_of(const store::Row& row) {
  User user;
  user.name = row.string(0);
  user.role = static_cast<Role>(row.integer(1));
  user.selector = row.string(2);
  user.created_at = core::wall_from_unix_ms(row.integer(3));
  if (!row.is_null(4)) user.last_login = core::wall_from_unix_ms(row.integer(4));
  return user;
}

core::Result<User> find(store::Connection& connection, const std::string& name) {
  MUSTER_ASSIGN(auto found, connection.first("SELECT name, role, selector, created_at, last_login "
                                             "FROM access_users WHERE name = ?",
                                             {name}, user_of));
  if (!found) return core::fail(Code::kNotFound, "no user " + core::printable(name, 64));
  return std::move(*found);
}

core::Status insert(store::Connection& connection, const NewUser& wanted, const std::string& hash,
                    core::WallTime now) {
  MUSTER_ASSIGN(const auto count, connection.integer("SELECT count(*) FROM access_users"));
  if (count >= static_cast<std::int64_t>(Users::kUsersMax)) {
    return core::fail(Code::kLimit, "there are " + std::to_string(count) + " users already");
  }
  auto added = connection.execute(
      "INSERT INTO access_users(name, role, selector, password, created_at) VALUES(?, ?, ?, ?, ?)",
      {wanted.name, static_cast<int>(wanted.role), wanted.selector, hash, core::unix_ms(now)});
  if (!added && added.error().code == Code::kExists) {
    return core::fail(Code::kExists, "there is a user " + wanted.name + " already");
  }
  MUSTER_TRY(added);
  return {};
}

core::Status require_an_admin(store::Connection& connection) {
  MUSTER_ASSIGN(
      const auto admins,
      connection.integer("SELECT count(*) FROM access_users WHERE role = ? AND selector = ''",
                         {static_cast<int>(Role::kAdmin)}));
  if (admins > 0) return {};
  return core::fail(Code::kConflict, "this is the last admin for all hosts; make another first");
}

core::Status change(store::Connection& connection, const std::string& name,
                    const UserChange& wanted, const std::string& hash) {
  if (wanted.role) {
    MUSTER_TRY(connection.execute("UPDATE access_users SET role = ? WHERE name = ?",
                                  {static_cast<int>(*wanted.role), name}));
  }
  if (wanted.selector) {
    MUSTER_TRY(connection.execute("UPDATE access_users SET selector = ? WHERE name = ?",
                                  {*wanted.selector, name}));
  }
  if (!hash.empty()) {
    MUSTER_TRY(
        connection.execute("UPDATE access_users SET password = ? WHERE name = ?", {hash, name}));
    MUSTER_TRY(connection.execute("DELETE FROM access_sessions WHERE user_name = ?", {name}));
  }
  return require_an_admin(connection);
}

}  // namespace

Users::Users(store::Database& database, runtime::WorkerPool& workers, Clock clock)
    : database_(database),
      workers_(workers),
      clock_(std::move(clock)),
      no_such_user_hash_(
          detail::hash_password(core::to_base32(core::random_bytes(16))).value_or("")) {}

core::Result<std::optional<FirstAdmin>> Users::make_first_admin() {
  using Made = std::optional<FirstAdmin>;
  MUSTER_ASSIGN(const auto count, database_.read_blocking([](store::Connection& connection) {
    return connection.integer("SELECT count(*) FROM access_users");
  }));
  if (count > 0) return Made();
  FirstAdmin admin{"admin", core::to_base32(core::random_bytes(12))};
  MUSTER_ASSIGN(const auto hash, detail::hash_password(admin.password));
  MUSTER_TRY(
      database_.write_blocking([&, now = clock_()](store::Connection& connection) -> core::Status {
        MUSTER_TRY(insert(connection, {admin.name, "", Role::kAdmin, ""}, hash, now));
        MUSTER_TRY(Audit::append(connection, now, Principal::system(), "user.create", admin.name,
                                 audit_detail({{"role", "admin"}})));
        return {};
      }));
  return Made(std::move(admin));
}

runtime::Task<core::Result<std::string>> Users::hash(std::string password) {
  co_return co_await workers_.run([password = std::move(password)]() mutable {
    auto hashed = detail::hash_password(password);
    detail::wipe(password);
    return hashed;
  });
}

// Success, or why the password may not or does not count. A failure is counted before
// the answer is known: guesses that run side by side count too.
runtime::Task<core::Status> Users::check_password(std::string name, std::string password,
                                                  std::string address) {
  const auto now = clock_();
  MUSTER_CO_TRY(limit_.check(name, address, now));
  if (password.size() > kPasswordBytesMax) password.clear();
  if (checking_ >= kChecksMax) {
    co_return core::fail(Code::kUnavailable, "too many logins at once; try again in a second");
  }
  limit_.failed(name, address, now);
  auto stored = co_await database_.read([name](store::Connection& connection) {
    return connection.first("SELECT password FROM access_users WHERE name = ?", {name},
                            [](const store::Row& row) { return row.string(0); });
  });
  if (!stored) co_return core::fail(std::move(stored.error()));
  ++checking_;
  const bool right = co_await workers_.run(
      [password = std::move(password), hash = stored->value_or(no_such_user_hash_)]() mutable {
        const bool same = detail::verify_password(hash, password);
        detail::wipe(password);
        return same;
      });
  --checking_;
  if (right && *stored) {
    limit_.succeeded(name, address);
    co_return core::Status();
  }
  MUSTER_CO_TRY(
      co_await database_.write([name, address, now](store::Connection& connection) -> core::Status {
        MUSTER_TRY(Audit::append(connection, now,
                                 AuditRecord{"anonymous " + address, "login.refuse", name}));
        return {};
      }));
  co_return core::fail(Code::kUnauthorized, "wrong user name or password");
}

runtime::Task<core::Result<User>> Users::login(std::string name, std::string password,
                                               std::string address) {
  // What cannot be a user's name is not worth a row of ours.
  if (!is_valid_user_name(name)) name = "(malformed)";
  MUSTER_CO_TRY(co_await check_password(name, std::move(password), address));
  co_return co_await database_.write([name, address, now = clock_()](
                                         store::Connection& connection) -> core::Result<User> {
    MUSTER_TRY(connection.execute("UPDATE access_users SET last_login = ? WHERE name = ?",
                                  {core::unix_ms(now), name}));
    MUSTER_TRY(Audit::append(
        connection, now, AuditRecord{name, "login", name, audit_detail({{"address", address}})}));
    return find(connection, name);
  });
}

runtime::Task<core::Result<std::vector<User>>> Users::list(Principal by) {
  MUSTER_CO_TRY(require(by, Right::kManageUsers));
  co_return co_await database_.read(
      [](store::Connection& connection) -> core::Result<std::vector<User>> {
        std::vector<User> found;
        MUSTER_TRY(connection.query(
            "SELECT name, role, selector, created_at, last_login FROM access_users ORDER BY name",
            {}, [&](const store::Row& row) { found.push_back(user_of(row)); }));
        return found;
      });
}

runtime::Task<core::Result<User>> Users::get(std::string name) {
  co_return co_await database_.read(
      [name = std::move(name)](store::Connection& connection) { return find(connection, name); });
}

runtime::Task<core::Result<User>> Users::create(Principal by, NewUser wanted) {
  MUSTER_CO_TRY(require(by, Right::kManageUsers));
  if (!is_valid_user_name(wanted.name)) {
    co_return core::fail(Code::kInvalid, "not a user name: '" + core::printable(wanted.name, 64) +
                                             "' (1 to 64 of a-z A-Z 0-9 . _ - @)");
  }
  MUSTER_CO_TRY(check_new_password(wanted.password));
  MUSTER_CO_TRY(check_selector(wanted.selector));
  MUSTER_CO_ASSIGN(auto hashed, co_await hash(std::move(wanted.password)));
  co_return co_await database_.write(
      [by = std::move(by), wanted = std::move(wanted), hashed = std::move(hashed),
       now = clock_()](store::Connection& connection) -> core::Result<User> {
        MUSTER_TRY(insert(connection, wanted, hashed, now));
        MUSTER_TRY(Audit::append(
            connection, now, by, "user.create", wanted.name,
            audit_detail({{"role", name(wanted.role)}, {"selector", wanted.selector}})));
        return find(connection, wanted.name);
      });
}

runtime::Task<core::Result<User>> Users::update(Principal by, std::string name, UserChange wanted) {
  MUSTER_CO_TRY(require(by, Right::kManageUsers));
  MUSTER_CO_TRY(check_selector(wanted.selector.value_or("")));
  std::string hashed;
  if (wanted.password) {
    MUSTER_CO_TRY(check_new_password(*wanted.password));
    MUSTER_CO_ASSIGN(hashed, co_await hash(std::move(*wanted.password)));
  }
  co_return co_await database_.write(
      [by = std::move(by), name = std::move(name), wanted = std::move(wanted),
       hashed = std::move(hashed),
       now = clock_()](store::Connection& connection) -> core::Result<User> {
        MUSTER_TRY(find(connection, name));
        MUSTER_TRY(change(connection, name, wanted, hashed));
        MUSTER_TRY(Audit::append(
            connection, now, by, "user.change", name,
            audit_detail({{"role", wanted.role ? access::name(*wanted.role) : "unchanged"},
                          {"selector", wanted.selector ? *wanted.selector : "unchanged"},
                          {"password", hashed.empty() ? "unchanged" : "changed"}})));
        return find(connection, name);
      });
}

runtime::Task<core::Status> Users::remove(Principal by, std::string name) {
  MUSTER_CO_TRY(require(by, Right::kManageUsers));
  co_return co_await database_.write([by = std::move(by), name = std::move(name), now = clock_()](
                                         store::Connection& connection) -> core::Status {
    MUSTER_TRY(find(connection, name));
    MUSTER_TRY(connection.execute("DELETE FROM access_users WHERE name = ?", {name}));
    MUSTER_TRY(require_an_admin(connection));
    MUSTER_TRY(Audit::append(connection, now, by, "user.remove", name));
    return {};
  });
}

runtime::Task<core::Status> Users::change_password(Principal by, std::string old_password,
                                                   std::string new_password, std::string address,
                                                   std::string keep_session) {
  MUSTER_CO_TRY(check_new_password(new_password));
  MUSTER_CO_TRY(co_await check_password(by.name, std::move(old_password), std::move(address)));
  MUSTER_CO_ASSIGN(auto hashed, co_await hash(std::move(new_password)));
  co_return co_await database_.write(
      [by = std::move(by), hashed = std::move(hashed), keep = std::move(keep_session),
       now = clock_()](store::Connection& connection) -> core::Status {
        MUSTER_TRY(connection.execute("UPDATE access_users SET password = ? WHERE name = ?",
                                      {hashed, by.name}));
        MUSTER_TRY(connection.execute("DELETE FROM access_sessions WHERE user_name = ? AND id <> ?",
                                      {by.name, keep}));
        MUSTER_TRY(Audit::append(connection, now, by, "user.password", by.name));
        return {};
      });
}

}  // namespace muster::access
