// SPDX-License-Identifier: Apache-2.0
#include "schedules/cron.h"

#include <bit>

namespace muster::schedules {

using namespace std::chrono;

bool Cron::day_matches(local_days day) const {
  const year_month_day date(day);
  const bool by_date = days_ >> static_cast<unsigned>(date.day()) & 1;
  const bool by_weekday = weekdays_ >> weekday(day).c_encoding() & 1;
  return either_day_ ? by_date || by_weekday : by_date && by_weekday;
}

bool Cron::matches(LocalTime time) const {
  const auto day = floor<days>(time);
  const auto minute = floor<minutes>(time - day).count();
  return (minutes_ >> (minute % 60) & 1) && (hours_ >> (minute / 60) & 1) &&
         (months_ >> static_cast<unsigned>(year_month_day(day).month()) & 1) && day_matches(day);
}

std::optional<LocalTime> Cron::next_shown(LocalTime after) const {
  const LocalTime from = floor<minutes>(after) + minutes(1);
  auto day = floor<days>(from);
  unsigned hour = static_cast<unsigned>(floor<hours>(from - day).count());
  unsigned minute = static_cast<unsigned>(floor<minutes>(from - day).count() % 60);
  const auto end = day + kCronYearsMax;
  while (day < end) {
    const year_month_day date(day);
    if (!(months_ >> static_cast<unsigned>(date.month()) & 1)) {
      const year_month next = date.year() / date.month() + months(1);
      day = local_days(next / std::chrono::day(1));
    } else {
      for (; day_matches(day) && hour < 24; ++hour, minute = 0) {
        if (!(hours_ >> hour & 1)) continue;
        const std::uint64_t left = minutes_ >> minute;
        if (left == 0) continue;
        return day + hours(hour) + minutes(minute + static_cast<unsigned>(std::countr_zero(left)));
      }
      day += days(1);
    }
    hour = minute = 0;
  }
  return std::nullopt;
}

std::optional<core::WallTime> Cron::next(core::WallTime after, const Zone& zone) const {
  const core::WallTime end = after + kCronYearsMax;
  if (!every_hour()) {
    // Later times on the wall are never earlier instants, so the first one that lies
    // behind `after` is the next one.
    for (auto shown = next_shown(zone.local(after)); shown; shown = next_shown(*shown)) {
      const core::WallTime at = zone.instants(*shown).first;
      if (at > after) return at <= end ? std::optional(at) : std::nullopt;
    }
    return std::nullopt;
  }
  // Between two changes the clock on the wall simply runs.
  core::WallTime from = after;  // what has gone is not looked at again
  bool is_new = false;          // `from` itself may fire: the clock has just been changed to it
  while (from <= end) {
    const auto change = zone.next_change(from);
    const LocalTime start = zone.local(from);
    const auto shown = is_new && matches(start) && floor<minutes>(start) == start
                           ? std::optional(start)
                           : next_shown(start);
    if (shown) {
      const core::WallTime at = floor<seconds>(from) + (*shown - start);
      if (!change || at < *change) return at <= end ? std::optional(at) : std::nullopt;
    }
    if (!change) return std::nullopt;
    from = *change;
    is_new = true;
  }
  return std::nullopt;
}

}  // namespace muster::schedules
