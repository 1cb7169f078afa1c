// SPDX-License-Identifier: Apache-2.0
//
// PeerPace decides how long a peer may still be waited for while one body moves.
//
// A limit for each read or write alone lets a peer hold a connection for days with a byte
// now and then; a limit for the whole would cut large bodies on honest slow lines and live
// views that say nothing for hours. So the peer has some time for nothing, and earns more
// with each byte. Only time in which the peer was waited for counts, not the producer's.
//
// Pure: no clock.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/clock.h"

namespace muster::net::detail {

class PeerPace {
 public:
  PeerPace(core::Duration grace, std::uint64_t bytes_per_second_min)
      : left_(grace), bytes_per_second_min_(bytes_per_second_min) {}

  /// How long the next read or write may wait; never negative.
  core::Duration left() const { return left_ > core::Duration::zero() ? left_ : core::Duration{}; }
  bool exhausted() const { return left_ <= core::Duration::zero(); }

  /// The peer was waited for that long, and took or gave that much.
  void moved(core::Duration waited, std::size_t bytes) {
    constexpr std::uint64_t kNanoseconds = 1'000'000'000;
    left_ -= waited;
    left_ += std::chrono::nanoseconds(bytes * kNanoseconds / bytes_per_second_min_);
    if (left_ > kLeftMax) left_ = kLeftMax;  // a fast start does not pay for a long silence
  }

 private:
  static constexpr core::Duration kLeftMax = std::chrono::minutes(2);

  core::Duration left_;
  std::uint64_t bytes_per_second_min_;
};

}  // namespace muster::net::detail
