// SPDX-License-Identifier: Apache-2.0
//
// Enrolment: a certificate request and a join token become a certificate; later, a
// request over an authenticated link becomes the next one.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "access/join_tokens.h"
#include "access/login_limit.h"
#include "access/region.h"
#include "access/revocations.h"
#include "identity/certificate.h"
#include "identity/request.h"

namespace muster::access {

struct EnrolRequest {
  std::string token;    ///< Long or short form. Foreign.
  std::string csr_pem;  ///< Foreign.
  std::string address;  ///< Where it came from; for the audit log.
  /// For a gateway's token only:
  std::string gateway_name;
  std::vector<std::string> dns_names, ip_addresses;
};

struct Enrolled {
  identity::Certificate certificate;
  std::string ca_pem;
  std::string region;
  identity::Role role = identity::Role::kEndpoint;
  core::EndpointId endpoint;
  std::string name;  ///< The endpoint's id as text, or the gateway's name.
  Labels labels;     ///< What the token bestows.
};

class Enrolment {
 public:
  /// Runs in the transaction that consumes the token, so that the registry's row, the use
  /// and the audit entry are there together or not at all.
  using Also = std::function<core::Status(store::Connection&, const Enrolled&)>;

  Enrolment(store::Database& database, const RegionAuthority& region,
            const Revocations& revocations, Clock clock);

  /// kInvalid: the token's text or the request is malformed. kUnauthorized: "unknown,
  /// used up or expired token" (the log says which). kDenied: the key is revoked.
  /// A gateway's token without a gateway's name, or the reverse, is kInvalid and not used up.
  runtime::Task<core::Result<Enrolled>> enrol(EnrolRequest request, Also also = {});

  /// The next certificate of a peer that proved who it is by its link; of an endpoint, role,
  /// region, name and id are enough. kDenied: the request is for another key, or the peer is
  /// revoked.
  runtime::Task<core::Result<identity::Certificate>> renew(
      identity::PeerIdentity peer, std::string csr_pem, std::vector<std::string> dns_names = {},
      std::vector<std::string> ip_addresses = {});

 private:
  struct Outcome;
  core::Result<Outcome> enrol_in(store::Connection& connection, const EnrolRequest& request,
                                 const identity::JoinToken& token,
                                 const identity::CertificateRequest& wanted, bool audited,
                                 const Also& also) const;
  store::Database& database_;
  const RegionAuthority& region_;
  const Revocations& revocations_;
  Clock clock_;
  LoginLimit limit_;  // of refusals that are audited, so that strangers cannot fill the log
};

}  // namespace muster::access
