// SPDX-License-Identifier: Apache-2.0
//
// Guard stands between what a gateway passes on and what an endpoint does.
//
// A gateway in foreign hands can withhold, and no more: an order is accepted only where
// the region's signer signed it for this endpoint, this instance of its agent and this
// work, and before it expires by the server's clock. What the server's clock says, the
// endpoint knows from a ticket that was signed for this one link: it was made after Hello
// left, so the server's time is at most the ticket's plus what has passed since Hello.
// That bound errs to the safe side: a gateway that delays the ticket makes orders expire
// sooner. Nothing hangs on the endpoint's own wall clock but the signer's certificate.
//
// That an accepted order is not done twice is EndpointRuns' care, until it has expired;
// an agent that starts anew has another instance, for which no old order is signed.
//
// Pure logic: no I/O; the wall clock is given. Belongs to one loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/clock.h"
#include "core/ids.h"
#include "identity/signature.h"
#include "link/order_port.h"

namespace muster::orders {

/// Checks signatures; one serves all endpoints of a process. Remembers the last order, so
/// that thousands of simulated endpoints verify one signature as one machine would.
class Verifier {
 public:
  Verifier(identity::Certificate authority, std::string region,
           std::function<core::WallTime()> wall = core::wall_now);

  /// The certified key of a signer of this region. kUnauthorized with the reason.
  core::Result<identity::PublicKey> signer(std::string_view certificate_der);
  /// The order, if this key has signed it. kUnauthorized, kInvalid.
  core::Result<wire::Order> order(const wire::SignedInvoke& message,
                                  const identity::PublicKey& key);
  const std::string& region() const { return region_; }

 private:
  const identity::Certificate authority_;
  const std::string region_;
  const std::function<core::WallTime()> wall_;
  std::string known_der_;
  std::optional<identity::PublicKey> known_;
  wire::SignedInvoke last_;  ///< order and signature only
  wire::Order last_order_;
};

class Guard final : public link::OrderPort {
 public:
  /// `instance`: the 16 bytes that Hello names.
  Guard(std::shared_ptr<Verifier> verifier, core::EndpointId endpoint, std::string instance);

  core::Status take_ticket(const wire::SignedTicket& ticket, std::string_view nonce,
                           core::MonoTime asked_at, core::MonoTime now) override;
  core::Result<core::MonoTime> check(const wire::SignedInvoke& message, const wire::Invoke& invoke,
                                     core::MonoTime now) override;
  /// When the last ticket came; it grows stale as clocks drift (kTicketLasts).
  core::MonoTime ticket_at() const { return ticket_at_; }

 private:
  /// The server's clock at `now`, at the latest.
  std::int64_t server_ms(core::MonoTime now) const;

  std::shared_ptr<Verifier> verifier_;
  const core::EndpointId endpoint_;
  const std::string instance_;
  std::optional<identity::PublicKey> key_;
  std::int64_t ticket_ms_ = 0;
  core::MonoTime asked_at_{};
  core::MonoTime ticket_at_{};
};

/// Quartz differs by up to 100 millionths: 2 s in this time. Then ask for a new ticket.
inline constexpr std::chrono::hours kTicketLasts{6};
/// What drift may add: an order is taken so much later, and remembered so much longer.
inline constexpr std::chrono::seconds kDriftMax{5};

}  // namespace muster::orders
