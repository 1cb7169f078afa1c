// SPDX-License-Identifier: Apache-2.0
#include "manage/access.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/json.hpp>

#include "core/bytes.h"
#include "identity/certificate.h"
#include "manage/detail/owned_file.h"
#include "runtime/descriptor.h"
#include "runtime/file.h"

namespace muster::manage {
namespace {

namespace json = boost::json;
using core::Code;
using core::fail;

constexpr std::size_t kFileBytesMax = 1024 * 1024;
constexpr std::size_t kNameBytesMax = 64;
constexpr std::size_t kIdBytes = 5;
constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kTokenBytesMax = 200;

/// What changes with every version of the file that is written.
std::string version_of(const std::filesystem::path& file) {
  struct stat found{};
  if (::stat(file.c_str(), &found) != 0) return "none";
  return std::to_string(found.st_ino) + " " + std::to_string(found.st_mtim.tv_sec) + "." +
         std::to_string(found.st_mtim.tv_nsec) + " " + std::to_string(found.st_size);
}

std::string text_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

core::Result<Token> read_token(const json::value& value) {
  const auto* object = value.if_object();
  if (!object) return fail(Code::kCorrupt, "an entry is no object");
  Token token;
  token.id = text_of(*object, "id");
  token.name = text_of(*object, "name");
  MUSTER_ASSIGN(token.may, parse_permissions(text_of(*object, "may")));
  MUSTER_ASSIGN(token.hash, core::from_hex(text_of(*object, "hash")));
  const auto* created = object->if_contains("created_at_ms");
  if (created && created->is_int64())
    token.created_at = core::wall_from_unix_ms(created->as_int64());
  const auto* expires = object->if_contains("expires_at_ms");
  if (expires && !expires->is_int64()) return fail(Code::kCorrupt, "an expiry is no number");
  if (expires) token.expires_at = core::wall_from_unix_ms(expires->as_int64());
  if (token.id.empty() || token.hash.size() != kSecretBytes)
    return fail(Code::kCorrupt, "an entry is not whole");
  return token;
}

core::Result<std::vector<Token>> read_tokens(const std::filesystem::path& file) {
  const auto text = runtime::read_file(file, kFileBytesMax);
  if (!text && text.error().code == Code::kNotFound) return std::vector<Token>();
  if (!text) return fail(core::Error(text.error()));
  boost::system::error_code failed;
  const auto value = json::parse(*text, failed);
  const auto* object = failed ? nullptr : value.if_object();
  const auto* list = object ? object->if_contains("tokens") : nullptr;
  const auto damaged = [&](const std::string& why) {
    return fail(Code::kCorrupt, file.string() + " is damaged (" + why +
                                    "): nobody is let in by a token until it is put right or "
                                    "removed");
  };
  if (!list || !list->is_array()) return damaged("it holds no list of tokens");
  std::vector<Token> tokens;
  for (const auto& each : list->as_array()) {
    auto token = read_token(each);
    if (!token) return damaged(token.error().message);
    tokens.push_back(std::move(*token));
  }
  return tokens;
}

/// Held while the file is read, changed and written, against another command that does the same.
core::Result<runtime::Descriptor> lock(const std::filesystem::path& file) {
  // The folder itself: a file of its own would have an owner of its own.
  const std::string path = file.parent_path().string();
  runtime::Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor) return core::fail_errno(errno, "opening " + path);
  if (::flock(descriptor.get(), LOCK_EX) != 0) return core::fail_errno(errno, "locking " + path);
  return descriptor;
}

}  // namespace

core::Status Tokens::refresh() {
  const std::string version = version_of(file_);
  if (version == seen_) return {};
  tokens_.clear();
  seen_.clear();
  MUSTER_ASSIGN(tokens_, read_tokens(file_));
  seen_ = version;
  return {};
}

core::Status Tokens::save() {
  json::array list;
  for (const Token& token : tokens_) {
    json::object object{{"id", token.id},
                        {"name", token.name},
                        {"may", text(token.may)},
                        {"hash", core::to_hex(token.hash)},
                        {"created_at_ms", core::unix_ms(token.created_at)}};
    if (token.expires_at) object["expires_at_ms"] = core::unix_ms(*token.expires_at);
    list.push_back(std::move(object));
  }
  seen_.clear();
  return detail::write_owned_file(
      file_, json::serialize(json::object{{"tokens", std::move(list)}}) + "\n");
}

core::Result<std::string> Tokens::create(std::string name, Permissions may,
                                         std::optional<core::Duration> lasts, core::WallTime now) {
  if (name.empty() || name.size() > kNameBytesMax || core::printable(name) != name)
    return fail(Code::kInvalid, "a token's name has 1 to 64 printable bytes");
  // Made here where it is missing, so that a token may be made before the first start.
  if (!std::filesystem::exists(file_)) MUSTER_TRY(save());
  MUSTER_ASSIGN(const auto held, lock(file_));
  MUSTER_TRY(refresh());
  if (tokens_.size() >= kTokensMax)
    return fail(Code::kLimit, "there are " + std::to_string(kTokensMax) +
                                  " tokens: remove some that are not used");
  Token token;
  token.id = core::to_base32(core::random_bytes(kIdBytes));
  token.name = std::move(name);
  token.may = std::move(may);
  token.created_at = now;
  if (lasts) token.expires_at = now + std::chrono::duration_cast<std::chrono::milliseconds>(*lasts);
  const std::string secret = core::to_base32(core::random_bytes(kSecretBytes));
  token.hash = core::sha256(secret);
  const std::string shown = std::string(kTokenKind) + token.id + "." + secret;
  tokens_.push_back(std::move(token));
  MUSTER_TRY(save());
  return shown;
}

core::Result<std::vector<Token>> Tokens::list() {
  MUSTER_TRY(refresh());
  return tokens_;
}

core::Status Tokens::remove(std::string_view which) {
  MUSTER_TRY(refresh());
  if (tokens_.empty()) return fail(Code::kNotFound, "this host has no tokens");
  MUSTER_ASSIGN(const auto held, lock(file_));
  MUSTER_TRY(refresh());
  const auto named = std::ranges::count(tokens_, which, &Token::name);
  const auto gone = std::erase_if(tokens_, [&](const Token& token) {
    return token.id == which || (named == 1 && token.name == which);
  });
  if (gone == 0)
    return fail(Code::kNotFound,
                named > 1 ? "several tokens have that name: say the id, as the list shows it"
                          : "there is no token '" + core::printable(which, 64) + "'");
  return save();
}

core::Result<Caller> Tokens::check(std::string_view token, core::WallTime now) {
  MUSTER_TRY(refresh());
  const auto unknown = fail(Code::kUnauthorized, "unknown or expired API token of this host");
  if (!token.starts_with(kTokenKind) || token.size() > kTokenBytesMax) return unknown;
  token.remove_prefix(kTokenKind.size());
  const auto dot = token.find('.');
  if (dot == std::string_view::npos) return unknown;
  const std::string hash = core::sha256(token.substr(dot + 1));
  for (const Token& each : tokens_) {
    if (each.id != token.substr(0, dot)) continue;
    if (!core::equal_in_constant_time(each.hash, hash)) return unknown;
    if (each.expires_at && *each.expires_at <= now) return unknown;
    return Caller{"token:" + each.id + " (" + each.name + ")", each.may};
  }
  return unknown;
}

core::Result<Rule> Rule::parse(std::string_view text) {
  const auto equals = text.rfind('=');
  const auto colon = text.find(':');
  if (equals == std::string_view::npos || colon == std::string_view::npos || colon > equals)
    return fail(Code::kInvalid,
                "'" + core::printable(text, 200) +
                    "' is no rule; it looks like server:main=view,read or sha256:<64 digits>=view");
  Rule rule;
  rule.who = text.substr(0, equals);
  MUSTER_ASSIGN(rule.may, parse_permissions(text.substr(equals + 1)));
  const std::string_view kind = text.substr(0, colon);
  if (kind == "sha256") {
    const auto digest = core::from_hex(text.substr(colon + 1, equals - colon - 1));
    if (!digest || digest->size() != 32)
      return fail(Code::kInvalid, "sha256: is followed by a fingerprint of 64 hexadecimal digits");
    rule.who = "sha256:" + core::to_hex(*digest);
    return rule;
  }
  MUSTER_TRY(identity::parse_role(kind));
  return rule;
}

core::Result<Caller> certificate_caller(std::string_view der, const std::vector<Rule>& rules) {
  MUSTER_ASSIGN(const auto certificate, identity::Certificate::from_der(der));
  std::vector<std::string> names{"sha256:" + core::to_hex(certificate.fingerprint())};
  if (const auto peer = identity::peer_identity(certificate))
    names.push_back(std::string(identity::name(peer->role)) + ":" + peer->name);
  for (const Rule& rule : rules)
    if (std::ranges::find(names, rule.who) != names.end())
      return Caller{"certificate:" + rule.who, rule.may};
  return fail(Code::kUnauthorized, "no rule (--allow) names the certificate " + names.back());
}

}  // namespace muster::manage
