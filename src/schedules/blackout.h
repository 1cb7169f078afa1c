// SPDX-License-Identifier: Apache-2.0
//
// Blackouts: windows of time in which nothing shall be fired, on the clocks of a zone.
//
//   22:00-06:00               every night, across midnight
//   mon-fri 08:00-18:00       begins on these days
//   sat,sun                   whole days
//   12-20..01-06              these dates of each year, both included
//   2026-12-20..2027-01-06    these dates once
//
// A window is judged by what the clocks show: a minute that they show twice is inside
// both times. Pure and immutable.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "schedules/zone.h"

namespace muster::schedules {

inline constexpr std::size_t kWindowBytesMax = 64;
inline constexpr std::size_t kWindowsMax = 32;

class Window {
 public:
  /// kInvalid quotes the text and shows an example.
  static core::Result<Window> parse(std::string_view text);

  const std::string& text() const { return text_; }
  /// Where `time` is inside: when it ends, on a clock that never changes.
  std::optional<LocalTime> end_around(LocalTime time) const;

 private:
  friend class WindowParser;
  enum class Kind { kWeekly, kYearly, kOnce };

  std::string text_;
  Kind kind_ = Kind::kWeekly;
  unsigned weekdays_ = 0x7f;                  ///< bits 0 (Sunday) to 6
  std::chrono::minutes start_{0};             ///< after midnight
  std::chrono::minutes length_{24 * 60};      ///< at most a day
  std::chrono::month_day from_{}, to_{};      ///< kYearly
  std::chrono::local_days first_{}, last_{};  ///< kOnce
};

class Blackouts {
 public:
  static core::Result<Blackouts> parse(const std::vector<std::string>& texts);

  /// The first window that `time` lies in; null: none.
  const Window* around(core::WallTime time, const Zone& zone) const;
  /// The first moment from `time` on that lies in none; nothing where there is none
  /// within two years.
  std::optional<core::WallTime> free_from(core::WallTime time, const Zone& zone) const;

 private:
  std::vector<Window> windows_;
};

}  // namespace muster::schedules
