// SPDX-License-Identifier: Apache-2.0
//
// CreditWindow decides which endpoint may send its next chunks.
//
// A gateway that lets a thousand endpoints answer at once drowns; one that serves
// them in turn starves the small answers behind the large. Small results therefore
// travel in the announcement, large ones wait for credit, and credit goes round by
// endpoint, one slice a turn, however many results an endpoint has.
//
// Pure logic; owned by one gateway loop.
// Invariant: granted, unused credit and the received bytes that are held never exceed
// `budget_bytes` together: so much memory large results take at most.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "link/limits.h"

namespace muster::link {

/// An endpoint that wants to send.
class CreditClient {
 public:
  /// Its turn: takes up to `bytes_max` and returns what it took; 0: it wants nothing.
  /// May enter() again for a further turn.
  virtual std::uint64_t take_credit(std::uint64_t bytes_max) = 0;

 protected:
  ~CreditClient() = default;
};

class CreditWindow {
 public:
  explicit CreditWindow(std::uint64_t budget_bytes = kCreditBudgetBytes,
                        std::uint64_t slice_bytes = kCreditSliceBytes);

  /// Queues `client` behind the others; once per client until its turn or leave().
  void enter(CreditClient& client);
  /// Removes a waiting client (its link ended).
  void leave(CreditClient& client);
  /// Received bytes that stay in memory for now; returned() once they have left it. Call it
  /// before the credit that brought them is returned.
  void hold(std::uint64_t bytes) { in_flight_ += bytes; }
  /// Credit was used up by received bytes, its owner is gone, or what was held has left.
  /// REQUIRES: bytes <= in_flight_bytes().
  void returned(std::uint64_t bytes);

  std::uint64_t slice_bytes() const { return slice_; }
  std::uint64_t in_flight_bytes() const { return in_flight_; }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  void pump();

  std::uint64_t budget_;
  std::uint64_t slice_;
  std::uint64_t in_flight_ = 0;
  bool pumping_ = false;
  std::deque<CreditClient*> waiting_;
};

}  // namespace muster::link
