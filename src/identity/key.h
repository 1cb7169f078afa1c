// SPDX-License-Identifier: Apache-2.0
//
// PrivateKey: a P-256 key pair, the only kind that Muster makes or accepts.
//
// Cheap to copy: copies share one key. Immutable, so safe from any thread.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "core/ids.h"
#include "core/result.h"

struct evp_pkey_st;

namespace muster::identity {

class PrivateKey {
 public:
  static PrivateKey generate();
  /// PKCS #8 in PEM, unencrypted. kInvalid for anything but a P-256 key.
  static core::Result<PrivateKey> from_pem(std::string_view pem);
  /// Reads a key file. kDenied where others than its owner can read or write it.
  static core::Result<PrivateKey> load(const std::filesystem::path& path);

  std::string pem() const;
  /// Writes the file with mode 0600, atomically.
  core::Status save(const std::filesystem::path& path) const;

  /// DER of the SubjectPublicKeyInfo.
  std::string public_key_der() const;
  core::EndpointId endpoint_id() const;

  /// For net and this module only: the OpenSSL object, owned by this key.
  evp_pkey_st* native() const { return key_.get(); }

 private:
  explicit PrivateKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace muster::identity
