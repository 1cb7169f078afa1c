// SPDX-License-Identifier: Apache-2.0
//
// Users and their passwords (argon2id by libsodium, hashed on the worker pool).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "access/login_limit.h"
#include "access/types.h"
#include "runtime/worker_pool.h"
#include "store/database.h"

namespace muster::access {

struct User {
  std::string name;
  Role role = Role::kViewer;
  std::string selector;  ///< Empty: all hosts.
  core::WallTime created_at;
  std::optional<core::WallTime> last_login;
};

struct NewUser {
  std::string name;
  std::string password;
  Role role = Role::kViewer;
  std::string selector;
};

/// What is set is changed.
struct UserChange {
  std::optional<std::string> password;
  std::optional<Role> role;
  std::optional<std::string> selector;
};

/// The first administrator, made at the first start. The password is shown once.
struct FirstAdmin {
  std::string name;
  std::string password;
};

class Users {
 public:
  static constexpr std::size_t kPasswordBytesMin = 8;
  static constexpr std::size_t kPasswordBytesMax = 1024;
  static constexpr std::size_t kChecksMax = 32;  ///< Passwords being checked; then kUnavailable.
  static constexpr std::size_t kUsersMax = 10'000;

  Users(store::Database& database, runtime::WorkerPool& workers, Clock clock);

  /// Makes the user "admin" if there is no user at all. Blocking; for start-up.
  core::Result<std::optional<FirstAdmin>> make_first_admin();

  /// The user, if the password is right. kUnauthorized "wrong user name or password" for both,
  /// after the same time; kLimit after too many failures. Both are audited.
  runtime::Task<core::Result<User>> login(std::string name, std::string password,
                                          std::string address);

  runtime::Task<core::Result<std::vector<User>>> list(Principal by);
  runtime::Task<core::Result<User>> get(std::string name);
  /// These three need kManageUsers. kConflict where no admin without a selector would be left.
  runtime::Task<core::Result<User>> create(Principal by, NewUser wanted);
  runtime::Task<core::Result<User>> update(Principal by, std::string name, UserChange change);
  runtime::Task<core::Status> remove(Principal by, std::string name);

  /// A user's own password. Ends the user's other sessions: keep_session stays (may be empty).
  runtime::Task<core::Status> change_password(Principal by, std::string old_password,
                                              std::string new_password, std::string address,
                                              std::string keep_session = {});

 private:
  runtime::Task<core::Result<std::string>> hash(std::string password);
  runtime::Task<core::Status> check_password(std::string name, std::string password,
                                             std::string address);
  store::Database& database_;
  runtime::WorkerPool& workers_;
  Clock clock_;
  LoginLimit limit_;
  std::size_t checking_ = 0;       // passwords on the worker pool now
  std::string no_such_user_hash_;  // verified against for unknown users, for equal time
};

}  // namespace muster::access
