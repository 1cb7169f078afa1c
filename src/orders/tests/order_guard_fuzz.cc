// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a gateway's SignedInvoke or SignedTicket: refused, whatever they are, for
// nobody here holds the signer's key.
#include <cstdint>

#include "core/assert.h"
#include "identity/authority.h"
#include "orders/guard.h"
#include "wire/frame.h"

using namespace muster;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto authority =
      identity::Authority::create(core::wall_now(), std::chrono::hours(24 * 365));
  static const auto verifier =
      std::make_shared<orders::Verifier>(authority.certificate(), authority.region());
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  orders::Guard guard(verifier, core::EndpointId::of_public_key("x"), std::string(16, 'i'));
  const auto now = core::MonoTime{} + std::chrono::hours(1);
  wire::SignedTicket ticket;
  if (wire::decode(bytes, ticket))
    MUSTER_ASSERT(!guard.take_ticket(ticket, std::string(16, 'n'), now, now));
  wire::SignedInvoke message;
  wire::Invoke invoke;
  if (wire::decode(bytes, message) && wire::decode(message.invoke(), invoke))
    MUSTER_ASSERT(guard.check(message, invoke, now).has_value() == invoke.has_ping());
  return 0;
}
