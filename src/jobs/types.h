// SPDX-License-Identifier: Apache-2.0
//
// The words of the ledger: a run is one order with one row per target, and each
// target ends in exactly one final state.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/ids.h"
#include "jobs/chain.h"
#include "jobs/rollout.h"
#include "wire/frame.h"

namespace muster::jobs {

/// Stored and shown by name; append-only numbers.
enum class TargetState : std::uint8_t {
  kQueued = 0,   ///< nothing has left for the endpoint
  kSent = 1,     ///< the order may have reached the endpoint
  kRunning = 2,  ///< the endpoint said that it started
  // Final from here on.
  kSucceeded = 3,
  kFailed = 4,
  kRefused = 5,
  kTimedOut = 6,
  kUnreachable = 7,  ///< the endpoint was not there; nothing was started
  kExpired = 8,      ///< waited too long; nothing was started
  kCancelled = 9,
  kUnknown = 10,  ///< may have run; how it ended cannot be known
};
inline constexpr std::size_t kTargetStates = 11;

constexpr bool is_final(TargetState state) {
  return state >= TargetState::kSucceeded;
}
/// "queued", "timed_out", … as the API shows it.
std::string_view name(TargetState state);
std::optional<TargetState> target_state(std::string_view name);

/// How many targets are in each state.
struct Counts {
  std::array<std::uint32_t, kTargetStates> of{};

  std::uint32_t operator[](TargetState state) const { return of[static_cast<std::size_t>(state)]; }
  std::uint32_t& operator[](TargetState state) { return of[static_cast<std::size_t>(state)]; }
  std::uint32_t total() const;
  std::uint32_t open() const;  ///< not final
};

/// Both clocks, read once for an event: deadlines by one, stored instants by the other.
struct Now {
  core::MonoTime mono;
  core::WallTime wall;
};

enum class RunKind : std::uint8_t { kPing = 0, kCommand = 1, kMethod = 2 };
std::string_view name(RunKind kind);

/// What people are shown of the method that a run starts.
struct MethodLabel {
  std::string name;
  std::string version;
  std::string arguments;  ///< a JSON object, values of sensitive parameters hidden
  /// The arguments that endpoints get hold something that `arguments` hides: it is forgotten
  /// when the run has ended.
  bool has_secrets = false;
};

/// A run without its targets, as it is stored and shown.
struct Run {
  core::RunId id;
  RunKind kind = RunKind::kPing;
  wire::Invoke invoke;  ///< what each endpoint gets
  std::string shell;    ///< the command as its author wrote it, when by a shell
  MethodLabel method;   ///< for runs of that kind
  std::string selector;
  std::string description;
  std::string created_by;
  std::string cancelled_by;  ///< empty: nobody cancelled it
  std::string cancel_reason;
  core::WallTime created_at;
  std::optional<core::WallTime> finished_at;
  std::optional<core::WallTime> queue_until;  ///< targets that are away wait until then
  Counts counts;                              ///< of what is durable
  /// Doing it again does no harm: a target whose agent was restarted is sent to again.
  bool idempotent = false;
  std::shared_ptr<const Rollout> rollout;  ///< null: everything is sent at once
  Progress progress;
  std::shared_ptr<const Chain> chain;  ///< null: its methods may start nothing, and none started it

  bool finished() const { return finished_at.has_value(); }
};

/// Whether a target of `run` that is in `state` has an exit status: a process ran to its end.
bool has_exit_code(const Run& run, TargetState state, std::uint32_t signal);

/// How one target stands or ended.
struct Target {
  core::EndpointId endpoint;
  TargetState state = TargetState::kQueued;
  std::int32_t exit_code = 0;  ///< for succeeded and failed without a signal
  std::uint32_t signal = 0;
  std::string reason;  ///< a sentence, where the state alone does not say it
  std::string out;     ///< whole, when the two streams are small (is_stored_apart false)
  std::string err;
  std::uint64_t out_bytes = 0;  ///< what can be had
  std::uint64_t err_bytes = 0;
  std::uint64_t out_bytes_cut = 0;  ///< what the endpoint threw away beyond the limit
  std::uint64_t err_bytes_cut = 0;
  bool is_stored_apart = false;  ///< the streams lie in files: RunStore::output
  std::optional<core::WallTime> started_at;
  std::optional<core::WallTime> finished_at;
  std::uint32_t duration_ms = 0;  ///< by the endpoint's clock

  bool truncated() const { return out_bytes_cut != 0 || err_bytes_cut != 0; }
};

/// Targets whose output, both streams together, is at most this large keep it in their row.
inline constexpr std::size_t kRowOutputBytesMax = 64 * 1024;
/// Larger output is stored in blocks of this size.
inline constexpr std::size_t kOutputBlockBytes = 64 * 1024;
/// Targets of one run; open runs at a time; open targets of all runs together.
inline constexpr std::size_t kTargetsMax = 200'000;
inline constexpr std::size_t kOpenRunsMax = 10'000;
inline constexpr std::size_t kOpenTargetsMax = 2'000'000;
/// How often a target of an idempotent run is sent to anew after its agent was restarted.
inline constexpr std::uint8_t kRestartsMax = 3;
/// Bytes of results that wait for the disk; beyond, endpoints are told to come again.
inline constexpr std::size_t kPendingBytesMax = 256 * 1024 * 1024;

}  // namespace muster::jobs
