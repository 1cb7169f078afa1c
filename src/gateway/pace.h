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

  /// 0: now; else come back after so many milliseconds. Slots that nobody took are kept for a
  /// second. Who is told to come back takes none: times to come back are a line of their own,
  /// or those who come when told would only lengthen it, and nobody would ever get in.
  std::uint32_t next_ms(core::MonoTime now) {
    taken_ = std::max(taken_, now - std::chrono::seconds(1));
    if (taken_ + slot_ <= now) {
      taken_ += slot_;
      return 0;
    }
    invited_ = std::max(invited_, now) + slot_;
    return to_ms(invited_ - now);
  }

  /// When the i-th of many that are sent away now shall come back; takes no slot.
  std::uint32_t spread_ms(std::size_t i) const { return 1 + to_ms(slot_ * i); }

 private:
  static std::uint32_t to_ms(core::Duration wait) {
    return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::milliseconds>(wait).count());
  }

  core::Duration slot_;
  core::MonoTime taken_{};    ///< slots until here are taken
  core::MonoTime invited_{};  ///< until here somebody was told to come
};

}  // namespace muster::gateway
