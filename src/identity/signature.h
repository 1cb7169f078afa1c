// SPDX-License-Identifier: Apache-2.0
//
// Signatures by P-256 keys, of certificates and others: ECDSA with SHA-256, in DER.
//
// Whoever signs more than one kind of text begins each kind with a line of its own, so
// that no text of one kind passes for another.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"
#include "identity/certificate.h"
#include "identity/key.h"

namespace muster::identity {

/// Bytes of a signature in DER at most; what is longer verifies nothing.
inline constexpr std::size_t kSignatureBytesMax = 80;

std::string sign(const PrivateKey& key, std::string_view text);

/// The public half. Copies share one key. Immutable, so safe from any thread.
class PublicKey {
 public:
  /// The key of a certificate that peer_identity() has accepted.
  static PublicKey of(const Certificate& certificate);
  static PublicKey of(const PrivateKey& key);
  /// A SubjectPublicKeyInfo in its usual encoding; kInvalid for anything but a P-256 key.
  static core::Result<PublicKey> from_der(std::string_view der);
  static core::Result<PublicKey> from_pem(std::string_view pem);

  std::string der() const;
  std::string pem() const;
  /// SHA-256 of der(), 32 raw bytes.
  std::string id() const;

  bool verifies(std::string_view text, std::string_view signature) const;

 private:
  explicit PublicKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace muster::identity
