// SPDX-License-Identifier: Apache-2.0
//
// Zone: what the clocks on the wall of an IANA time zone show, and when.
//
// The rules come from the system's time zone database (Debian's tzdata) by the library
// cctz, also for years far ahead. They are read once for each zone and process.
// Immutable: any thread may ask.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/result.h"

namespace muster::schedules {

inline constexpr std::size_t kZoneBytesMax = 64;

/// What a clock on the wall shows.
using LocalTime = std::chrono::local_time<std::chrono::seconds>;

class Zone {
 public:
  /// "Europe/Berlin", "UTC". kInvalid says how names look.
  static core::Result<Zone> find(std::string_view name);

  const std::string& name() const { return name_; }
  LocalTime local(core::WallTime time) const;

  /// When the clocks show `time`: twice, where they are set back over it; a time that
  /// they jump over is the moment of the jump. first <= last.
  struct Instants {
    core::WallTime first;
    core::WallTime last;
  };
  Instants instants(LocalTime time) const;

  /// The next moment at which the clocks are changed, of those that are known.
  std::optional<core::WallTime> next_change(core::WallTime after) const;

 private:
  struct Rules;
  Zone(std::string name, std::shared_ptr<const Rules> rules);

  std::string name_;
  std::shared_ptr<const Rules> rules_;
};

}  // namespace muster::schedules
