// SPDX-License-Identifier: Apache-2.0
#include "access/detail/secret_text.h"

#include "core/bytes.h"
#include "core/clock.h"

namespace muster::access::detail {
namespace {
constexpr std::size_t kIdBytes = 10;
constexpr std::size_t kSecretBytes = 20;
}  // namespace

SecretText SecretText::make() {
  return {core::to_base32(core::random_bytes(kIdBytes)), core::random_bytes(kSecretBytes)};
}

core::Result<SecretText> SecretText::parse(std::string_view prefix, std::string_view text) {
  const auto wrong = [] { return core::fail(core::Code::kUnauthorized, "malformed credential"); };
  const std::size_t start = prefix.size() + 1;
  if (text.size() > 128 || text.size() <= start || !text.starts_with(prefix) ||
      text[prefix.size()] != '.') {
    return wrong();
  }
  text.remove_prefix(start);
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return wrong();
  const auto id = core::from_base32(text.substr(0, dot));
  auto secret = core::from_base32(text.substr(dot + 1));
  if (!id || !secret || id->size() != kIdBytes || secret->size() != kSecretBytes) return wrong();
  return SecretText{core::to_base32(*id), std::move(*secret)};
}

std::string SecretText::str(std::string_view prefix) const {
  return std::string(prefix) + "." + id + "." + core::to_base32(secret);
}

std::string SecretText::hash() const {
  return core::sha256(secret);
}

bool SecretText::matches(std::string_view stored_hash) const {
  return core::equal_in_constant_time(hash(), stored_hash);
}

}  // namespace muster::access::detail
