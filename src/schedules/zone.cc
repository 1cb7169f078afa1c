// SPDX-License-Identifier: Apache-2.0
#include "schedules/zone.h"

#include <cctz/civil_time.h>
#include <cctz/time_zone.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "core/bytes.h"

namespace muster::schedules {
namespace {

using std::chrono::floor;
using std::chrono::seconds;
using Instant = cctz::time_point<cctz::seconds>;

bool may_be_a_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '_' || c == '+' || c == '-';
  };
  // The two folders hold every zone once more, one of them with leap seconds.
  return !name.empty() && name.size() <= kZoneBytesMax && name.front() != '/' &&
         std::ranges::all_of(name, allowed) && !name.starts_with("right/") &&
         !name.starts_with("posix/");
}

/// The library remembers also names that it has not found, so it is asked for files only.
bool is_stored(const std::string& name) {
  const char* folder = std::getenv("TZDIR");
  std::error_code failed;
  return std::filesystem::is_regular_file(
      std::filesystem::path(folder ? folder : "/usr/share/zoneinfo") / name, failed);
}

Instant instant_of(core::WallTime time) {
  return std::chrono::time_point_cast<cctz::seconds>(floor<seconds>(time));
}
core::WallTime wall_of(Instant time) {
  return std::chrono::time_point_cast<core::WallTime::duration>(time);
}
/// Both count seconds since the same civil midnight, so no calendar is needed.
constexpr cctz::civil_second kEpoch(1970, 1, 1, 0, 0, 0);

}  // namespace

struct Zone::Rules {
  cctz::time_zone zone;
};

Zone::Zone(std::string name, std::shared_ptr<const Rules> rules)
    : name_(std::move(name)), rules_(std::move(rules)) {}

core::Result<Zone> Zone::find(std::string_view name) {
  std::string text(name);
  Rules rules;
  if (text == "UTC") {
    rules.zone = cctz::utc_time_zone();
  } else if (!may_be_a_name(name) || !is_stored(text) || !cctz::load_time_zone(text, &rules.zone)) {
    return core::fail(core::Code::kInvalid,
                      "the server knows no time zone '" + core::printable(name, kZoneBytesMax) +
                          "'; names are like Europe/Berlin, America/New_York or UTC (its package "
                          "tzdata has them)");
  }
  return Zone(std::move(text), std::make_shared<const Rules>(rules));
}

LocalTime Zone::local(core::WallTime time) const {
  return LocalTime(seconds(rules_->zone.lookup(instant_of(time)).cs - kEpoch));
}

Zone::Instants Zone::instants(LocalTime time) const {
  const auto found = rules_->zone.lookup(kEpoch + time.time_since_epoch().count());
  if (found.kind == cctz::time_zone::civil_lookup::SKIPPED)
    return {wall_of(found.trans), wall_of(found.trans)};
  return {wall_of(found.pre), wall_of(found.post)};
}

std::optional<core::WallTime> Zone::next_change(core::WallTime after) const {
  cctz::time_zone::civil_transition change;
  Instant from = instant_of(after);
  // A change may be of the name or the law only; the clocks go on.
  for (int i = 0; i < 64 && rules_->zone.next_transition(from, &change); ++i) {
    const auto of = [&](const cctz::civil_second& shown) { return rules_->zone.lookup(shown); };
    if (change.from < change.to) return wall_of(of(change.from).trans);
    if (change.to < change.from) return wall_of(of(change.to).trans);
    from = of(change.to).pre;
  }
  return std::nullopt;
}

}  // namespace muster::schedules
