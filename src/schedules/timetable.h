// SPDX-License-Identifier: Apache-2.0
//
// Timetable decides when a schedule fires, and what becomes of what was missed.
//
// Each firing has a name: its due time, the same on every server. It is where the
// trigger puts it, or the end of the blackout window that it waits for; so of several
// that wait for the same end one is fired. Jitter moves the moment, not the name.
//
// Pure logic: the time comes in, a decision goes out. Times that are handled are those
// up to a cursor that the caller keeps; a cursor that lies ahead of the clock (which was
// set back) is drawn back, and due times that were fired already are known by name.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "schedules/blackout.h"
#include "schedules/cron.h"
#include "schedules/schedule.h"
#include "schedules/zone.h"

namespace muster::schedules {

/// One firing that is to be made, or was left out (`reason` says why).
struct Due {
  core::WallTime due;
  bool late = false;  ///< makes up for what was missed
  std::uint32_t stands_for = 1;
  std::string reason;
  bool operator==(const Due&) const = default;
};

struct Decision {
  std::vector<Due> fire;
  std::vector<Due> skipped;
  core::WallTime handled;                 ///< the cursor from now on
  std::optional<core::WallTime> next_at;  ///< ask again then; nothing: never
  bool changes(core::WallTime cursor) const { return handled != cursor; }
};

class Timetable {
 public:
  /// `id` makes the jitter of schedules differ. kInvalid names the member that is wrong.
  static core::Result<Timetable> make(const Terms& terms, std::string id);
  /// What make() does not know: that it will fire at all from `now` on, and that its
  /// jitter fits between two firings.
  core::Status check(core::WallTime now) const;

  /// Triggers by time only.
  Decision decide(core::WallTime handled, core::WallTime now) const;
  /// Up to `count` due times after `after`; triggers by login and boot have none.
  std::vector<core::WallTime> upcoming(core::WallTime after, std::size_t count) const;
  /// For an event at `seen`: when to fire, not before; nothing: a blackout drops it.
  std::optional<core::WallTime> event_at(core::WallTime seen) const;

 private:
  struct Occurrence {
    core::WallTime nominal;             ///< where the trigger puts it
    std::optional<core::WallTime> due;  ///< nothing: dropped
    core::WallTime at;                  ///< fire it then
    const Window* window = nullptr;     ///< that dropped it
  };

  Timetable(Terms terms, std::string id, Zone zone, Blackouts blackouts);

  std::optional<core::WallTime> next_nominal(core::WallTime after) const;
  Occurrence occurrence(core::WallTime nominal) const;
  core::WallTime with_jitter(core::WallTime due) const;
  /// The latest that have come, at most kMissedMax and a few; sets next_at.
  std::vector<Occurrence> come(core::WallTime handled, core::WallTime now, bool& more,
                               std::optional<core::WallTime>& next_at) const;
  void settle(const std::vector<Occurrence>& come, bool more, core::WallTime now,
              Decision& decision) const;

  Terms terms_;
  std::string id_;
  Zone zone_;
  Blackouts blackouts_;
  std::optional<Cron> cron_;
};

}  // namespace muster::schedules
