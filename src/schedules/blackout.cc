// SPDX-License-Identifier: Apache-2.0
#include "schedules/blackout.h"

#include <algorithm>

#include "core/bytes.h"

namespace muster::schedules {

using namespace std::chrono;

namespace {

constexpr std::string_view kWeekdays = "sunmontuewedthufrisat";
constexpr years kFreeWithin{2};

}  // namespace

/// Reads one window. Each step takes what it understands from the front of `rest_`.
class WindowParser {
 public:
  explicit WindowParser(std::string_view text) : text_(text), rest_(text) {}

  core::Result<Window> parse() {
    Window window;
    if (text_.size() > kWindowBytesMax) return wrong();
    window.text_ = text_;
    const bool done = text_.contains("..") ? dates(window) : week(window);
    if (!done || !rest_.empty()) return wrong();
    return window;
  }

 private:
  std::unexpected<core::Error> wrong() const {
    return core::fail(core::Code::kInvalid,
                      "'" + core::printable(text_, kWindowBytesMax) +
                          "' is no blackout window; write 22:00-06:00, mon-fri 08:00-18:00, "
                          "sat,sun, 12-20..01-06 or 2026-12-20..2027-01-06");
  }
  bool take(std::string_view what) {
    if (!rest_.starts_with(what)) return false;
    rest_.remove_prefix(what.size());
    return true;
  }
  std::optional<int> digits(std::size_t count) {
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (i >= rest_.size() || rest_[i] < '0' || rest_[i] > '9') return std::nullopt;
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }

  bool week(Window& window) {
    const bool has_days = !rest_.empty() && (rest_[0] < '0' || rest_[0] > '9');
    if (has_days && !days_of_week(window)) return false;
    if (rest_.empty()) return has_days;
    if (has_days && !take(" ")) return false;
    const auto start = time_of_day();
    if (!start || *start == hours(24) || !take("-")) return false;
    const auto end = time_of_day();
    if (!end || *end == *start) return false;
    window.start_ = *start;
    window.length_ = *end > *start ? *end - *start : *end + hours(24) - *start;
    return true;
  }
  bool days_of_week(Window& window) {
    window.weekdays_ = 0;
    do {
      const auto first = weekday_name();
      if (!first) return false;
      const auto last = take("-") ? weekday_name() : first;
      if (!last) return false;
      for (unsigned day = *first;; day = (day + 1) % 7) {  // "fri-mon" goes round
        window.weekdays_ |= 1U << day;
        if (day == *last) break;
      }
    } while (take(","));
    return true;
  }
  std::optional<unsigned> weekday_name() {
    std::string name(rest_.substr(0, 3));
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    for (unsigned i = 0; name.size() == 3 && i < 7; ++i)
      if (kWeekdays.substr(std::size_t{i} * 3, 3) == name) {
        rest_.remove_prefix(3);
        return i;
      }
    return std::nullopt;
  }
  std::optional<minutes> time_of_day() {
    const auto hour = digits(2);
    if (!hour || !take(":")) return std::nullopt;
    const auto minute = digits(2);
    if (!minute || *minute > 59 || *hour > 24 || (*hour == 24 && *minute > 0)) return std::nullopt;
    return hours(*hour) + minutes(*minute);
  }

  bool dates(Window& window) {
    const bool once = text_.size() > 4 && text_[4] == '-';
    window.kind_ = once ? Window::Kind::kOnce : Window::Kind::kYearly;
    if (!once) return yearly(window.from_) && take("..") && yearly(window.to_);
    return date(window.first_) && take("..") && date(window.last_) && window.first_ <= window.last_;
  }
  bool yearly(month_day& made) {
    const auto m = digits(2);
    if (!m || !take("-")) return false;
    const auto d = digits(2);
    if (!d) return false;
    made = month(static_cast<unsigned>(*m)) / day(static_cast<unsigned>(*d));
    return made.ok();
  }
  bool date(local_days& made) {
    const auto y = digits(4);
    month_day in_year;
    if (!y || !take("-") || !yearly(in_year)) return false;
    const year_month_day read = year(*y) / in_year;
    made = local_days(read);
    return read.ok();
  }

  const std::string_view text_;
  std::string_view rest_;
};

core::Result<Window> Window::parse(std::string_view text) {
  return WindowParser(text).parse();
}

std::optional<LocalTime> Window::end_around(LocalTime time) const {
  const auto today = floor<days>(time);
  const year_month_day date(today);
  if (kind_ == Kind::kOnce)
    return today >= first_ && today <= last_ ? std::optional<LocalTime>(last_ + days(1))
                                             : std::nullopt;
  if (kind_ == Kind::kYearly) {
    const month_day shown = date.month() / date.day();
    const bool wraps = to_ < from_;
    const bool inside = wraps ? shown >= from_ || shown <= to_ : shown >= from_ && shown <= to_;
    if (!inside) return std::nullopt;
    const year ends = date.year() + years(wraps && shown >= from_ ? 1 : 0);
    const year_month_day_last month_end = ends / to_.month() / last;
    return local_days(ends / to_.month() / std::min(to_.day(), month_end.day())) + days(1);
  }
  for (const auto day : {today, today - days(1)}) {
    const LocalTime start = day + start_;
    if ((weekdays_ >> weekday(day).c_encoding() & 1) && time >= start && time < start + length_)
      return start + length_;
  }
  return std::nullopt;
}

core::Result<Blackouts> Blackouts::parse(const std::vector<std::string>& texts) {
  if (texts.size() > kWindowsMax)
    return core::fail(core::Code::kLimit,
                      "there may be at most " + std::to_string(kWindowsMax) + " blackout windows");
  Blackouts made;
  for (const auto& text : texts) {
    MUSTER_ASSIGN(auto window, Window::parse(text));
    made.windows_.push_back(std::move(window));
  }
  return made;
}

const Window* Blackouts::around(core::WallTime time, const Zone& zone) const {
  if (windows_.empty()) return nullptr;
  const LocalTime shown = zone.local(time);
  const auto found = std::ranges::find_if(
      windows_, [&](const Window& each) { return each.end_around(shown).has_value(); });
  return found == windows_.end() ? nullptr : &*found;
}

std::optional<core::WallTime> Blackouts::free_from(core::WallTime time, const Zone& zone) const {
  const core::WallTime end = time + kFreeWithin;
  while (time <= end) {
    const Window* window = around(time, zone);
    if (!window) return time;
    // The clocks may be set back into the window as it ends: then it ends again.
    const auto ends = zone.instants(*window->end_around(zone.local(time)));
    time = ends.first > time ? ends.first : std::max(ends.last, time + minutes(1));
  }
  return std::nullopt;
}

}  // namespace muster::schedules
