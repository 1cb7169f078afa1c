// SPDX-License-Identifier: Apache-2.0
#include "schedules/instant.h"

#include <optional>

#include "core/bytes.h"

namespace muster::schedules {
namespace {

using namespace std::chrono;

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  std::optional<int> digits(std::size_t count) {
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (i >= rest_.size() || rest_[i] < '0' || rest_[i] > '9') return std::nullopt;
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }
  /// `count` digits behind `mark`.
  std::optional<int> behind(char mark, std::size_t count) {
    return take(mark) ? digits(count) : std::nullopt;
  }
  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

std::optional<local_time<milliseconds>> read_shown(Reader& reader) {
  const auto y = reader.digits(4);
  const auto m = reader.behind('-', 2);
  const auto d = reader.behind('-', 2);
  if (!y || !m || !d || !(reader.take('T') || reader.take(' '))) return std::nullopt;
  const auto date = year(*y) / month(unsigned(*m)) / day(unsigned(*d));
  const auto hour = reader.digits(2);
  const auto minute = reader.behind(':', 2);
  if (!date.ok() || !hour || !minute || *hour > 23 || *minute > 59) return std::nullopt;
  milliseconds more{0};
  if (reader.take(':')) {
    const auto second = reader.digits(2);
    if (!second || *second > 59) return std::nullopt;
    more = seconds(*second);
    if (reader.take('.')) {
      const auto fraction = reader.digits(3);
      if (!fraction) return std::nullopt;
      more += milliseconds(*fraction);
    }
  }
  return local_days(date) + hours(*hour) + minutes(*minute) + more;
}

std::optional<core::WallTime> read(std::string_view text, const Zone& zone) {
  Reader reader(text);
  const auto shown = read_shown(reader);
  if (!shown) return std::nullopt;
  if (reader.at_end()) {
    const auto whole = floor<seconds>(*shown);
    return zone.instants(whole).first + (*shown - whole);
  }
  const core::WallTime utc{shown->time_since_epoch()};
  if (reader.take('Z')) return reader.at_end() ? std::optional(utc) : std::nullopt;
  const bool east = reader.take('+');
  if (!east && !reader.take('-')) return std::nullopt;
  const auto hour = reader.digits(2);
  const auto minute = reader.behind(':', 2);
  if (!hour || !minute || *hour > 14 || *minute > 59 || !reader.at_end()) return std::nullopt;
  const minutes offset = hours(*hour) + minutes(*minute);
  return east ? utc - offset : utc + offset;
}

}  // namespace

core::Result<core::WallTime> read_instant(std::string_view text, const Zone& zone) {
  if (const auto found = read(text, zone)) return *found;
  return core::fail(core::Code::kInvalid,
                    "'" + core::printable(text, 64) +
                        "' is no time; write 2026-12-01T03:00 (in the schedule's zone), "
                        "2026-12-01T03:00:00Z or 2026-12-01T03:00:00+01:00");
}

}  // namespace muster::schedules
