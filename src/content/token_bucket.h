// SPDX-License-Identifier: Apache-2.0
//
// TokenBucket limits a rate of bytes: it fills steadily up to `burst` and is emptied by
// what is taken. Pure logic; exact to the nanosecond's share, never drifting.
#pragma once

#include <cstdint>

#include "core/clock.h"

namespace muster::content {

class TokenBucket {
 public:
  /// `bytes_per_second` 0: no limit. Full at the start.
  TokenBucket(std::uint64_t bytes_per_second, std::uint64_t burst, core::MonoTime now);

  /// Takes `bytes` if they are there. More than `burst` is taken as soon as the bucket is
  /// full, and paid back by waiting longer afterwards.
  bool take(std::uint64_t bytes, core::MonoTime now);
  /// Gives back what was taken and not used.
  void give_back(std::uint64_t bytes);
  /// When take(bytes) will succeed; `now` where it would at once.
  core::MonoTime ready_at(std::uint64_t bytes, core::MonoTime now) const;

  bool limited() const { return rate_ != 0; }
  /// Nothing is owed and nothing more comes: as good as a new one.
  bool full(core::MonoTime now) const { return ready_at(burst_, now) <= now; }
  std::uint64_t burst() const { return burst_; }

 private:
  double level_at(core::MonoTime now) const;

  std::uint64_t rate_;
  std::uint64_t burst_;
  double level_;
  core::MonoTime at_;
};

}  // namespace muster::content
