// SPDX-License-Identifier: Apache-2.0
//
// Reconnect decides where and when the agent tries next, so that a fleet whose
// gateway died comes back as a stream and not as a wave.
//
// A gateway that sends it elsewhere is obeyed first, with its configured servers behind.
// Waits grow exponentially with full jitter (AWS's term: uniform in (0, ceiling]),
// a gateway's own wish goes first, and an answer that will not change by asking
// again is asked for slowly. Pure logic.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "core/clock.h"
#include "link/ending.h"

namespace muster::link {

class Reconnect {
 public:
  static constexpr std::chrono::milliseconds kFirst{500};
  static constexpr std::chrono::seconds kCeiling{60};
  static constexpr std::chrono::minutes kSlow{10};
  /// A link that lived so long starts the pacing anew.
  static constexpr std::chrono::seconds kStable{60};
  /// The longest wait that a gateway may ask for.
  static constexpr std::chrono::minutes kRetryAfterMax{60};
  /// Who is moved without a time comes within this, so that those moved together do not
  /// arrive together.
  static constexpr std::chrono::milliseconds kMovedWithin{200};
  /// Sent on more often without a stable link in between, it paces itself: two gateways may
  /// send it to each other.
  static constexpr unsigned kMovesInARow = 4;

  /// `servers` in order of preference, not empty; `last_good` (may be empty) goes first.
  Reconnect(std::vector<std::string> servers, std::string last_good, std::uint64_t random_seed);

  /// Where to go now.
  const std::string& server() const { return order_[next_]; }
  /// Welcomed there: it is the last good one from now on, with the configured ones behind.
  void connected(core::MonoTime now);
  /// The attempt or the link ended. Returns how long to wait before server() is tried.
  core::Duration ended(const Ending& ending, core::MonoTime now);

  /// A sentence for the log about the last ended(): what happened and what follows.
  const std::string& explanation() const { return explanation_; }

 private:
  core::Duration backoff();
  void follow(const std::vector<std::string>& gateways);

  std::vector<std::string> configured_;
  std::vector<std::string> order_;  ///< what to try in turn
  std::size_t next_ = 0;
  unsigned failures_ = 0;
  unsigned moves_ = 0;  ///< since the last stable link
  bool up_ = false;
  core::MonoTime up_since_{};
  core::Random random_;
  std::string explanation_;
};

}  // namespace muster::link
