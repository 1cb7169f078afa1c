// SPDX-License-Identifier: Apache-2.0
//
// Instants as the tests write them.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "core/clock.h"
#include "schedules/zone.h"

namespace muster::schedules::testing {

/// "2026-11-22T03:00:00Z", also with fractions of a second.
inline core::WallTime at(const char* text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0;
  double second = 0;
  EXPECT_EQ(std::sscanf(text, "%d-%d-%dT%d:%d:%lfZ", &year, &month, &day, &hour, &minute, &second),
            6)
      << text;
  const auto date = std::chrono::year(year) / month / day;
  return core::WallTime(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute) +
         std::chrono::milliseconds(static_cast<std::int64_t>(second * 1000 + 0.5));
}

/// "2026-11-22T03:00" where nothing smaller is left, else all of it.
inline std::string minute_text(core::WallTime time) {
  const std::string text = core::to_rfc3339(time);
  return text.ends_with(":00.000Z") ? text.substr(0, 16) : text;
}

inline Zone zone(const char* name) {
  auto found = Zone::find(name);
  EXPECT_TRUE(found) << name;
  return found ? *found : *Zone::find("UTC");
}

}  // namespace muster::schedules::testing
