// SPDX-License-Identifier: Apache-2.0
//
// Time and randomness as parameters. Logic takes both from outside, so that the
// simulator owns them; only programs touch the real ones.
//
// Durations and deadlines use MonoTime (it never jumps); what is stored or shown
// uses WallTime. Nothing is decided by comparing the wall clocks of two machines.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace muster::core {

using Duration = std::chrono::nanoseconds;
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

MonoTime mono_now();
WallTime wall_now();

inline std::int64_t unix_ms(WallTime time) {
  return time.time_since_epoch().count();
}
inline WallTime wall_from_unix_ms(std::int64_t ms) {
  return WallTime{std::chrono::milliseconds{ms}};
}

/// RFC 3339 in UTC with milliseconds: 2026-11-22T02:18:01.123Z.
std::string to_rfc3339(WallTime time);

/// A duration as people write it: "250ms", "3.2s", "5m10s", "2h", "3d".
std::string to_text(Duration duration);

/// xoshiro256** (Blackman and Vigna), seeded by splitmix64. For jitter, ids and
/// simulation; never for secrets.
class Random {
 public:
  explicit Random(std::uint64_t seed);
  std::uint64_t next();
  /// Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1).
  double unit();

 private:
  std::uint64_t state_[4];
};

/// `count` unpredictable bytes from the operating system. Aborts if it has none.
std::string random_bytes(std::size_t count);

/// A Random seeded from random_bytes().
Random random_seeded();

}  // namespace muster::core
