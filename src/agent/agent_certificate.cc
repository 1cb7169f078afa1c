// SPDX-License-Identifier: Apache-2.0
//
// What an agent renews while it is logged in: its certificate, and the server's time.
#include "agent/agent.h"
#include "core/log.h"
#include "identity/renewal.h"
#include "identity/request.h"
#include "member/credential.h"
#include "orders/signer.h"

namespace muster::agent {
namespace {

constexpr std::chrono::hours kRenewalRetry{1};

}  // namespace

void Agent::renew_if_due() {
  if (renewal_due_ == core::WallTime{}) {
    core::Random random = core::random_seeded();
    renewal_due_ = identity::renewal_due(enrolment_.certificate.not_before(),
                                         enrolment_.certificate.not_after(), random);
  }
  const core::MonoTime now = core::mono_now();
  if (renewing_ || stopping_ || now < renewal_not_before_ || core::wall_now() < renewal_due_)
    return;
  renewing_ = true;
  renewal_not_before_ = now + kRenewalRetry;
  link_->session().upcall("certificate.renew", identity::make_request(enrolment_.key),
                          std::chrono::seconds(30), now, [this](core::Result<std::string> pem) {
                            renewing_ = false;
                            const core::Status taken =
                                pem ? take_certificate(*pem) : core::fail(std::move(pem.error()));
                            if (!taken)
                              core::log(core::Level::kWarn, "agent",
                                        "the certificate could not be renewed; it is tried again",
                                        {{"error", taken.error().message}});
                          });
}

core::Status Agent::take_certificate(const std::string& pem) {
  MUSTER_ASSIGN(identity::Certificate renewed, member::check_renewed(enrolment_, pem));
  MUSTER_TRY(folder_.save_certificate(renewed));
  enrolment_.certificate = std::move(renewed);
  renewal_due_ = {};
  tls_.reset();  // the next link shows the new one
  core::log(core::Level::kInfo, "agent", "renewed the certificate",
            {{"valid_until", core::to_rfc3339(enrolment_.certificate.not_after())}});
  return {};
}

void Agent::refresh_ticket_if_stale() {
  const core::MonoTime now = core::mono_now();
  if (asking_for_ticket_ || stopping_ || now - guard_.ticket_at() < orders::kTicketLasts) return;
  asking_for_ticket_ = true;
  std::string nonce = core::random_bytes(orders::kNonceBytes);
  link_->session().upcall(std::string(orders::kTicketUpcall), nonce, std::chrono::seconds(30), now,
                          [this, nonce, asked_at = now](core::Result<std::string> reply) {
                            asking_for_ticket_ = false;
                            wire::SignedTicket ticket;
                            const core::Status taken =
                                !reply ? core::fail(std::move(reply.error()))
                                : !ticket.ParseFromString(*reply)
                                    ? core::fail(core::Code::kInvalid, "the reply is no ticket")
                                    : guard_.take_ticket(ticket, nonce, asked_at, core::mono_now());
                            if (!taken)
                              core::log(core::Level::kWarn, "agent",
                                        "the server's time could not be had; it is tried again",
                                        {{"error", taken.error().message}});
                          });
}

}  // namespace muster::agent
