// SPDX-License-Identifier: Apache-2.0
//
// Pace lets so many logins through per second and tells the others when their turn
// comes. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/clock.h"

namespace muster::gateway {

class Pace {
 public:
  explicit Pace(std::uint32_t per_second)
      : slot_(std::chrono::nanoseconds(std::chrono::seconds(1)) / std::max(per_second, 1U)) {}

  /// Takes the next slot of a line that moves at the pace. 0: now; else come back after
  /// so many milliseconds. Slots that nobody took are kept for a second.
  std::uint32_t next_ms(core::MonoTime now) {
    next_ = std::max(next_, now - std::chrono::seconds(1)) + slot_;
    return next_ <= now ? 0 : to_ms(next_ - now);
  }

  /// When the i-th of many that are sent away now shall come back; takes no slot.
  std::uint32_t spread_ms(std::size_t i) const { return 1 + to_ms(slot_ * i); }

 private:
  static std::uint32_t to_ms(core::Duration wait) {
    return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::milliseconds>(wait).count());
  }

  core::Duration slot_;
  core::MonoTime next_{};
};

}  // namespace muster::gateway
