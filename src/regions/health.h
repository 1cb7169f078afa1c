// SPDX-License-Identifier: Apache-2.0
//
// Health: is another region there, and when is it asked again? A state machine for each region,
// fed by every request to it and by the probes that it orders itself.
//
// A region that answers is asked as often as somebody wants. One that has failed twice in a row is
// down: whoever wants it is told so at once, with since when and why, and waits for nothing; one
// probe at a time finds out when it is back (a circuit breaker), after waits that double, with
// jitter so that regions that were cut off together do not knock together.
//
// Pure logic: no clock, no I/O. The state decides by monotonic time; wall times are for people.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/clock.h"

namespace muster::regions {

class Health {
 public:
  enum class State : std::uint8_t {
    kUnknown,  ///< Not asked yet.
    kUp,
    kSlow,  ///< It answers, later than people like.
    kDown,
  };

  /// It is asked how it is so often, whatever else it is asked: what it grants may have changed.
  static constexpr std::chrono::milliseconds kProbeEvery{3'000};
  /// One that is down, for the first time; doubles up to the ceiling.
  static constexpr std::chrono::milliseconds kRetryFirst{500};
  static constexpr std::chrono::milliseconds kRetryCeiling{30'000};
  /// Failures in a row that make a region that answered go down.
  static constexpr unsigned kFailuresToDown = 2;
  /// An answer is slow beyond this; so many of a kind in a row decide.
  static constexpr std::chrono::milliseconds kSlowAnswer{1'000};
  static constexpr unsigned kInARow = 3;
  static constexpr std::size_t kWhyBytesMax = 500;

  Health(core::MonoTime now, core::WallTime wall, std::uint64_t random_seed);

  State state() const { return state_; }
  /// When it came into this state.
  core::WallTime since() const { return since_; }
  /// What went wrong last; empty while all is well.
  const std::string& why() const { return why_; }
  /// Of the last one.
  core::Duration answered_within() const { return took_; }
  std::uint64_t downs() const { return downs_; }  ///< How often it went down.

  /// Whether a request is worth a try now: everything but down.
  bool may_ask() const { return state_ != State::kDown; }
  /// True where a probe is due: none is under way, and its time has come. The caller begins it.
  bool begin_probe(core::MonoTime now);
  /// When begin_probe() may say yes; the furthest future while one is under way.
  core::MonoTime probe_at() const { return probing_ ? core::MonoTime::max() : probe_at_; }
  void end_probe() { probing_ = false; }
  /// What is known of the way there has changed: a probe is due.
  void probe_soon(core::MonoTime now) { probe_at_ = std::min(probe_at_, now); }

  /// It has answered (whatever it said), `took` after it was asked.
  void answered(core::MonoTime now, core::WallTime wall, core::Duration took);
  /// It could not be asked, or did not answer in time. What was begun before the last failure, or
  /// before it came back, is to be kept from here (generation()): many requests that are cut at
  /// once are one failure.
  void failed(core::MonoTime now, core::WallTime wall, std::string_view why);
  /// Grows with each failure, and when it comes back.
  std::uint64_t generation() const { return generation_; }

 private:
  void enter(State state, core::WallTime wall);

  core::Random random_;
  State state_ = State::kUnknown;
  core::WallTime since_;
  std::string why_;
  core::Duration took_{};
  core::MonoTime probe_at_;
  bool probing_ = false;
  unsigned failures_ = 0;
  unsigned slow_ = 0, fast_ = 0;
  std::uint64_t downs_ = 0;
  std::uint64_t generation_ = 0;
};

std::string_view name(Health::State state);  ///< "unknown", "up", "slow", "down"

}  // namespace muster::regions
