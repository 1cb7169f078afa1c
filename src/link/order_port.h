// SPDX-License-Identifier: Apache-2.0
//
// What an endpoint's session needs to know about work that it is given: may it be done?
// The agent's answer is orders::Guard.
#pragma once

#include "core/clock.h"
#include "core/result.h"
#include "link.pb.h"

namespace muster::link {

class OrderPort {
 public:
  virtual ~OrderPort() = default;
  /// The ticket of a Welcome or of an upcall. `asked_at`: when `nonce` left.
  virtual core::Status take_ticket(const wire::SignedTicket& ticket, std::string_view nonce,
                                   core::MonoTime asked_at, core::MonoTime now) = 0;
  /// `invoke` is what `message` carries. Accepted: until when the same order would be
  /// accepted again, so that its run must be remembered. Otherwise the reason; kTimeout
  /// where it has expired.
  virtual core::Result<core::MonoTime> check(const wire::SignedInvoke& message,
                                             const wire::Invoke& invoke, core::MonoTime now) = 0;
};

}  // namespace muster::link
