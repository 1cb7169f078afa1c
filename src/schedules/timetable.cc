// SPDX-License-Identifier: Apache-2.0
#include "schedules/timetable.h"

#include <algorithm>

#include "core/bytes.h"

namespace muster::schedules {
namespace {

using namespace std::chrono;
using core::Code;
using core::fail;
using core::WallTime;

/// Two firings in a row are looked at so often, to hold jitter against them.
constexpr std::size_t kGapsChecked = 16;

}  // namespace

Timetable::Timetable(Terms terms, std::string id, Zone zone, Blackouts blackouts)
    : terms_(std::move(terms)),
      id_(std::move(id)),
      zone_(std::move(zone)),
      blackouts_(std::move(blackouts)) {}

core::Result<Timetable> Timetable::make(const Terms& terms, std::string id) {
  auto zone = Zone::find(terms.zone);
  if (!zone) return fail(std::move(zone.error()).while_doing("zone"));
  auto blackouts = Blackouts::parse(terms.blackouts);
  if (!blackouts) return fail(std::move(blackouts.error()).while_doing("blackouts"));
  if (terms.jitter < milliseconds(0) || terms.jitter > kJitterMax)
    return fail(Code::kInvalid, "jitter: it may be 24 hours at most");
  Timetable made(terms, std::move(id), *std::move(zone), *std::move(blackouts));
  if (terms.kind == TriggerKind::kCron) {
    auto cron = Cron::parse(terms.cron);
    if (!cron) return fail(Code::kInvalid, "cron: " + cron.error().message);
    made.cron_ = *cron;
  }
  return made;
}

core::Status Timetable::check(WallTime now) const {
  if (!terms_.by_time()) {
    if (!blackouts_.free_from(now, zone_))
      return fail(Code::kInvalid, "blackouts: the windows leave no time at all");
    return {};
  }
  if (!next_nominal(now))
    return fail(Code::kInvalid, terms_.kind == TriggerKind::kAt
                                    ? "at: " + core::to_rfc3339(terms_.at) +
                                          " has passed already; the server's clock shows " +
                                          core::to_rfc3339(now)
                                    : "cron: it does not fire in the years to come");
  if (upcoming(now, 1).empty())
    return fail(Code::kInvalid, "blackouts: every firing lies in one of the windows");
  if (!cron_ || terms_.jitter.count() == 0) return {};
  auto last = next_nominal(now);
  for (std::size_t i = 0; last && i < kGapsChecked; ++i) {
    const auto next = next_nominal(*last);
    if (next && *next - *last <= terms_.jitter)
      return fail(Code::kInvalid,
                  "jitter: it must be shorter than the time between two firings, which is " +
                      core::to_text(*next - *last));
    last = next;
  }
  return {};
}

std::optional<WallTime> Timetable::next_nominal(WallTime after) const {
  if (cron_) return cron_->next(after, zone_);
  if (terms_.kind == TriggerKind::kAt && terms_.at > after) return terms_.at;
  return std::nullopt;
}

WallTime Timetable::with_jitter(WallTime due) const {
  if (terms_.jitter.count() == 0) return due;
  const std::string digest = core::sha256(id_ + '/' + std::to_string(core::unix_ms(due)));
  std::uint64_t seed = 0;
  for (std::size_t i = 0; i < sizeof seed; ++i)
    seed = seed << 8 | static_cast<unsigned char>(digest[i]);
  const auto most = static_cast<std::uint64_t>(terms_.jitter.count());
  const WallTime at = due + milliseconds(core::Random(seed).below(most + 1));
  return blackouts_.around(at, zone_) ? due : at;  // nobody may be pushed into a window
}

Timetable::Occurrence Timetable::occurrence(WallTime nominal) const {
  Occurrence made{nominal, nominal, nominal, nullptr};
  if (const Window* window = blackouts_.around(nominal, zone_)) {
    made.window = window;
    made.due = terms_.in_blackout == InBlackout::kWait ? blackouts_.free_from(nominal, zone_)
                                                       : std::nullopt;
  }
  if (made.due) made.at = with_jitter(*made.due);
  return made;
}

std::optional<WallTime> Timetable::event_at(WallTime seen) const {
  const Occurrence made = occurrence(seen);
  return made.due ? std::optional(made.at) : std::nullopt;
}

std::vector<WallTime> Timetable::upcoming(WallTime after, std::size_t count) const {
  std::vector<WallTime> found;
  auto nominal = next_nominal(after);
  while (nominal && found.size() < count && *nominal - after < kCronYearsMax) {
    const Occurrence next = occurrence(*nominal);
    if (next.due && (found.empty() || found.back() != *next.due)) found.push_back(*next.due);
    // Not minute by minute through a window of weeks.
    auto from = *nominal;
    if (next.window)
      if (const auto free = blackouts_.free_from(from, zone_))
        from = std::max(from, *free - milliseconds(1));
    nominal = next_nominal(from);
  }
  return found;
}

std::vector<Timetable::Occurrence> Timetable::come(WallTime handled, WallTime now, bool& more,
                                                   std::optional<WallTime>& next_at) const {
  // Backwards in ever longer steps: years without a server cost no walk through all of them.
  WallTime start = handled;
  for (milliseconds back = hours(1); now - back > handled; back *= 4) {
    start = now - back;
    std::size_t count = 0;
    for (auto at = next_nominal(start); at && *at <= now && count <= kMissedMax; ++count)
      at = next_nominal(*at);
    if (count > kMissedMax) break;
    start = handled;
  }
  const auto oldest = next_nominal(handled);
  more = oldest && *oldest <= start;
  std::vector<Occurrence> found;
  for (auto nominal = next_nominal(start); nominal; nominal = next_nominal(*nominal)) {
    Occurrence next = occurrence(*nominal);
    if (next.at > now) {
      next_at = next.at;
      break;
    }
    found.push_back(next);
    if (found.size() >= 2 * kMissedMax) {
      found.erase(found.begin(), found.end() - kMissedMax);
      more = true;
    }
  }
  return found;
}

Decision Timetable::decide(WallTime handled, WallTime now) const {
  Decision decision;
  decision.handled = std::min(handled, now);  // the clock may have been set back
  bool more = false;
  const auto found = come(decision.handled, now, more, decision.next_at);
  if (found.empty()) return decision;
  decision.handled = found.back().nominal;
  settle(found, more, now, decision);
  return decision;
}

void Timetable::settle(const std::vector<Occurrence>& come, bool more, WallTime now,
                       Decision& decision) const {
  std::vector<Due> late, on_time;
  const Window* last_window = nullptr;
  for (const Occurrence& each : come) {
    if (!each.due) {
      if (each.window != last_window) decision.skipped.push_back({each.nominal, false, 0, ""});
      last_window = each.window;
      Due& skipped = decision.skipped.back();
      skipped.due = each.nominal;
      ++skipped.stands_for;
      skipped.reason = "in the blackout window '" + each.window->text() + "'";
      continue;
    }
    auto& list = now - each.at > kOnTime ? late : on_time;
    if (list.empty() || list.back().due != *each.due)
      list.push_back({*each.due, &list == &late, 1, ""});
  }
  if (late.size() > kMissedMax) {
    late.erase(late.begin(), late.end() - kMissedMax);
    more = true;
  }
  const auto missed = static_cast<std::uint32_t>(late.size());
  const std::string older = more ? "; there were more before" : "";
  if (missed > 0 && terms_.missed == Missed::kAll) {
    if (more) late.front().reason = "older ones that were missed are left out";
    std::ranges::copy(late, std::back_inserter(decision.fire));
  } else if (missed > 0 && terms_.missed == Missed::kOnce) {
    // What is due right now does for all that was missed.
    if (on_time.empty()) on_time.push_back(late.back());
    on_time.front().stands_for = missed + (on_time.front().late ? 0 : 1);
    if (more) on_time.front().reason = "it stands for more than these";
  } else if (missed > 0) {
    decision.skipped.push_back(
        {late.back().due, true, missed, "missed: nobody could fire it at its time" + older});
  }
  std::ranges::copy(on_time, std::back_inserter(decision.fire));
}

}  // namespace muster::schedules
