// SPDX-License-Identifier: Apache-2.0
//
// Signatures by the keys of certificates: ECDSA on P-256 with SHA-256, in DER.
//
// Whoever signs more than one kind of text begins each kind with a line of its own, so
// that no text of one kind passes for another.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "identity/certificate.h"
#include "identity/key.h"

namespace muster::identity {

std::string sign(const PrivateKey& key, std::string_view text);

/// The public half. Copies share one key. Immutable, so safe from any thread.
class PublicKey {
 public:
  /// The key of a certificate that peer_identity() has accepted.
  static PublicKey of(const Certificate& certificate);

  bool verifies(std::string_view text, std::string_view signature) const;

 private:
  explicit PublicKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace muster::identity
