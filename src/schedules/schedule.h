// SPDX-License-Identifier: Apache-2.0
//
// The words of schedules: what fires when, in whose name, and what came of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/ids.h"

namespace muster::schedules {

using std::chrono::milliseconds;

/// Schedules of a region; firings that are kept of each, running ones aside; firings that
/// one schedule makes up for at most.
inline constexpr std::size_t kSchedulesMax = 1000;
inline constexpr std::size_t kFiringsKept = 200;
inline constexpr std::size_t kMissedMax = 100;
inline constexpr std::size_t kNameBytesMax = 64;
inline constexpr std::size_t kDescriptionBytesMax = 1024;
/// Of the request: schedules are read often. Larger input belongs into a method.
inline constexpr std::size_t kRequestBytesMax = 64 * 1024;
inline constexpr milliseconds kJitterMax = std::chrono::hours(24);
inline constexpr milliseconds kQuietMax = std::chrono::hours(24 * 30);
/// Whoever fires so late or earlier is on time; later is missed.
inline constexpr milliseconds kOnTime = std::chrono::seconds(60);

/// Stored and shown by name; append-only numbers, here and below.
enum class TriggerKind : std::uint8_t { kCron = 0, kAt = 1, kLogin = 2, kBoot = 3 };
/// What becomes of firings whose time passed while nobody could fire them.
enum class Missed : std::uint8_t { kSkip = 0, kOnce = 1, kAll = 2 };
/// What becomes of a firing whose time lies in a blackout window.
enum class InBlackout : std::uint8_t { kSkip = 0, kWait = 1 };
enum class FiringState : std::uint8_t { kOrdering = 0, kOrdered = 1, kFailed = 2, kSkipped = 3 };
enum class Cause : std::uint8_t { kTime = 0, kMissed = 1, kHand = 2, kLogin = 3, kBoot = 4 };

std::string_view name(Missed missed);           ///< "skip", "once", "all"
std::string_view name(InBlackout in_blackout);  ///< "skip", "wait"
std::string_view name(FiringState state);       ///< "ordering", "ordered", "failed", "skipped"
std::string_view name(Cause cause);             ///< "time", "missed", "hand", "login", "boot"
std::optional<Missed> missed(std::string_view name);
std::optional<InBlackout> in_blackout(std::string_view name);

/// When to fire.
struct Terms {
  TriggerKind kind = TriggerKind::kCron;
  std::string cron;       ///< kCron
  core::WallTime at;      ///< kAt
  milliseconds quiet{0};  ///< kLogin: a host fires it once in so long at most
  std::string zone = "UTC";
  milliseconds jitter{0};
  std::vector<std::string> blackouts;
  InBlackout in_blackout = InBlackout::kSkip;
  Missed missed = Missed::kSkip;

  bool by_time() const { return kind == TriggerKind::kCron || kind == TriggerKind::kAt; }
};

/// In whose name it fires: never with more than was the author's when it was written.
struct Author {
  std::string name;
  std::uint8_t role = 0;
  std::vector<std::string> selectors;
};

struct Schedule {
  std::string id;  ///< never used again, unlike the name
  std::string name;
  std::string description;
  std::int64_t version = 1;  ///< one more with each change
  bool enabled = true;
  Terms terms;
  Author author;
  std::string request;   ///< the body of POST /v1/runs, JSON
  std::string shown;     ///< the request without its secrets; empty where it has none
  std::string selector;  ///< of the request
  core::WallTime created_at;
  core::WallTime changed_at;
  std::string changed_by;
  core::WallTime handled;  ///< what is due until then is settled; events of before do not count
};

struct Firing {
  std::string schedule;  ///< its id
  std::int64_t seq = 0;  ///< in the schedule, from 1
  core::WallTime due;    ///< with the schedule the name of this firing
  Cause cause = Cause::kTime;
  FiringState state = FiringState::kOrdering;
  core::WallTime fired_at;
  core::RunId run;                        ///< 0: none yet, or none at all
  std::string reason;                     ///< of failed and skipped
  std::uint32_t stands_for = 1;           ///< firings that it makes up for, itself included
  std::vector<core::EndpointId> targets;  ///< login and boot, until it is ordered: only these
};

/// Letters, digits, '.', '_', '-'; not "preview", which the API needs.
bool is_valid_name(std::string_view name);

/// Distinguishes this order from all others of its author. No client can send it: it
/// begins with a character that headers cannot have.
std::string idempotency_key(const Firing& firing);

}  // namespace muster::schedules
