// SPDX-License-Identifier: Apache-2.0
//
// What both ends of a TLS connection know before it: identity, trust, protocols.
//
// TLS 1.3 only, no resumption, no tickets, no compression. Inside a region names
// of hosts prove nothing and are NOT checked: addresses change, the region's CA signs
// every certificate, and what a certificate may do is the role in its URI SAN
// (muster://<region>/<role>/<name>). Whoever connects therefore gives a `check_peer`
// that reads that role; without one any certificate of the region is accepted.
//
// Threads: contexts may be shared by loops; replace_identity() is safe from any thread.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

struct ssl_ctx_st;

namespace muster::net {

/// Protocol names (ALPN). All but the last make a server ask for a certificate.
inline constexpr std::string_view kAlpnLink = "muster-link/1";
/// HTTP between the servers of a region: what one passes on to another.
inline constexpr std::string_view kAlpnServer = "muster-server/1";
/// HTTP from a server of another region. TLS proves that the client has the key of its
/// certificate and nothing more: whose certificates are believed changes while connections live,
/// so who answers the request asks that (docs/adr/0027).
inline constexpr std::string_view kAlpnPeer = "muster-peer/1";
inline constexpr std::string_view kAlpnHttp = "http/1.1";

/// A private key and its certificate. `chain_pem` begins with the leaf; a server
/// appends its CA, so that those who enrol can pin it.
struct TlsIdentity {
  std::string chain_pem;
  std::string key_pem;
};

/// Judges the peer's leaf certificate (DER) after its chain was verified. An error
/// ends the handshake with that error.
using PeerCheck = std::function<core::Status(std::string_view leaf_der)>;

/// Whether clients of kAlpnHttp are asked for a certificate: one that they show must be of the CA.
enum class HttpClients : std::uint8_t { kAnonymous, kMayShowCertificate };

/// kAlpnLink and kAlpnServer demand a client certificate of the region, kAlpnPeer any; kAlpnHttp and
/// clients that name no protocol are asked for none unless HttpClients says so; any other protocol
/// is refused.
class TlsServerContext {
 public:
  /// `ca_pem`: the region's CA, which client certificates must come from.
  static core::Result<std::shared_ptr<TlsServerContext>> make(const TlsIdentity& identity,
                                                              std::string ca_pem,
                                                              HttpClients http = {});
  /// New handshakes use `identity`; connections that exist keep theirs. On an error
  /// the old identity stays.
  core::Status replace_identity(const TlsIdentity& identity);

  /// The context of the next handshake.
  std::shared_ptr<ssl_ctx_st> current() const;

 private:
  TlsServerContext(std::string ca_pem, HttpClients http)
      : ca_pem_(std::move(ca_pem)), http_(http) {}

  const std::string ca_pem_;
  const HttpClients http_;
  mutable std::mutex mutex_;
  std::shared_ptr<ssl_ctx_st> current_;
};

class TlsClientContext;

/// Exactly one of `ca_pem`, `ca_fingerprint` and `trust_of` must be set.
struct TlsClientOptions {
  /// Trusted CA certificates.
  std::string ca_pem{};
  /// For enrolment, before the CA is known: SHA-256 (32 raw bytes) of the DER of the
  /// self-signed certificate that the server must present and be signed by.
  std::string ca_fingerprint{};
  /// Trusts what this one trusts by its `ca_pem`, and shares the parsed certificates: for
  /// many identities in one process.
  std::shared_ptr<const TlsClientContext> trust_of{};
  /// Shown to a server that asks.
  std::optional<TlsIdentity> identity{};
  std::string alpn{kAlpnHttp};
  PeerCheck check_peer{};
};

class TlsClientContext {
 public:
  static core::Result<std::shared_ptr<const TlsClientContext>> make(TlsClientOptions options);

  const std::shared_ptr<ssl_ctx_st>& context() const { return context_; }
  /// Judges a peer whose chain OpenSSL has verified.
  core::Status check_peer(std::string_view leaf_der) const;
  std::string_view alpn() const { return options_.alpn; }

 private:
  explicit TlsClientContext(TlsClientOptions options) : options_(std::move(options)) {}

  const TlsClientOptions options_;
  std::shared_ptr<ssl_ctx_st> context_;
};

}  // namespace muster::net
