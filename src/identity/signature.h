// SPDX-License-Identifier: Apache-2.0
//
// Signatures over bytes: ECDSA with P-256 and SHA-256, the only kind that Muster makes
// or accepts. Every use has a purpose of its own, which is signed along, so that what was
// signed for one thing can never stand for another.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"
#include "identity/key.h"

namespace muster::identity {

/// Bytes of a signature in DER at most.
inline constexpr std::size_t kSignatureBytesMax = 80;

/// Somebody's public key. Cheap to copy, immutable, safe from any thread.
class PublicKey {
 public:
  static PublicKey of(const PrivateKey& key);
  /// The usual SubjectPublicKeyInfo of a P-256 key; kInvalid for anything else.
  static core::Result<PublicKey> from_der(std::string_view der);
  static core::Result<PublicKey> from_pem(std::string_view pem);

  const std::string& der() const { return der_; }
  std::string pem() const;
  /// SHA-256 of the DER, 32 raw bytes.
  std::string id() const;

  /// True where this key's owner signed `message` for `purpose`.
  bool verifies(std::string_view purpose, std::string_view message,
                std::string_view signature) const;

  bool operator==(const PublicKey& other) const { return der_ == other.der_; }

 private:
  PublicKey(std::string der, std::shared_ptr<evp_pkey_st> key)
      : der_(std::move(der)), key_(std::move(key)) {}
  std::string der_;
  std::shared_ptr<evp_pkey_st> key_;
};

/// In DER, at most kSignatureBytesMax. `purpose` is a short constant without a zero byte.
std::string sign(const PrivateKey& key, std::string_view purpose, std::string_view message);

}  // namespace muster::identity
