// SPDX-License-Identifier: Apache-2.0
//
// Certificate, and what the certificate of a peer says about who it is.
//
// A leaf names itself by one URI: muster://<region>/<role>/<name>. The name of an
// endpoint is the hash of its public key, so a certificate proves only its own machine.
// Subjects are ignored everywhere.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"

struct x509_st;

namespace muster::identity {

/// Larger certificates and requests are refused unread.
inline constexpr std::size_t kCertificateBytesMax = 16 * 1024;

/// An X.509 certificate. Copies share it; immutable, so safe from any thread.
class Certificate {
 public:
  /// The first certificate of a PEM text.
  static core::Result<Certificate> from_pem(std::string_view pem);
  static core::Result<Certificate> from_der(std::string_view der);
  /// Shares an object that OpenSSL owns (it is counted up), as TLS hands out.
  static Certificate of(x509_st* native);

  std::string pem() const;
  std::string der() const;
  /// SHA-256 of the DER: 32 raw bytes.
  std::string fingerprint() const;
  /// DER of the SubjectPublicKeyInfo.
  std::string public_key_der() const;
  /// The serial number in lower-case hexadecimal without leading zeros.
  std::string serial() const;
  core::WallTime not_before() const;
  core::WallTime not_after() const;

  x509_st* native() const { return certificate_.get(); }

 private:
  explicit Certificate(std::shared_ptr<x509_st> certificate)
      : certificate_(std::move(certificate)) {}
  std::shared_ptr<x509_st> certificate_;
};

/// kSigner: of orders; it opens no connection.
enum class Role : std::uint8_t { kEndpoint, kGateway, kServer, kSigner };

/// "endpoint", "gateway", "server", "signer".
std::string_view name(Role role);
core::Result<Role> parse_role(std::string_view word);

/// Who a certificate speaks for.
struct PeerIdentity {
  Role role = Role::kEndpoint;
  std::string region;
  std::string name;           ///< For an endpoint, its id as text.
  core::EndpointId endpoint;  ///< For an endpoint only.
  std::string serial;
  std::string public_key_der;
  core::WallTime not_before;
  core::WallTime not_after;
};

/// Reads the name of a certificate whose chain was verified already (by TLS or
/// verify_chain). kUnauthorized where there is not exactly one muster:// URI, the key
/// is not P-256, or an endpoint's name is not the hash of its own key.
core::Result<PeerIdentity> peer_identity(const Certificate& certificate);

/// True where `ca` signed `leaf`, both are valid at `now`, and neither may do what it
/// must not (a leaf is no CA). kUnauthorized with the reason otherwise; a clock that
/// is off is named as such.
core::Status verify_chain(const Certificate& leaf, const Certificate& ca, core::WallTime now);

/// True where the certificate names this DNS name or IP address, as a TLS client asks.
bool names_host(const Certificate& certificate, const std::string& host);

/// The DNS names and IP addresses that a certificate gives its holder.
struct HostNames {
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
};
HostNames host_names(const Certificate& certificate);

/// True where the certificate belongs to the key of this DER.
bool holds_key(const Certificate& certificate, std::string_view public_key_der);

}  // namespace muster::identity
