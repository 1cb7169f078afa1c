// SPDX-License-Identifier: Apache-2.0
//
// Signer is the server's hand: it signs orders, and tells endpoints its time.
//
// Its clock is the wall clock of its making, carried on by the monotonic one: it never
// steps, so an order does not expire because somebody set the server's clock.
//
// Pure logic: time comes with each call. Belongs to one loop.
#pragma once

#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/ids.h"
#include "identity/signature.h"
#include "link.pb.h"

namespace muster::orders {

/// What is signed begins with one of these.
inline constexpr std::string_view kTicketDomain = "muster ticket 1\n";
inline constexpr std::string_view kOrderDomain = "muster order 1\n";
/// Name of the upcall that asks for a ticket; its body is the nonce, the answer a SignedTicket.
inline constexpr std::string_view kTicketUpcall = "order.ticket";
inline constexpr std::size_t kNonceBytes = 16;
/// An order may be on its way from the server to its endpoint for so long.
inline constexpr std::chrono::seconds kTransitMax{60};

class Signer {
 public:
  /// `certificate`: of the role signer, for `key`.
  Signer(std::string region, identity::PrivateKey key, const identity::Certificate& certificate,
         core::WallTime wall, core::MonoTime now);

  /// The server's time for an endpoint (16 bytes of id) that has said `nonce`.
  wire::SignedTicket ticket(std::string_view endpoint, std::string_view nonce,
                            core::MonoTime now) const;

  struct Signed {
    std::string order;
    std::string signature;
    std::string leaves;  ///< 32 bytes each, in the order of the targets
  };
  /// `invoke`: the work, serialized. `targets` and `instances`: 16 bytes each, at least one.
  Signed order(core::RunId run, std::string_view invoke, std::string_view targets,
               std::string_view instances, core::MonoTime now) const;

 private:
  std::int64_t unix_ms(core::MonoTime now) const;

  const std::string region_;
  const identity::PrivateKey key_;
  const std::string certificate_der_;
  const core::WallTime wall_;
  const core::MonoTime started_;
};

}  // namespace muster::orders
