// SPDX-License-Identifier: Apache-2.0
#include "orders/guard.h"

#include "orders/merkle.h"
#include "orders/signer.h"
#include "wire/frame.h"

namespace muster::orders {
namespace {

using core::Code;
using core::fail;

std::int64_t ms(core::Duration time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

}  // namespace

Verifier::Verifier(identity::Certificate authority, std::string region,
                   std::function<core::WallTime()> wall)
    : authority_(std::move(authority)), region_(std::move(region)), wall_(std::move(wall)) {}

core::Result<identity::PublicKey> Verifier::signer(std::string_view certificate_der) {
  if (known_ && certificate_der == known_der_) return *known_;
  MUSTER_ASSIGN(const auto certificate, identity::Certificate::from_der(certificate_der));
  MUSTER_TRY(identity::verify_chain(certificate, authority_, wall_()));
  MUSTER_ASSIGN(const auto peer, identity::peer_identity(certificate));
  if (peer.role != identity::Role::kSigner || peer.region != region_)
    return fail(Code::kUnauthorized, "the certificate is not that of a signer of this region");
  known_ = identity::PublicKey::of(certificate);
  known_der_ = certificate_der;
  return *known_;
}

core::Result<wire::Order> Verifier::order(const wire::SignedInvoke& message,
                                          const identity::PublicKey& key) {
  if (!message.order().empty() && message.order() == last_.order() &&
      message.signature() == last_.signature())
    return last_order_;
  if (!key.verifies(std::string(kOrderDomain) + message.order(), message.signature()))
    return fail(Code::kUnauthorized, "the order is not signed by this region's server");
  wire::Order order;
  MUSTER_TRY(wire::decode(message.order(), order));
  last_.set_order(message.order());
  last_.set_signature(message.signature());
  last_order_ = order;
  return order;
}

Guard::Guard(std::shared_ptr<Verifier> verifier, core::EndpointId endpoint, std::string instance)
    : verifier_(std::move(verifier)), endpoint_(endpoint), instance_(std::move(instance)) {}

core::Status Guard::take_ticket(const wire::SignedTicket& message, std::string_view nonce,
                                core::MonoTime asked_at, core::MonoTime now) {
  if (message.ticket().empty()) return fail(Code::kUnauthorized, "there is no signed ticket");
  MUSTER_ASSIGN(auto key, verifier_->signer(message.signer()));
  if (!key.verifies(std::string(kTicketDomain) + message.ticket(), message.signature()))
    return fail(Code::kUnauthorized, "the ticket is not signed by this region's server");
  wire::Ticket ticket;
  MUSTER_TRY(wire::decode(message.ticket(), ticket));
  if (ticket.region() != verifier_->region() || ticket.endpoint() != endpoint_.bytes() ||
      ticket.nonce() != nonce)
    return fail(Code::kUnauthorized, "the ticket is for another endpoint or another link");
  key_ = std::move(key);
  ticket_ms_ = ticket.server_unix_ms();
  asked_at_ = asked_at;
  ticket_at_ = now;
  return {};
}

std::int64_t Guard::server_ms(core::MonoTime now) const {
  return ticket_ms_ + ms(now - asked_at_);
}

core::Result<core::MonoTime> Guard::check(const wire::SignedInvoke& message,
                                          const wire::Invoke& invoke, core::MonoTime now) {
  if (invoke.has_ping()) return now;  // does nothing, so needs no leave
  if (!key_) return fail(Code::kUnauthorized, "the server's time is not known yet");
  MUSTER_ASSIGN(const auto order, verifier_->order(message, *key_));
  if (order.region() != verifier_->region() || order.run() != invoke.run() ||
      order.invoke_digest() != core::view(core::sha256_digest(message.invoke())))
    return fail(Code::kUnauthorized, "the order is for other work");
  const auto leaf = leaf_of(endpoint_.bytes(), instance_, core::RunId(order.run()));
  if (!is_included(leaf, message.index(), order.targets(), message.proof(), order.root()))
    return fail(Code::kUnauthorized,
                "the order is for other endpoints, or for an earlier start of this agent");
  const std::int64_t left = order.expires_unix_ms() + ms(kDriftMax) - server_ms(now);
  if (left <= 0)
    return fail(Code::kTimeout,
                "the order came " + std::to_string(-left / 1000) + " s after it had expired");
  return now + std::chrono::milliseconds(left) + kDriftMax;
}

}  // namespace muster::orders
