// SPDX-License-Identifier: Apache-2.0
//
// Reconnect decides where and when the agent tries next, so that a fleet whose
// gateway died comes back as a stream and not as a wave.
//
// A gateway that sends it elsewhere is obeyed first, with its configured servers behind.
// Waits grow exponentially with full jitter (AWS's term: uniform in (0, ceiling]) from one
// round over all its servers to the next; within a round it goes on soon, for a long list is
// no reason to be away for long. A gateway's own wish goes first, and an answer that will not
// change by asking again is asked for slowly. Pure logic.
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
  /// The longest wait before the next of a round.
  static constexpr std::chrono::seconds kNextWithin{2};
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
  /// Between two questions who is near, up to a half longer; doubles up to the ceiling.
  static constexpr std::chrono::seconds kSeekPause{30};
  static constexpr std::chrono::minutes kSeekCeiling{10};

  /// `servers` in order of preference, not empty; `last_good` (may be empty) goes first.
  Reconnect(std::vector<std::string> servers, std::string last_good, std::uint64_t random_seed);

  /// Where to go now.
  const std::string& server() const { return order_[next_]; }
  /// Welcomed there: it is the last good one from now on. `others`: gateways that would take
  /// it, too; the configured ones come behind.
  void connected(core::MonoTime now, const std::vector<std::string>& others = {});
  /// The attempt or the link ended. Returns how long to wait before server() is tried.
  core::Duration ended(const Ending& ending, core::MonoTime now);

  /// Nobody in the list answered, one after the other: it is time to ask who is near. Not
  /// soon again after such a question.
  bool shall_seek(core::MonoTime now);
  /// Who was found is tried next.
  void found(const std::vector<std::string>& servers);

  /// A sentence for the log about the last ended(): what happened and what follows.
  const std::string& explanation() const { return explanation_; }

 private:
  /// Uniform in (0, ceiling]; it doubles with each lost link and each round, up to `ceiling_max`.
  core::Duration jitter(core::Duration ceiling_max);
  void follow(const std::vector<std::string>& gateways);
  void put_first(std::vector<std::string> order);

  std::vector<std::string> configured_;
  std::vector<std::string> order_;  ///< what to try in turn
  std::size_t next_ = 0;
  unsigned failures_ = 0;  ///< lost links and whole rounds since the last stable link
  unsigned unheard_ = 0;   ///< attempts in a row at which nobody answered
  unsigned seeks_ = 0;     ///< since the last welcome
  core::MonoTime next_seek_{};
  unsigned moves_ = 0;  ///< since the last stable link
  bool up_ = false;
  core::MonoTime up_since_{};
  core::Random random_;
  std::string explanation_;
};

}  // namespace muster::link
