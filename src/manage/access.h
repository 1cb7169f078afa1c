// SPDX-License-Identifier: Apache-2.0
//
// Who may use a host's management resource: API tokens in a file, and certificates by name.
// Nobody else: deny by default.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "manage/operation.h"

namespace muster::manage {

struct Caller {
  std::string name;  ///< for the audit log: "token:ops (5b…)", "certificate:server:main"
  Permissions may;
};

/// An API token of this host. The secret is shown once and kept hashed.
struct Token {
  std::string id;
  std::string name;
  Permissions may;
  core::WallTime created_at;
  std::optional<core::WallTime> expires_at;
  std::string hash;  ///< SHA-256 of the secret: 32 raw bytes
};

inline constexpr std::string_view kTokenKind = "mht1.";

/// tokens.json of the host's state folder. Each call reads the file where it has changed, so that
/// a removed token counts no more at once, whoever removed it. Blocking, but short.
class Tokens {
 public:
  static constexpr std::size_t kTokensMax = 1'000;

  explicit Tokens(std::filesystem::path file) : file_(std::move(file)) {}

  /// The token's text, to be shown once: mht1.<id>.<secret>.
  core::Result<std::string> create(std::string name, Permissions may,
                                   std::optional<core::Duration> lasts, core::WallTime now);
  core::Result<std::vector<Token>> list();
  /// By id, or by name where it is the only one. kNotFound.
  core::Status remove(std::string_view which);
  /// kUnauthorized, the same for every reason.
  core::Result<Caller> check(std::string_view token, core::WallTime now);

 private:
  core::Status refresh();
  core::Status save();

  const std::filesystem::path file_;
  std::string seen_;  ///< what told the file's last version from others
  std::vector<Token> tokens_;
};

/// One line "--allow WHO=view,read": WHO is role:name of a certificate of the region (server:main,
/// gateway:edge1, endpoint:<id>), or sha256:<fingerprint> of any that the listener trusts.
struct Rule {
  std::string who;
  Permissions may;

  static core::Result<Rule> parse(std::string_view text);
};

/// Who shows this certificate (DER), whose chain TLS has verified. kUnauthorized where no rule
/// names it.
core::Result<Caller> certificate_caller(std::string_view der, const std::vector<Rule>& rules);

}  // namespace muster::manage
