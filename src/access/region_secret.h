// SPDX-License-Identifier: Apache-2.0
//
// RegionSecret seals the region's private keys, so that they may lie in a database that several
// servers share: whoever can read the database, or a copy of it, has no key without it.
//
// As text, in a file of mode 0600 on each server: "mrs1.<52 characters of base 32>".
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "core/result.h"

namespace muster::access {

class RegionSecret {
 public:
  static RegionSecret generate();
  /// kInvalid says what such a secret looks like.
  static core::Result<RegionSecret> parse(std::string_view text);
  /// kNotFound where there is no file; kDenied where others can read it.
  static core::Result<RegionSecret> load(const std::filesystem::path& file);
  core::Status save(const std::filesystem::path& file) const;

  std::string text() const;
  /// Encrypted and authenticated (XSalsa20-Poly1305); `name` is bound to it, so that what was
  /// sealed as one thing is not taken for another.
  std::string seal(std::string_view name, std::string_view bytes) const;
  /// kUnauthorized: sealed with another secret, for another name, or damaged.
  core::Result<std::string> unseal(std::string_view name, std::string_view sealed) const;

  bool operator==(const RegionSecret&) const = default;

 private:
  explicit RegionSecret(std::string key) : key_(std::move(key)) {}
  std::string key_;  // 32 raw bytes
};

}  // namespace muster::access
