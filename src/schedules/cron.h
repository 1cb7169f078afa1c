// SPDX-License-Identifier: Apache-2.0
//
// Cron: when, in the five fields that everybody knows (docs/schedules.md):
// minute, hour, day of month, month, day of week.
//
// Days follow Vixie's cron: where both day fields are restricted (neither begins with
// '*'), a day that fits either of them fits.
//
// Clocks that change: an expression that names hours fires by the clock on the wall. A
// time that is jumped over fires once, at the moment of the jump; one that is shown
// twice fires the first time. An expression that allows every hour keeps to the time
// that passes: at each minute that fits, as often as it is shown.
//
// Pure and immutable.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "schedules/zone.h"

namespace muster::schedules {

inline constexpr std::size_t kCronBytesMax = 256;
/// Whoever does not fire within so long never does: the 29th of February of 2096 is
/// followed by that of 2104.
inline constexpr std::chrono::years kCronYearsMax{9};

/// Why a text is no cron expression. `message` begins with "column N: ".
struct CronError {
  std::size_t column = 0;  ///< from 1, in bytes; at most one behind the end
  std::string message;
};

class Cron {
 public:
  /// Five fields, or @hourly, @daily, @weekly, @monthly, @yearly. An expression that
  /// can never fire (the 30th of February) is an error.
  static std::expected<Cron, CronError> parse(std::string_view text);

  /// The next firing after `after`, to the second exact; nothing beyond kCronYearsMax.
  std::optional<core::WallTime> next(core::WallTime after, const Zone& zone) const;
  /// Whether a clock that shows `time` is in a minute that fits.
  bool matches(LocalTime time) const;
  /// The first fitting minute that begins after `after`, on a clock that never changes.
  std::optional<LocalTime> next_shown(LocalTime after) const;

 private:
  friend class CronParser;
  bool day_matches(std::chrono::local_days day) const;
  bool every_hour() const { return hours_ == 0xffffff; }

  std::uint64_t minutes_ = 0;
  std::uint32_t hours_ = 0;
  std::uint32_t days_ = 0;     ///< bits 1 to 31
  std::uint16_t months_ = 0;   ///< bits 1 to 12
  std::uint8_t weekdays_ = 0;  ///< bits 0 (Sunday) to 6
  bool either_day_ = false;    ///< both day fields are restricted
};

}  // namespace muster::schedules
