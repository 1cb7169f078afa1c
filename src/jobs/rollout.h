// SPDX-License-Identifier: Apache-2.0
//
// Rollout: in which order and how fast a run goes over its targets, and when it stops.
//
// A plan is what somebody asked for; a rollout is the plan with its waves worked out for
// the targets of one run: they are ordered by wave, so that a wave is a range of slots and
// costs a target nothing. Progress is what has become of it so far.
//
// Pure: no clock, no store.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

namespace muster::jobs {

inline constexpr std::size_t kWaveRulesMax = 100;
/// Waves of one run.
inline constexpr std::size_t kWavesMax = 1000;
inline constexpr std::size_t kWaveNameBytesMax = 200;
inline constexpr std::size_t kWaveSelectorBytesMax = 4096;
inline constexpr std::chrono::milliseconds kWaitBetweenCeiling{7LL * 24 * 3600 * 1000};

/// Which of the targets that no earlier rule took make the next wave, or waves.
struct WaveRule {
  enum class Kind : std::uint8_t {
    kCount,      ///< so many
    kPercent,    ///< of all targets, rounded up
    kSelector,   ///< those that match
    kEachLabel,  ///< a wave for each value of a label; targets without it come last
  };
  Kind kind = Kind::kCount;
  std::uint32_t number = 0;        ///< of a count or a percentage
  std::string text;                ///< a selector or a label's name
  std::vector<std::string> order;  ///< of the label's values; the others follow by name

  friend bool operator==(const WaveRule&, const WaveRule&) = default;
};

/// What is done when more targets failed than are allowed.
enum class OnFailures : std::uint8_t {
  kStop,   ///< what was not sent is cancelled
  kPause,  ///< nothing more is sent until somebody resumes or cancels
};

struct RolloutPlan {
  /// Empty: one wave. The last rule, if a count or a percentage, is repeated for what is
  /// left; what other rules leave makes one more wave.
  std::vector<WaveRule> waves;
  std::uint32_t parallel_max = 0;  ///< targets sent or running at a time; 0: no ceiling
  /// Failed, timed out, refused and unknown targets of the run that are allowed …
  std::optional<std::uint32_t> failures_max;
  /// … or allowed in each wave, in percent of its targets. At most one of the two.
  std::optional<std::uint32_t> failures_percent_max;
  bool count_unreachable = false;  ///< unreachable and expired are failures, too
  OnFailures on_failures = OnFailures::kStop;
  bool pause_between = false;                 ///< somebody begins each further wave
  std::chrono::milliseconds wait_between{0};  ///< between two waves

  friend bool operator==(const RolloutPlan&, const RolloutPlan&) = default;
};

struct Wave {
  std::string name;       ///< "10%", "site=berlin": what it was asked for as
  std::uint32_t end = 0;  ///< the slot behind its last

  friend bool operator==(const Wave&, const Wave&) = default;
};

struct Rollout {
  RolloutPlan plan;
  std::vector<Wave> waves;  ///< at least one; ends ascend to the number of targets

  std::uint32_t begin_of(std::size_t wave) const { return wave == 0 ? 0 : waves[wave - 1].end; }
  std::uint32_t size_of(std::size_t wave) const { return waves[wave].end - begin_of(wave); }
  /// Of a slot.
  std::size_t wave_of(std::uint32_t slot) const;

  friend bool operator==(const Rollout&, const Rollout&) = default;
};

/// Who holds something up, and why.
struct Hold {
  std::string by;  ///< kByRollout: the plan
  std::string reason;
  core::WallTime at;

  friend bool operator==(const Hold&, const Hold&) = default;
};
inline constexpr std::string_view kByRollout = "rollout";

/// What a cancel found, by targets.
struct Found {
  std::uint32_t queued = 0, sent = 0, running = 0, finished = 0;

  friend bool operator==(const Found&, const Found&) = default;
};

/// How far a run has come, besides its targets' states.
struct Progress {
  std::uint32_t wave = 0;  ///< that is under way, or was last
  std::optional<core::WallTime> wave_began_at;
  std::optional<Hold> paused;
  std::optional<Hold> stopped;  ///< too many failed: nothing more is sent
  /// Failures that a resume has accepted: in the run, and in the wave of then.
  std::uint32_t forgiven = 0, forgiven_in_wave = 0;
  std::optional<core::WallTime> cancelled_at;
  std::optional<Found> found;  ///< by the cancel

  bool empty() const { return *this == Progress(); }
  friend bool operator==(const Progress&, const Progress&) = default;
};

/// kInvalid or kLimit with the field's name. Selectors and labels are the caller's to check.
core::Status check_plan(const RolloutPlan& plan);

/// What the rules ask about a run's targets, which are numbered from 0.
class WaveTargets {
 public:
  virtual ~WaveTargets() = default;
  /// Whether a target matches the selector of rule `rule`.
  virtual bool matches(std::size_t rule, std::size_t target) const = 0;
  /// The value of a label; empty: it has none.
  virtual std::string label(const std::string& name, std::size_t target) const = 0;
};

struct Arrangement {
  std::vector<std::uint32_t> order;  ///< the target of each slot
  std::vector<Wave> waves;
};

/// Puts targets into waves, in each by their old order. kLimit for too many waves.
/// REQUIRES: check_plan(plan), targets > 0.
core::Result<Arrangement> arrange(const RolloutPlan& plan, std::size_t targets,
                                  const WaveTargets& known);

/// As the tables keep them.
std::string stored_text(const Rollout& rollout);
std::string stored_text(const Progress& progress);
core::Result<Rollout> rollout_from(std::string_view text);
core::Result<Progress> progress_from(std::string_view text);

}  // namespace muster::jobs
