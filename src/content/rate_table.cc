// SPDX-License-Identifier: Apache-2.0
#include "content/rate_table.h"

#include <algorithm>
#include <optional>

#include "core/assert.h"
#include "core/bytes.h"
#include "core/size_text.h"

namespace muster::content {
namespace {

constexpr std::string_view kUnlimited = "unlimited";

core::Status wrong(std::string_view entry, std::string_view why) {
  return core::fail(core::Code::kInvalid,
                    "'" + core::printable(entry, 60) + "' " + std::string(why) +
                        "; write a rate (10M), or \"08:00-18:00 2M, otherwise 20M\"");
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// "8:00", "08:00", "24:00".
std::optional<unsigned> minute_of(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == text.npos || colon == 0 || colon > 2 || text.size() != colon + 3) return {};
  unsigned hours = 0, minutes = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i == colon) continue;
    if (text[i] < '0' || text[i] > '9') return {};
    unsigned& part = i < colon ? hours : minutes;
    part = part * 10 + static_cast<unsigned>(text[i] - '0');
  }
  if (minutes > 59 || hours > 24 || (hours == 24 && minutes > 0)) return {};
  return hours * 60 + minutes;
}

/// "2M", "2 MB/s", "unlimited".
std::optional<std::uint64_t> rate_of(std::string_view text) {
  text = trimmed(text);
  if (text == kUnlimited) return 0;
  if (text.ends_with("/s")) text.remove_suffix(2);
  std::string size(text);
  std::erase(size, ' ');
  const auto rate = core::parse_size(size);
  if (!rate) return {};
  return *rate;
}

std::string clock(unsigned minute) {
  const auto two = [](unsigned n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  return two(minute / 60) + ":" + two(minute % 60);
}

/// The shortest text that means exactly this.
std::string rate_text(std::uint64_t rate) {
  if (rate == 0) return std::string(kUnlimited);
  constexpr std::string_view kPowers = "KMGT";
  std::size_t power = 0;
  while (power < kPowers.size() && rate % 1024 == 0) {
    rate /= 1024;
    ++power;
  }
  return std::to_string(rate) + (power == 0 ? "" : std::string(1, kPowers[power - 1]));
}

}  // namespace

bool RateTable::Span::holds(unsigned minute) const {
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

core::Status RateTable::add(std::string_view entry) {
  if (ended_) return wrong(entry, "comes too late: what stands before it holds all day");
  const std::size_t blank = std::min(entry.find_first_of(" \t"), entry.size());
  const std::string_view first = entry.substr(0, blank), rest = trimmed(entry.substr(blank));
  const std::size_t dash = first.find('-');
  const bool timed = dash != first.npos && first.contains(':');
  if (!timed) {
    const auto rate = rate_of(first == "otherwise" ? rest : entry);
    if (!rate) return wrong(entry, "is no rate");
    if (first != "otherwise" && !spans_.empty())
      return wrong(entry, "has no time: 'otherwise' is missing before it");
    otherwise_ = *rate;
    ended_ = true;
    return {};
  }
  const auto from = minute_of(first.substr(0, dash)), to = minute_of(first.substr(dash + 1));
  if (!from || !to || *from == kDayMinutes) return wrong(entry, "has no times from 00:00 to 24:00");
  if (*from == *to) return wrong(entry, "ends when it begins");
  const auto rate = rate_of(rest);
  if (!rate) return wrong(entry, rest.empty() ? "has no rate" : "has a rate that is none");
  if (*rate == 0 && rest != kUnlimited)
    return wrong(entry, "would stop what is under way: a rate is at least 1, or 'unlimited'");
  if (spans_.size() == kSpansMax)
    return wrong(entry, "is one too many: " + std::to_string(kSpansMax) + " times are allowed");
  spans_.push_back({*from, *to, *rate});
  return {};
}

core::Result<RateTable> RateTable::parse(std::string_view text) {
  if (text.size() > kTextBytesMax)
    return core::fail(core::Code::kLimit,
                      "a table of rates has at most " + std::to_string(kTextBytesMax) + " bytes");
  RateTable table;
  for (;;) {
    const std::size_t comma = std::min(text.find(','), text.size());
    MUSTER_TRY(table.add(trimmed(text.substr(0, comma))));
    if (comma == text.size()) return table;
    text.remove_prefix(comma + 1);
  }
}

std::uint64_t RateTable::at(unsigned minute) const {
  MUSTER_ASSERT(minute < kDayMinutes);
  for (const Span& span : spans_)
    if (span.holds(minute)) return span.rate;
  return otherwise_;
}

bool RateTable::limits() const {
  return otherwise_ != 0 || std::ranges::any_of(spans_, [](const Span& s) { return s.rate != 0; });
}

std::string RateTable::str() const {
  std::string text;
  for (const Span& span : spans_)
    text += (text.empty() ? "" : ", ") + clock(span.from) + "-" + clock(span.to) + " " +
            rate_text(span.rate);
  if (spans_.empty()) return rate_text(otherwise_);
  return text + (otherwise_ != 0 ? ", otherwise " + rate_text(otherwise_) : "");
}

}  // namespace muster::content
