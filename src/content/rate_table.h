// SPDX-License-Identifier: Apache-2.0
//
// RateTable says how many bytes a second may go over a line at which time of the day:
//
//   10M                                     always the same
//   08:00-18:00 2 MB/s, otherwise 20 MB/s   a thin line in working hours
//   22:00-06:00 unlimited, otherwise 512K   a span may reach over midnight
//
// The first span that holds the time counts; what no span holds is not limited, unless
// "otherwise" says so. Pure: what time it is comes in as a parameter, by the clock of the wall
// of whoever sends.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace muster::content {

class RateTable {
 public:
  static constexpr std::size_t kSpansMax = 24;
  static constexpr std::size_t kTextBytesMax = 1024;
  static constexpr unsigned kDayMinutes = 24 * 60;

  /// No limit.
  RateTable() = default;
  /// The same all day; 0: no limit.
  explicit RateTable(std::uint64_t bytes_per_second) : otherwise_(bytes_per_second) {}

  /// kInvalid: what is wrong, and how it is written.
  static core::Result<RateTable> parse(std::string_view text);

  /// Bytes a second in this minute of the day; 0: no limit. REQUIRES: minute < kDayMinutes.
  std::uint64_t at(unsigned minute) const;
  /// There is a time at which it limits.
  bool limits() const;
  /// As parse() reads it: "08:00-18:00 2M, otherwise 20M", "10M", "unlimited".
  std::string str() const;

 private:
  struct Span {
    unsigned from = 0;  ///< minute of the day
    unsigned to = 0;    ///< not in it; 1440 is the end of the day, before `from`: of the next
    std::uint64_t rate = 0;
    bool holds(unsigned minute) const;
  };
  core::Status add(std::string_view entry);

  std::vector<Span> spans_;
  std::uint64_t otherwise_ = 0;
  bool ended_ = false;  ///< there was an "otherwise", or a rate without a time
};

}  // namespace muster::content
