// SPDX-License-Identifier: Apache-2.0
//
// RegionAuthority: the region's certificate authority and the server's own
// certificate, in the server's part of the state folder.
//
// Files: ca.key (0600) ca.pem server.key (0600) server.pem signer.key (0600) signer.pem. The
// authority is made once, at the first start, and never replaced by itself: a key without its
// certificate (or the reverse) stops the start with a reason instead of cutting off the fleet.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "access/types.h"
#include "identity/authority.h"

namespace muster::access {

inline constexpr core::Duration kAuthorityValidity = std::chrono::days(3650);
inline constexpr core::Duration kServerValidity = std::chrono::days(90);
/// As long as the authority: it is checked at every login, and no connection rests on it.
inline constexpr core::Duration kSignerValidity = kAuthorityValidity;
inline constexpr core::Duration kGatewayValidity = std::chrono::days(90);
inline constexpr core::Duration kEndpointValidity = std::chrono::days(30);

/// A key with its certificate, as a TLS server needs them.
struct Credential {
  identity::PrivateKey key;
  identity::Certificate certificate;
};

class RegionAuthority {
 public:
  /// Loads the authority from `folder` (made where missing), or makes it there if the
  /// folder has neither key nor certificate. Blocking; for start-up.
  /// Errors: kConflict, key and certificate do not belong together or one is missing;
  /// kDenied, the key is readable by others; kUnauthorized, the certificate has expired.
  static core::Result<RegionAuthority> open(const std::filesystem::path& folder,
                                            core::WallTime now);

  const identity::Authority& authority() const { return authority_; }
  const std::string& region() const { return authority_.region(); }
  bool made_now() const { return made_now_; }

  /// The server's certificate: the one on disk while it has more than a third of its
  /// life left and names all of `dns_names` and `ip_addresses`, else a new one (saved). Blocking.
  core::Result<Credential> server_credential(std::string_view name,
                                             const std::vector<std::string>& dns_names,
                                             const std::vector<std::string>& ip_addresses,
                                             core::WallTime now) const;

  /// The key that signs orders, with its certificate: the one on disk while it has more
  /// than a third of its life left, else a new one (saved). Blocking.
  core::Result<Credential> signer_credential(core::WallTime now) const;

  /// A credential for a gateway that runs inside this process: nothing is saved.
  core::Result<Credential> gateway_credential(std::string_view name,
                                              const std::vector<std::string>& dns_names,
                                              const std::vector<std::string>& ip_addresses,
                                              core::WallTime now) const;

 private:
  RegionAuthority(identity::Authority authority, std::filesystem::path folder, bool made_now);
  identity::Authority authority_;
  std::filesystem::path folder_;
  bool made_now_ = false;
};

}  // namespace muster::access
