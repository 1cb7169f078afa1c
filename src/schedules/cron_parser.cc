// SPDX-License-Identifier: Apache-2.0
//
// Reads a cron expression: from left to right, the first mistake ends it with its column.
#include <algorithm>
#include <array>
#include <vector>

#include "core/bytes.h"
#include "schedules/cron.h"

namespace muster::schedules {
namespace {

struct Field {
  std::string_view name;
  unsigned least;
  unsigned most;
  std::string_view names;  ///< three letters each, from `least` on
};
constexpr std::string_view kMonths = "janfebmaraprmayjunjulaugsepoctnovdec";
constexpr std::string_view kWeekdays = "sunmontuewedthufrisat";
constexpr std::array<Field, 5> kFields = {{{"minute", 0, 59, ""},
                                           {"hour", 0, 23, ""},
                                           {"day of month", 1, 31, ""},
                                           {"month", 1, 12, kMonths},
                                           {"day of week", 0, 7, kWeekdays}}};
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kWords = {{
    {"@hourly", "0 * * * *"},
    {"@daily", "0 0 * * *"},
    {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"},
    {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
bool is_letter(char c) {
  return lower(c) >= 'a' && lower(c) <= 'z';
}
std::string lowered(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), lower);
  return result;
}

}  // namespace

class CronParser {
 public:
  explicit CronParser(std::string_view text) : text_(text) {}

  std::expected<Cron, CronError> parse() {
    if (text_.size() > kCronBytesMax)
      return wrong(kCronBytesMax,
                   "the expression is longer than " + std::to_string(kCronBytesMax) + " bytes");
    skip_space();
    if (at_ < text_.size() && text_[at_] == '@') return word();
    Cron cron;
    std::array<bool, 5> stars{};
    for (std::size_t i = 0; i < kFields.size(); ++i) {
      if (at_ == text_.size())
        return wrong(at_, "the " + std::string(kFields[i].name) +
                              " is missing; the fields are minute, hour, day of month, month, "
                              "day of week");
      stars[i] = text_[at_] == '*';
      const auto bits = field(kFields[i]);
      if (!bits) return std::unexpected(bits.error());
      keep(cron, i, *bits);
      skip_space();
    }
    if (at_ < text_.size())
      return wrong(at_, "there is more behind the five fields; seconds and years are not known");
    cron.either_day_ = !stars[2] && !stars[4];
    if (!cron.next_shown(LocalTime(std::chrono::local_days(std::chrono::year(2000) / 1 / 1))))
      return wrong(0, "this never fires: no such day has been or will be");
    return cron;
  }

 private:
  template <typename T>
  using Or = std::expected<T, CronError>;

  static std::unexpected<CronError> wrong(std::size_t at, std::string what) {
    return std::unexpected(
        CronError{at + 1, "column " + std::to_string(at + 1) + ": " + std::move(what)});
  }
  std::unexpected<CronError> wrong(const Field& field, std::size_t at, std::string what) const {
    return wrong(at, std::string(field.name) + ": " + std::move(what));
  }
  bool is_space() const { return text_[at_] == ' ' || text_[at_] == '\t'; }
  void skip_space() {
    while (at_ < text_.size() && is_space()) ++at_;
  }
  /// The character here, and a NUL at the end of a field.
  char here() const { return at_ < text_.size() && !is_space() ? text_[at_] : '\0'; }

  static void keep(Cron& cron, std::size_t field, std::uint64_t bits) {
    switch (field) {
      case 0:
        cron.minutes_ = bits;
        break;
      case 1:
        cron.hours_ = static_cast<std::uint32_t>(bits);
        break;
      case 2:
        cron.days_ = static_cast<std::uint32_t>(bits);
        break;
      case 3:
        cron.months_ = static_cast<std::uint16_t>(bits);
        break;
      default:
        cron.weekdays_ = static_cast<std::uint8_t>((bits | bits >> 7) & 0x7f);
    }
  }

  Or<Cron> word() {
    const std::size_t start = at_;
    while (here() != '\0') ++at_;
    const std::string name = lowered(text_.substr(start, at_ - start));
    skip_space();
    if (at_ < text_.size()) return wrong(at_, "nothing may stand behind " + name);
    for (const auto& [known, fields] : kWords)
      if (name == known) return CronParser(fields).parse();
    return wrong(start, name == "@reboot"
                            ? "there is no @reboot here: a schedule may fire on boot instead"
                            : "there is no '" + core::printable(name, 32) +
                                  "'; the words are @hourly, @daily, @weekly, @monthly, @yearly");
  }

  Or<std::uint64_t> field(const Field& field) {
    std::uint64_t bits = 0;
    while (true) {
      const auto item = this->item(field);
      if (!item) return item;
      bits |= *item;
      if (here() == '\0') return bits;
      if (here() != ',') return unexpected_here(field);
      ++at_;
    }
  }

  Or<std::uint64_t> item(const Field& field) {
    const std::size_t start = at_;
    unsigned first = field.least;
    // The second Sunday would only be counted twice.
    unsigned last = field.most == 7 ? 6 : field.most;
    bool is_range = true;
    if (here() == '*') {
      ++at_;
    } else {
      const auto from = value(field, false);
      if (!from) return std::unexpected(from.error());
      first = last = *from;
      is_range = here() == '-';
      if (is_range) {
        ++at_;
        const auto to = value(field, true);
        if (!to) return std::unexpected(to.error());
        last = *to;
      }
      if (last < first)
        return wrong(field, start,
                     "the range ends before it begins; write two of them with ',' in between");
    }
    unsigned step = 1;
    if (here() == '/') {
      if (!is_range)
        return wrong(field, at_,
                     "a step needs a range before it: '*/5' or '" + std::to_string(first) + "-" +
                         std::to_string(field.most) + "/5'");
      const std::size_t slash = at_++;
      const auto read = number(field);
      if (!read) return std::unexpected(read.error());
      if (*read == 0 || *read > field.most)
        return wrong(field, slash + 1, "a step is from 1 to " + std::to_string(field.most));
      step = *read;
    }
    std::uint64_t bits = 0;
    for (unsigned i = first; i <= last; i += step) bits |= std::uint64_t{1} << i;
    return bits;
  }

  Or<unsigned> number(const Field& field) {
    const std::size_t start = at_;
    unsigned value = 0;
    for (; is_digit(here()); ++at_) value = std::min(value * 10 + unsigned(here() - '0'), 1000U);
    if (at_ == start) return unexpected_here(field);
    return value;
  }

  Or<unsigned> value(const Field& field, bool ends_range) {
    const std::size_t start = at_;
    if (!field.names.empty() && is_letter(here())) {
      while (is_letter(here())) ++at_;
      const std::string name = lowered(text_.substr(start, at_ - start));
      for (std::size_t i = 0; name.size() == 3 && i < field.names.size(); i += 3)
        if (field.names.substr(i, 3) == name) {
          // "fri-sun": the Sunday that ends a range is the one behind Saturday.
          if (ends_range && field.most == 7 && i == 0) return 7U;
          return field.least + static_cast<unsigned>(i / 3);
        }
      return wrong(field, start,
                   "'" + core::printable(name, 32) + "' is no name of one; they are " +
                       (field.most == 7 ? "sun to sat" : "jan to dec"));
    }
    const auto read = number(field);
    if (read && (*read < field.least || *read > field.most))
      return wrong(field, start,
                   std::string(text_.substr(start, std::min<std::size_t>(at_ - start, 12))) +
                       " is not between " + std::to_string(field.least) + " and " +
                       std::to_string(field.most));
    return read;
  }

  std::unexpected<CronError> unexpected_here(const Field& field) const {
    const char c = here();
    if (c == '\0') return wrong(field, at_, "something is missing here");
    const std::string quoted = "'" + core::printable(text_.substr(at_, 1)) + "'";
    if (c == '?') return wrong(field, at_, "'?' is not known; write '*'");
    if (c == 'L' || c == 'W' || c == '#')
      return wrong(field, at_,
                   quoted + " is not known here (the last day, weekdays, the n-th one)");
    return wrong(field, at_,
                 quoted +
                     " does not belong here; a field is '*', numbers, ranges and steps: "
                     "1,15 or 8-18 or */5");
  }

  const std::string_view text_;
  std::size_t at_ = 0;
};

std::expected<Cron, CronError> Cron::parse(std::string_view text) {
  return CronParser(text).parse();
}

}  // namespace muster::schedules
