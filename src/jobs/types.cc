// SPDX-License-Identifier: Apache-2.0
#include "jobs/types.h"

#include <numeric>

namespace muster::jobs {
namespace {

constexpr std::array<std::string_view, kTargetStates> kStateNames = {
    "queued",    "sent",        "running", "succeeded", "failed", "refused",
    "timed_out", "unreachable", "expired", "cancelled", "unknown"};

}  // namespace

std::string_view name(TargetState state) {
  return kStateNames[static_cast<std::size_t>(state)];
}

std::optional<TargetState> target_state(std::string_view name) {
  for (std::size_t i = 0; i < kTargetStates; ++i)
    if (kStateNames[i] == name) return static_cast<TargetState>(i);
  return std::nullopt;
}

std::uint32_t Counts::total() const {
  return std::accumulate(of.begin(), of.end(), 0u);
}

std::uint32_t Counts::open() const {
  return of[0] + of[1] + of[2];
}

std::string_view name(RunKind kind) {
  switch (kind) {
    case RunKind::kPing:
      return "ping";
    case RunKind::kCommand:
      return "command";
    case RunKind::kMethod:
      return "method";
  }
  return "unknown";
}

bool has_exit_code(const Run& run, TargetState state, std::uint32_t signal) {
  if (run.kind == RunKind::kPing) return false;
  return state == TargetState::kSucceeded || (state == TargetState::kFailed && signal == 0);
}

}  // namespace muster::jobs
