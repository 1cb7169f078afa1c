// SPDX-License-Identifier: Apache-2.0
//
// Batch: what one transaction writes. Built by the Ledger on its loop, then
// immutable, so that the writer's thread may read it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "jobs/types.h"

namespace muster::jobs {

/// The reason of targets that a NewRun brings along as unreachable.
inline constexpr std::string_view kOfflineReason = "offline when the run began";

/// A run with all its targets; slot i is targets[i].
struct NewRun {
  Run run;
  std::string idempotency_key;
  std::string idempotency_digest;
  struct Row {
    core::EndpointId endpoint;
    TargetState state = TargetState::kQueued;
    std::uint64_t instance = 0;
  };
  std::vector<Row> targets;
};

/// The row of one target from now on.
struct TargetRow {
  core::RunId run;
  std::uint32_t slot = 0;
  std::uint64_t instance = 0;  ///< of the agent's process that it was sent to; 0: none
  Target target;
  std::string output_digest;  ///< of output that is stored apart
  std::uint8_t restarts = 0;  ///< how often it was sent to anew; stored until it is final
};

/// A block of large output.
struct OutputBlock {
  core::RunId run;
  std::uint32_t slot = 0;
  wire::Stream stream = wire::STREAM_NONE;
  std::uint32_t block = 0;  ///< offset / kOutputBlockBytes
  std::string data;
};

/// Large output on its way to the disk, apart from the database (output_files.h).
struct OutputBatch {
  struct Whole {
    core::RunId run;
    std::uint32_t slot = 0;
    std::uint64_t serial = 0;  ///< of the assembly
  };
  std::vector<OutputBlock> blocks;
  std::vector<Whole> whole;  ///< all that was said is in this batch or an earlier one
  std::size_t bytes = 0;

  bool empty() const { return blocks.empty() && whole.empty(); }
};

/// The run's last target has its final state.
struct RunEnd {
  core::RunId run;
  Counts counts;
  core::WallTime finished_at;
  bool forget_arguments = false;  ///< MethodLabel::has_secrets
};

struct RunCancel {
  core::RunId run;
  std::string by;
  std::string reason;
};

/// How far a run has come from now on, and by what, for the audit log.
struct RunStep {
  enum class What : std::uint8_t { kWave, kPaused, kResumed, kStopped, kCancelled };
  core::RunId run;
  What what = What::kWave;
  std::string by;
  std::string reason;
  Progress progress;
};

struct Batch {
  std::vector<NewRun> runs;
  std::vector<TargetRow> rows;
  std::vector<RunCancel> cancels;
  std::vector<RunStep> steps;
  std::vector<RunEnd> ends;
  std::size_t bytes = 0;  ///< of output in it

  bool empty() const {
    return runs.empty() && rows.empty() && cancels.empty() && steps.empty() && ends.empty();
  }
};

}  // namespace muster::jobs
