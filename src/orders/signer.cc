// SPDX-License-Identifier: Apache-2.0
#include "orders/signer.h"

#include "core/assert.h"
#include "orders/merkle.h"

namespace muster::orders {

Signer::Signer(std::string region, identity::PrivateKey key,
               const identity::Certificate& certificate, core::WallTime wall, core::MonoTime now)
    : region_(std::move(region)),
      key_(std::move(key)),
      certificate_der_(certificate.der()),
      wall_(wall),
      started_(now) {}

std::int64_t Signer::unix_ms(core::MonoTime now) const {
  return core::unix_ms(wall_) +
         std::chrono::duration_cast<std::chrono::milliseconds>(now - started_).count();
}

wire::SignedTicket Signer::ticket(std::string_view endpoint, std::string_view nonce,
                                  core::MonoTime now) const {
  wire::Ticket ticket;
  ticket.set_region(region_);
  ticket.set_endpoint(endpoint.data(), endpoint.size());
  ticket.set_nonce(nonce.data(), nonce.size());
  ticket.set_server_unix_ms(unix_ms(now));
  wire::SignedTicket out;
  out.set_ticket(ticket.SerializeAsString());
  out.set_signature(identity::sign(key_, std::string(kTicketDomain) + out.ticket()));
  out.set_signer(certificate_der_);
  return out;
}

Signer::Signed Signer::order(core::RunId run, std::string_view invoke, std::string_view targets,
                             std::string_view instances, core::MonoTime now) const {
  constexpr std::size_t kBytes = core::EndpointId::kBytes;
  MUSTER_ASSERT(!targets.empty() && targets.size() == instances.size());
  std::vector<core::Digest> leaves;
  leaves.reserve(targets.size() / kBytes);
  for (std::size_t at = 0; at < targets.size(); at += kBytes)
    leaves.push_back(leaf_of(targets.substr(at, kBytes), instances.substr(at, kBytes), run));
  Signed out;
  out.leaves.assign(reinterpret_cast<const char*>(leaves.data()),
                    leaves.size() * sizeof(core::Digest));
  wire::Order order;
  order.set_region(region_);
  order.set_run(run.value());
  order.set_invoke_digest(core::sha256(invoke));
  order.set_issued_unix_ms(unix_ms(now));
  order.set_expires_unix_ms(unix_ms(now + kTransitMax));
  order.set_targets(static_cast<std::uint32_t>(leaves.size()));
  order.set_root(std::string(core::view(Tree(std::move(leaves)).root())));
  out.order = order.SerializeAsString();
  out.signature = identity::sign(key_, std::string(kOrderDomain) + out.order);
  return out;
}

}  // namespace muster::orders
