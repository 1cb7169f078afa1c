// SPDX-License-Identifier: Apache-2.0
//
// Distinct types for the names of things, so that one is never passed for another.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace muster::core {

/// An endpoint, named by its key: the first 16 bytes of the SHA-256 of the DER
/// SubjectPublicKeyInfo. Shown as 26 characters of base 32.
class EndpointId {
 public:
  static constexpr std::size_t kBytes = 16;

  EndpointId() = default;
  /// From the DER bytes of a public key.
  static EndpointId of_public_key(std::string_view spki_der);
  /// From the 16 raw bytes that messages carry.
  static Result<EndpointId> from_bytes(std::string_view bytes);
  /// From the 26 characters that people see.
  static Result<EndpointId> parse(std::string_view text);

  std::string str() const;
  std::string_view bytes() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }
  auto operator<=>(const EndpointId&) const = default;

 private:
  std::array<std::uint8_t, kBytes> bytes_{};
};

/// A run: wall-clock milliseconds, then random bits, so that ids sort by age. Shown as 13
/// characters of base 32. 0 is no run. The top bit is never set, because databases have
/// signed integers. 41 bits of milliseconds would end in 2039: from 2036 on a millisecond
/// has 2^16 ids instead of 2^22, which lasts until 2270 and keeps every older id in its place.
class RunId {
 public:
  RunId() = default;
  explicit RunId(std::uint64_t value) : value_(value) {}
  static RunId make(std::int64_t unix_ms, std::uint64_t random);
  static Result<RunId> parse(std::string_view text);

  std::string str() const;
  std::uint64_t value() const { return value_; }
  explicit operator bool() const { return value_ != 0; }
  auto operator<=>(const RunId&) const = default;

 private:
  std::uint64_t value_ = 0;
};

/// Immutable bytes, named by their SHA-256. Shown as 64 lower-case hexadecimal
/// characters, as `sha256sum` does.
class ContentId {
 public:
  static constexpr std::size_t kBytes = 32;

  /// The name of nothing: all zero.
  ContentId() = default;
  /// The name of these bytes.
  static ContentId of(std::string_view content);
  /// From the 32 raw bytes that messages carry.
  static Result<ContentId> from_bytes(std::string_view bytes);
  /// From the 64 characters that people see; upper case is refused, so that one id has
  /// one spelling.
  static Result<ContentId> parse(std::string_view text);

  std::string str() const;
  /// The first 12 characters, for logs and tables.
  std::string brief() const { return str().substr(0, 12); }
  std::string_view bytes() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }
  auto operator<=>(const ContentId&) const = default;

 private:
  std::array<std::uint8_t, kBytes> bytes_{};
};

}  // namespace muster::core

template <>
struct std::hash<muster::core::EndpointId> {
  std::size_t operator()(const muster::core::EndpointId& id) const noexcept {
    std::size_t value;  // the id is a hash already
    std::memcpy(&value, id.bytes().data(), sizeof value);
    return value;
  }
};

template <>
struct std::hash<muster::core::RunId> {
  std::size_t operator()(const muster::core::RunId& id) const noexcept {
    return static_cast<std::size_t>(id.value() * 0x9e3779b97f4a7c15ULL);
  }
};

template <>
struct std::hash<muster::core::ContentId> {
  std::size_t operator()(const muster::core::ContentId& id) const noexcept {
    std::size_t value;  // the id is a hash already
    std::memcpy(&value, id.bytes().data(), sizeof value);
    return value;
  }
};
