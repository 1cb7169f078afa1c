// SPDX-License-Identifier: Apache-2.0
//
// The large results that one link is bringing, and the credit given for them.
// On the heap of a GatewaySession, only while there are any.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/clock.h"
#include "link.pb.h"

namespace muster::link::detail {

class Transfers {
 public:
  struct Grant {
    std::uint64_t run = 0;
    std::uint64_t bytes = 0;
  };
  struct Taken {
    std::string breach;    ///< not empty: the chunk breaks the protocol
    bool last = false;     ///< the result is complete
    bool settled = false;  ///< it is acknowledged already: throw the chunk away
  };

  /// A result that is not inline begins (anew). Returns the breach, or nothing.
  std::string announced(const wire::Announce& announce, core::MonoTime now);
  Taken chunk(const wire::Chunk& chunk, core::MonoTime now);
  /// Acknowledged: no more credit. Returns its unused credit, which the caller gives
  /// back; chunks that crossed with the acknowledgement are still tolerated.
  std::uint64_t settle(std::uint64_t run, core::MonoTime now);

  /// True when the link shall enter the credit window now; then it counts as queued.
  bool enter(std::uint64_t slice_bytes);
  /// Its turn: credit for the first result that wants some.
  Grant grant(std::uint64_t bytes_max, core::MonoTime now);
  /// Granted and not used, over all results that are not settled.
  std::uint64_t unused() const;

  /// Credit was not used in time. Forgets settled results whose time is over.
  bool stalled(core::MonoTime now);
  /// When stalled() is worth calling.
  core::MonoTime deadline() const;
  std::size_t size() const { return list_.size(); }

 private:
  struct Transfer {
    std::uint64_t run = 0;
    std::uint64_t stdout_bytes = 0;
    std::uint64_t total = 0;
    std::uint64_t granted = 0;  // since the announcement
    std::uint64_t received = 0;
    core::MonoTime moved_at{};  // last progress, or first credit
    bool settled = false;

    bool wants() const { return !settled && granted < total; }
    std::uint64_t unused() const { return granted - received; }
  };

  std::vector<Transfer> list_;
  bool queued_ = false;
};

}  // namespace muster::link::detail
