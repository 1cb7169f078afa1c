// SPDX-License-Identifier: Apache-2.0
//
// Virtual time: events in order of their instant, then of their making. The only
// source of time and chance in a simulation, so that a seed says everything.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "core/clock.h"
#include "jobs/types.h"

namespace muster::sim {

class Clock {
 public:
  explicit Clock(std::uint64_t seed) : random(seed) {}

  core::MonoTime now() const { return now_; }
  jobs::Now both() const {
    return {now_, core::wall_from_unix_ms(1'800'000'000'000 +
                                          now_.time_since_epoch().count() / 1'000'000)};
  }
  void after(core::Duration wait, std::function<void()> event) {
    events_.emplace(std::pair(now_ + wait, ++made_), std::move(event));
  }
  /// A wait between the two.
  core::Duration between(core::Duration least, core::Duration most) {
    return least + core::Duration(static_cast<std::int64_t>(
                       random.below(static_cast<std::uint64_t>((most - least).count()) + 1)));
  }
  bool chance(unsigned per_thousand) { return random.below(1000) < per_thousand; }
  /// One event; false when there is none.
  bool step() {
    if (events_.empty()) return false;
    auto first = events_.extract(events_.begin());
    now_ = first.key().first;
    first.mapped()();
    return true;
  }

  void clear() { events_.clear(); }

  core::Random random;

 private:
  core::MonoTime now_{std::chrono::hours(1)};
  std::uint64_t made_ = 0;
  std::map<std::pair<core::MonoTime, std::uint64_t>, std::function<void()>> events_;
};

/// Aborts with the seed; the command line repeats it.
[[noreturn]] void violated(const char* what, const std::string& detail);

}  // namespace muster::sim
