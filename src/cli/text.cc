// SPDX-License-Identifier: Apache-2.0
#include "cli/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "core/bytes.h"

namespace muster::cli {

std::string size_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 6> kUnits = {"B", "KB", "MB", "GB", "TB", "PB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1023.95 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  char text[32];
  const bool whole = unit == 0 || value >= 99.95 || value == std::floor(value);
  std::snprintf(text, sizeof text, whole ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string ago(core::WallTime then, core::WallTime now) {
  const auto difference = std::chrono::duration_cast<std::chrono::seconds>(now - then).count();
  const auto seconds = difference < 0 ? -difference : difference;
  if (seconds < 2) return "just now";
  const std::string age = seconds < 60        ? std::to_string(seconds) + "s"
                          : seconds < 3600    ? std::to_string(seconds / 60) + "m"
                          : seconds < 172'800 ? std::to_string(seconds / 3600) + "h"
                                              : std::to_string(seconds / 86'400) + "d";
  return difference < 0 ? "in " + age : age + " ago";
}

core::Result<core::WallTime> parse_rfc3339(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, used = 0;
  const std::string copy(text.substr(0, 40));
  if (std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute,
                  &second, &used) != 6) {
    return core::fail(core::Code::kInvalid, "not a time: '" + core::printable(text, 40) + "'");
  }
  int ms = 0;
  int scale = 100;
  std::size_t at = static_cast<std::size_t>(used);
  if (at < copy.size() && copy[at] == '.') {
    for (++at; at < copy.size() && copy[at] >= '0' && copy[at] <= '9'; ++at, scale /= 10) {
      ms += (copy[at] - '0') * scale;
    }
  }
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (copy.substr(at) != "Z" || !date.ok() || hour > 23 || minute > 59 || second > 60) {
    return core::fail(core::Code::kInvalid, "not a time: '" + core::printable(text, 40) + "'");
  }
  return core::WallTime{std::chrono::sys_days{date}.time_since_epoch() + std::chrono::hours{hour} +
                        std::chrono::minutes{minute} + std::chrono::seconds{second} +
                        std::chrono::milliseconds{ms}};
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string fit(std::string_view text, std::size_t columns) {
  if (width_of(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::size_t at = 0;
  for (std::size_t used = 0; at < text.size(); ++at) {
    if ((text[at] & 0xc0) != 0x80 && ++used == columns) break;
  }
  return std::string(text.substr(0, at)) + "…";
}

std::string for_screen(std::string_view bytes) {
  std::string shown;
  shown.reserve(bytes.size());
  while (!bytes.empty()) {
    const auto stop = std::min(bytes.find_first_of("\n\t"), bytes.size());
    std::string_view part = bytes.substr(0, stop);
    const bool line_end = stop < bytes.size() && bytes[stop] == '\n';
    if (line_end && part.ends_with('\r')) part.remove_suffix(1);
    shown += core::printable(part, part.size());
    if (stop < bytes.size()) shown += bytes[stop];
    bytes.remove_prefix(std::min(stop + 1, bytes.size()));
  }
  return shown;
}

std::string in_line(std::string_view bytes) {
  return core::printable(bytes, bytes.size());
}

namespace {

/// One paragraph, wrapped, each line but the first behind `indent` spaces.
void wrap_paragraph(std::string& result, std::string_view text, std::size_t column,
                    std::size_t indent, std::size_t columns) {
  bool first = true;
  while (!text.empty()) {
    const auto start = text.find_first_not_of(" \n");
    if (start == std::string_view::npos) break;
    text.remove_prefix(start);
    const auto word = text.substr(0, text.find_first_of(" \n"));
    text.remove_prefix(word.size());
    const auto width = width_of(word);
    if (!first && column + 1 + width > columns) {
      result += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!first) {
      result += ' ';
      ++column;
    }
    result += word;
    column += width;
    first = false;
  }
  result += '\n';
}

}  // namespace

std::string wrap(std::string_view text, std::size_t columns) {
  std::string result;
  std::string paragraph;
  const auto flush = [&] {
    if (!paragraph.empty()) wrap_paragraph(result, paragraph, 0, 0, columns);
    paragraph.clear();
  };
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.empty() || line.starts_with(' ')) {
      flush();
      result += std::string(line) + "\n";
    } else {
      paragraph += (paragraph.empty() ? "" : " ") + std::string(line);
    }
  }
  flush();
  return result;
}

std::string hanging(std::string_view left, std::string_view text, std::size_t column) {
  constexpr std::size_t kColumns = 80;
  std::string result(left);
  const auto width = width_of(left);
  if (width + 2 > column) {
    result += "\n" + std::string(column, ' ');
  } else {
    result += std::string(column - width, ' ');
  }
  wrap_paragraph(result, text, column, column, kColumns);
  return result;
}

std::string count_of(std::uint64_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + " " + std::string(count == 1 ? one : many);
}

std::string listed(const std::vector<std::string>& words, std::string_view between) {
  std::string text;
  for (const auto& word : words) {
    if (!text.empty()) text += between;
    text += word;
  }
  return text;
}

std::string shell_quoted(std::string_view word) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./:=@%+,").contains(c);
  };
  if (!word.empty() && std::ranges::all_of(word, plain)) return std::string(word);
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

void Table::row(std::vector<Cell> cells) {
  for (auto& cell : cells) cell.text = in_line(cell.text);
  rows_.push_back(std::move(cells));
}

std::string Table::render(const Terminal& terminal) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < headings_.size(); ++i) {
    widths.push_back(width_of(headings_[i]));
    for (const auto& row : rows_) widths[i] = std::max(widths[i], width_of(row[i].text));
  }
  std::size_t before_last = 0;
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) before_last += widths[i] + 2;
  const auto width = static_cast<std::size_t>(terminal.width);
  constexpr std::size_t kLastMin = 12;
  const std::size_t last_max = !terminal.out_is_terminal        ? SIZE_MAX
                               : width > before_last + kLastMin ? width - before_last
                                                                : kLastMin;
  std::string text;
  const auto line = [&](std::size_t i, const std::string& cell, Color color) {
    const bool last = i + 1 == headings_.size();
    const std::string shown = last ? fit(cell, last_max) : cell;
    text += terminal.paint(color, shown);
    if (!last) text += std::string(widths[i] - width_of(shown) + 2, ' ');
    if (last) {
      while (text.ends_with(' ')) text.pop_back();
      text += '\n';
    }
  };
  for (std::size_t i = 0; i < headings_.size(); ++i) line(i, headings_[i], Color::kBold);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) line(i, row[i].text, row[i].color);
  }
  return text;
}

}  // namespace muster::cli
