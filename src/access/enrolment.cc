// SPDX-License-Identifier: Apache-2.0
#include "access/enrolment.h"

#include "access/audit.h"
#include "core/bytes.h"
#include "core/log.h"

namespace muster::access {
namespace {

using core::Code;

core::Result<bool> revoked_in(store::Connection& connection, const std::string& subject) {
  MUSTER_ASSIGN(
      const auto count,
      connection.integer("SELECT count(*) FROM access_revocations WHERE subject = ?", {subject}));
  return count > 0;
}

identity::LeafSpec spec_of(const EnrolRequest& request, identity::Role role,
                           core::EndpointId endpoint) {
  if (role == identity::Role::kEndpoint) return {role, endpoint.str(), {}, {}, kEndpointValidity};
  return {role, request.gateway_name, request.dns_names, request.ip_addresses, kGatewayValidity};
}

std::string subject_of(const identity::LeafSpec& spec) {
  return std::string(identity::name(spec.role)) + ":" + spec.name;
}

/// An endpoint proves its id by its link, and its gateway has its certificate: the server does
/// not know which one is replaced, and says nothing rather than an empty serial.
std::string renewal_detail(const std::string& serial, const std::string& old) {
  return old.empty() ? audit_detail({{"serial", serial}})
                     : audit_detail({{"serial", serial}, {"old_serial", old}});
}

}  // namespace

// A refusal is an outcome, not an error: its audit entry must be committed.
struct Enrolment::Outcome {
  TokenVerdict verdict = TokenVerdict::kUnknown;
  std::optional<Enrolled> enrolled;
};

Enrolment::Enrolment(store::Database& database, const RegionAuthority& region,
                     const Revocations& revocations, Clock clock)
    : database_(database), region_(region), revocations_(revocations), clock_(std::move(clock)) {}

core::Result<Enrolment::Outcome> Enrolment::enrol_in(store::Connection& connection,
                                                     const EnrolRequest& request,
                                                     const identity::JoinToken& token,
                                                     const identity::CertificateRequest& wanted,
                                                     bool audited, const Also& also) const {
  const auto now = clock_();
  MUSTER_ASSIGN(auto taken, JoinTokens::take(connection, token, now));
  const auto endpoint = wanted.endpoint;
  const std::string actor = "anonymous " + request.address;
  if (taken.verdict != TokenVerdict::kGood) {
    if (audited) {
      MUSTER_TRY(Audit::append(
          connection, now,
          AuditRecord{actor, "enrol.refuse", endpoint.str(),
                      audit_detail({{"token", token.id}, {"reason", name(taken.verdict)}})}));
    }
    return Outcome{taken.verdict, std::nullopt};
  }
  // An error undoes the token's use.
  const bool for_gateway = taken.info.role == identity::Role::kGateway;
  if (for_gateway != !request.gateway_name.empty()) {
    return core::fail(Code::kInvalid,
                      for_gateway ? "this token is for a gateway (muster gateway), not for "
                                    "a host; make one with: muster token create"
                                  : "this token is for a host (muster-agent enrol), not for "
                                    "a gateway; make one with: muster token create --gateway");
  }
  const auto spec = spec_of(request, taken.info.role, endpoint);
  MUSTER_ASSIGN(const bool revoked, revoked_in(connection, subject_of(spec)));
  if (revoked) {
    return core::fail(Code::kDenied,
                      subject_of(spec) + (spec.role == identity::Role::kEndpoint
                                              ? " is revoked; remove the agent's key file so that "
                                                "it makes a new one, then enrol again"
                                              : " is revoked; enrol under another name"));
  }
  const auto& authority = region_.authority();
  MUSTER_ASSIGN(auto certificate, authority.issue(wanted.public_key_der, spec, now));
  Outcome outcome{TokenVerdict::kGood,
                  Enrolled{std::move(certificate), authority.certificate().pem(),
                           authority.region(), spec.role, endpoint, spec.name, taken.info.labels}};
  MUSTER_TRY(Audit::append(
      connection, now,
      AuditRecord{actor, std::string(identity::name(spec.role)) + ".enrol", spec.name,
                  audit_detail({{"token", token.id},
                                {"token_by", taken.info.created_by},
                                {"serial", outcome.enrolled->certificate.serial()}})}));
  if (also) MUSTER_TRY(also(connection, *outcome.enrolled));
  return outcome;
}

runtime::Task<core::Result<Enrolled>> Enrolment::enrol(EnrolRequest request, Also also) {
  MUSTER_CO_ASSIGN(auto token, identity::JoinToken::parse(request.token));
  MUSTER_CO_ASSIGN(auto wanted, identity::parse_request(request.csr_pem));
  const std::string address = request.address;
  const auto now = clock_();
  const bool audited = limit_.check("", address, now).has_value();
  auto outcome = co_await database_.write(
      [this, request = std::move(request), token = std::move(token), wanted = std::move(wanted),
       audited, also = std::move(also)](store::Connection& connection) {
        return enrol_in(connection, request, token, wanted, audited, also);
      });
  if (!outcome) co_return core::fail(std::move(outcome.error()));
  if (outcome->enrolled) co_return std::move(*outcome->enrolled);
  limit_.failed("", address, now);
  core::log(core::Level::kWarn, "access", "enrolment refused",
            {{"address", address}, {"reason", name(outcome->verdict)}});
  co_return core::fail(Code::kUnauthorized,
                       "unknown, used up or expired token; make a new one with: muster token "
                       "create");
}

runtime::Task<core::Result<identity::Certificate>> Enrolment::renew(
    identity::PeerIdentity peer, std::string csr_pem, std::vector<std::string> dns_names,
    std::vector<std::string> ip_addresses) {
  MUSTER_CO_ASSIGN(const auto wanted, identity::parse_request(csr_pem));
  // An endpoint's id is the hash of its key: whoever proved the id may be known by it alone.
  const bool same_key = peer.role == identity::Role::kEndpoint
                            ? wanted.endpoint == peer.endpoint
                            : wanted.public_key_der == peer.public_key_der;
  const bool may_renew =
      peer.role == identity::Role::kEndpoint || peer.role == identity::Role::kGateway;
  if (!may_renew || peer.region != region_.region() || !same_key) {
    co_return core::fail(Code::kDenied,
                         "a certificate is renewed for the same key and region only");
  }
  if (revocations_.revoked(peer)) co_return core::fail(Code::kDenied, "the certificate is revoked");
  EnrolRequest names;
  names.gateway_name = peer.name;
  names.dns_names = std::move(dns_names);
  names.ip_addresses = std::move(ip_addresses);
  const auto now = clock_();
  const auto spec = spec_of(names, peer.role, peer.endpoint);
  MUSTER_CO_ASSIGN(auto certificate, region_.authority().issue(wanted.public_key_der, spec, now));
  MUSTER_CO_TRY(
      co_await database_.write([now, subject = subject_of(spec), role = peer.role, name = spec.name,
                                serial = certificate.serial(),
                                old = peer.serial](store::Connection& connection) -> core::Status {
        // The list in memory may be a moment older than the database.
        MUSTER_ASSIGN(const bool revoked, revoked_in(connection, subject));
        if (revoked) return core::fail(Code::kDenied, "the certificate is revoked");
        MUSTER_TRY(Audit::append(connection, now,
                                 AuditRecord{subject, std::string(identity::name(role)) + ".renew",
                                             name, renewal_detail(serial, old)}));
        return {};
      }));
  co_return certificate;
}

}  // namespace muster::access
