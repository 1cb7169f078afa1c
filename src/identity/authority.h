// SPDX-License-Identifier: Apache-2.0
//
// Authority: the certificate authority of a region; the primitive, without policy.
//
// The region's id is the hash of the authority's public key (spelt like an endpoint
// id), so it needs no storing and cannot be claimed by another authority.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "identity/certificate.h"
#include "identity/key.h"

namespace muster::identity {

/// What a leaf certificate says.
struct LeafSpec {
  Role role = Role::kEndpoint;
  std::string name;  ///< The endpoint's id as text, or the gateway's or server's name.
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;  ///< "192.0.2.1" or "2001:db8::1".
  core::Duration validity{};
};

/// Names of servers and gateways: 1 to 63 of a-z 0-9 - . and no edge that is not a letter or digit.
bool is_valid_name(std::string_view name);

class Authority {
 public:
  /// Clocks that are a little behind accept a certificate just made.
  static constexpr core::Duration kBackdated = std::chrono::minutes(5);
  static constexpr std::size_t kNamesMax = 64;

  /// A new self-signed authority.
  static Authority create(core::WallTime now, core::Duration validity);
  /// kConflict where the certificate is not for this key or is no authority's.
  static core::Result<Authority> from(PrivateKey key, Certificate certificate);

  /// Signs a leaf. Endpoints get clientAuth, servers and gateways both usages.
  /// kInvalid: a name that is no name, an endpoint's name that is not the hash of the
  /// key, an address that is none, a key that is not P-256. It never outlives the authority.
  core::Result<Certificate> issue(std::string_view public_key_der, const LeafSpec& spec,
                                  core::WallTime now) const;

  const std::string& region() const { return region_; }
  const Certificate& certificate() const { return certificate_; }
  const PrivateKey& key() const { return key_; }

 private:
  Authority(PrivateKey key, Certificate certificate);
  PrivateKey key_;
  Certificate certificate_;
  std::string region_;
};

/// The region that an authority's certificate speaks for.
std::string region_of(const Certificate& authority);

}  // namespace muster::identity
