// SPDX-License-Identifier: Apache-2.0
#include "identity/join_token.h"

#include <vector>

#include "core/bytes.h"
#include "core/clock.h"

namespace muster::identity {
namespace {

using core::Code;
constexpr std::string_view kPrefix = "mjt1";
constexpr std::size_t kFingerprintBytes = 32;

std::unexpected<core::Error> refuse(std::string reason) {
  return core::fail(Code::kInvalid, std::move(reason));
}

// The bytes of one part, which must be exactly `size`.
core::Result<std::string> part(std::string_view text, std::size_t size, std::string_view what) {
  auto bytes = core::from_base32(text);
  if (!bytes) return refuse("the join token's " + std::string(what) + " has a wrong character");
  if (bytes->size() != size) {
    return refuse("the join token's " + std::string(what) +
                  " has a wrong length; was it copied whole?");
  }
  return bytes;
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto dot = text.find('.');
    parts.push_back(text.substr(0, dot));
    if (dot == std::string_view::npos || parts.size() > 4) return parts;
    text.remove_prefix(dot + 1);
  }
}

core::Status check_prefix(std::string_view prefix) {
  if (prefix == kPrefix) return {};
  if (prefix == "mat1") {
    return refuse("this is an API token; a join token starts with mjt1 (muster token create)");
  }
  if (prefix.size() == 4 && prefix.starts_with("mjt") && prefix[3] >= '0' && prefix[3] <= '9') {
    return refuse("a join token of another version (" + core::printable(prefix, 16) +
                  "); this program knows mjt1");
  }
  return refuse("not a join token: it starts with mjt1 (muster token create makes one)");
}

}  // namespace

JoinToken JoinToken::make(std::string_view ca_fingerprint) {
  JoinToken token;
  token.id = core::to_base32(core::random_bytes(kIdBytes));
  token.secret = core::random_bytes(kSecretBytes);
  token.ca_fingerprint = ca_fingerprint;
  return token;
}

core::Result<JoinToken> JoinToken::parse(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return refuse("the join token is empty");
  text = text.substr(first, text.find_last_not_of(kSpace) - first + 1);
  if (text.size() > kTextBytesMax) return refuse("not a join token: it is too long");
  const auto parts = split(text);
  MUSTER_TRY(check_prefix(parts[0]));
  if (parts.size() < 3) return refuse("the join token is cut short; was it copied whole?");
  if (parts.size() > 4) return refuse("the join token has too many parts");
  JoinToken token;
  MUSTER_ASSIGN(const auto id, part(parts[1], kIdBytes, "id"));
  token.id = core::to_base32(id);
  MUSTER_ASSIGN(token.secret, part(parts[2], kSecretBytes, "secret"));
  if (parts.size() == 4) {
    MUSTER_ASSIGN(token.ca_fingerprint, part(parts[3], kFingerprintBytes, "fingerprint"));
  }
  return token;
}

std::string JoinToken::short_form() const {
  return std::string(kPrefix) + "." + id + "." + core::to_base32(secret);
}

std::string JoinToken::str() const {
  return ca_fingerprint.empty() ? short_form()
                                : short_form() + "." + core::to_base32(ca_fingerprint);
}

}  // namespace muster::identity
