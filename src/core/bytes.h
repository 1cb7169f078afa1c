// SPDX-License-Identifier: Apache-2.0
//
// Bytes and their spellings. A std::string holds raw bytes throughout Muster
// (Protobuf and OpenSSL both speak it); text that people see is UTF-8.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"

namespace muster::core {

/// Lower-case hexadecimal, two characters a byte.
std::string to_hex(std::string_view bytes);
Result<std::string> from_hex(std::string_view text);

/// Crockford's base 32, lower case, no padding, most significant bit first: no
/// two characters that a person confuses, and safe in URLs, paths and shells.
std::string to_base32(std::string_view bytes);
/// Accepts upper case and Crockford's aliases (o=0, i=l=1). Fails on any other
/// character and on non-zero bits behind the last whole byte.
Result<std::string> from_base32(std::string_view text);

/// Standard base 64 with padding (RFC 4648, 4), for bytes inside JSON.
std::string to_base64(std::string_view bytes);
Result<std::string> from_base64(std::string_view text);

/// SHA-256 of `bytes`: 32 raw bytes.
std::string sha256(std::string_view bytes);
/// The same without an allocation.
using Digest = std::array<unsigned char, 32>;
Digest sha256_digest(std::string_view bytes);
inline std::string_view view(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

/// Equality in time that depends on the lengths only, for secrets.
bool equal_in_constant_time(std::string_view a, std::string_view b);

/// True where `text` is well-formed UTF-8 (no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

/// `text` fit for a terminal or a log line: control characters and malformed
/// UTF-8 become \xNN, and no more than `bytes_max` bytes are used.
std::string printable(std::string_view text, std::size_t bytes_max = 4096);

inline std::string_view as_view(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace muster::core
