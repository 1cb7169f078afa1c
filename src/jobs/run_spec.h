// SPDX-License-Identifier: Apache-2.0
//
// RunSpec: what somebody wants to be run, checked before anything is written.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "jobs/types.h"

namespace muster::jobs {

inline constexpr std::chrono::milliseconds kPingTimeout{10'000};
inline constexpr std::chrono::milliseconds kQueueForCeiling{30LL * 24 * 3600 * 1000};
/// An endpoint that is busy with other runs may begin so late.
inline constexpr std::chrono::milliseconds kStartWithin{60'000};
inline constexpr std::uint64_t kMemoryBytesFloor = 16ULL * 1024 * 1024;
inline constexpr std::uint32_t kOpenFilesCeiling = 1'000'000;
inline constexpr std::size_t kArgumentsMax = 4096;
inline constexpr std::size_t kEnvironmentMax = 1024;
inline constexpr std::size_t kDescriptionBytesMax = 1024;
inline constexpr std::size_t kDirectoryBytesMax = 4096;
inline constexpr std::size_t kUserBytesMax = 256;
inline constexpr std::size_t kIdempotencyKeyBytesMax = 128;

/// A method, found and its arguments checked by whoever orders it.
struct MethodWork {
  MethodLabel label;
  wire::Method invoke;  ///< what endpoints get, but for the user
};

struct RunSpec {
  RunKind kind = RunKind::kCommand;
  MethodWork method;  ///< for runs of that kind
  /// Exactly one of these two for a command, none for anything else.
  std::vector<std::string> argv;
  std::string shell;  ///< run by `/bin/sh -c`
  std::string standard_input;
  std::vector<std::string> environment;  ///< NAME=value
  std::string user;
  std::string directory;
  wire::Limits limits;  ///< zero: the default
  std::chrono::milliseconds queue_for{0};
  bool live_output = false;
  /// Doing it again does no harm; see Run.
  bool idempotent = false;
  std::optional<RolloutPlan> rollout;  ///< nothing: everything at once
  std::shared_ptr<const Chain> chain;  ///< as Run's
  std::string selector;
  std::string description;
  std::string created_by;
};

/// The run that `spec` asks for, with a new id from `now` and `random` and every
/// default filled in; kInvalid or kLimit with the field's name, what is allowed
/// and what it was.
core::Result<Run> make_run(const RunSpec& spec, core::WallTime now, std::uint64_t random);

/// So long after it was passed on, an endpoint that is still there has answered:
/// start and time-out together.
core::Duration answer_within(const Run& run);

}  // namespace muster::jobs
