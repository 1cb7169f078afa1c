// SPDX-License-Identifier: Apache-2.0
#include "core/ids.h"

#include <algorithm>

#include "core/bytes.h"

namespace muster::core {

EndpointId EndpointId::of_public_key(std::string_view spki_der) {
  EndpointId id;
  std::memcpy(id.bytes_.data(), sha256(spki_der).data(), kBytes);
  return id;
}

Result<EndpointId> EndpointId::from_bytes(std::string_view bytes) {
  if (bytes.size() != kBytes) return fail(Code::kInvalid, "an endpoint id has 16 bytes");
  EndpointId id;
  std::memcpy(id.bytes_.data(), bytes.data(), kBytes);
  return id;
}

Result<EndpointId> EndpointId::parse(std::string_view text) {
  auto bytes = from_base32(text);
  if (text.size() != 26 || !bytes || bytes->size() != kBytes)
    return fail(Code::kInvalid, "not an endpoint id: '" + printable(text, 64) +
                                    "' (26 characters of base 32 are expected)");
  return from_bytes(*bytes);
}

std::string EndpointId::str() const {
  return to_base32(bytes());
}

RunId RunId::make(std::int64_t unix_ms, std::uint64_t random) {
  constexpr std::int64_t kFewerIdsFrom = 2'082'758'400'000;  // 2036-01-01
  constexpr int kRandomBits = 22, kRandomBitsLater = 16;
  constexpr std::uint64_t kValueMax = INT64_MAX;
  constexpr std::uint64_t kBase = static_cast<std::uint64_t>(kFewerIdsFrom) << kRandomBits;
  const auto spelt = [random](std::int64_t ms, int bits) {
    return static_cast<std::uint64_t>(ms) << bits | (random & ((1ULL << bits) - 1));
  };
  if (unix_ms < kFewerIdsFrom) return RunId{spelt(std::max<std::int64_t>(unix_ms, 0), kRandomBits)};
  constexpr std::int64_t kLast = (kValueMax - kBase) >> kRandomBitsLater;
  return RunId{kBase + spelt(std::min(unix_ms - kFewerIdsFrom, kLast), kRandomBitsLater)};
}

Result<RunId> RunId::parse(std::string_view text) {
  // 13 characters hold 65 bits: one zero bit stands behind the value.
  auto bytes = from_base32(text);
  if (text.size() != 13 || !bytes || bytes->size() != 8)
    return fail(Code::kInvalid, "not a run id: '" + printable(text, 64) +
                                    "' (13 characters of base 32 are expected)");
  std::uint64_t value = 0;
  for (const unsigned char byte : *bytes) value = value << 8 | byte;
  if (value >> 63 != 0 || value == 0)
    return fail(Code::kInvalid, "not a run id: '" + printable(text, 64) + "'");
  return RunId{value};
}

std::string RunId::str() const {
  std::string bytes(8, '\0');
  for (int i = 0; i < 8; ++i)
    bytes[static_cast<std::size_t>(i)] = static_cast<char>(value_ >> (56 - 8 * i));
  return to_base32(bytes);
}

ContentId ContentId::of(std::string_view content) {
  ContentId id;
  std::memcpy(id.bytes_.data(), sha256(content).data(), kBytes);
  return id;
}

Result<ContentId> ContentId::from_bytes(std::string_view bytes) {
  if (bytes.size() != kBytes) return fail(Code::kInvalid, "a content id has 32 bytes");
  ContentId id;
  std::memcpy(id.bytes_.data(), bytes.data(), kBytes);
  return id;
}

Result<ContentId> ContentId::parse(std::string_view text) {
  auto bytes = from_hex(text);
  if (text.size() != 2 * kBytes || !bytes || to_hex(*bytes) != text)
    return fail(Code::kInvalid, "not a content id: '" + printable(text, 80) +
                                    "' (64 lower-case hexadecimal characters are expected)");
  return from_bytes(*bytes);
}

std::string ContentId::str() const {
  return to_hex(bytes());
}

}  // namespace muster::core
