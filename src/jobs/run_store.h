// SPDX-License-Identifier: Apache-2.0
//
// The ledger's tables. Each function runs inside Database::write or ::read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"
#include "jobs/batch.h"
#include "jobs/ledger.h"
#include "jobs/output_files.h"
#include "jobs/types.h"
#include "store/connection.h"
#include "store/migration.h"

namespace muster::jobs {

store::MigrationSet run_migrations();

/// Items on one page of a list.
inline constexpr std::size_t kPageMax = 1000;
/// Bytes of output in one answer of folds() or targets(); the rest is left out.
inline constexpr std::size_t kListedOutputBytesMax = 8 * 1024 * 1024;

struct RunPage {
  std::vector<Run> runs;  ///< newest first
  std::optional<core::RunId> next;
};

struct TargetPage {
  struct Item {
    std::uint32_t slot = 0;
    Target target;
    bool output_left_out = false;
  };
  std::vector<Item> targets;          ///< by slot
  std::optional<std::uint32_t> next;  ///< pass as `after`
};

/// Targets that ended alike.
struct Fold {
  Target sample;                 ///< one of them, with its output (unless stored apart)
  bool output_left_out = false;  ///< the answer grew too large: ask for the sample's output
  std::string digest;            ///< raw bytes that name it; empty for targets that are not final
  std::vector<core::EndpointId> endpoints;
};

/// What is kept of finished runs; zero: no limit.
struct Retention {
  core::Duration age_max{std::chrono::hours(24 * 90)};
  std::uint64_t bytes_max = 10ULL * 1024 * 1024 * 1024;  ///< of output
  std::uint64_t runs_max = 100'000;
};

/// What there is of finished runs now.
struct Kept {
  std::uint64_t runs = 0;
  std::uint64_t recorded_runs = 0;
  std::uint64_t output_bytes = 0;
};

struct RetentionReport {
  std::uint64_t runs_removed = 0;
  std::uint64_t runs = 0;  ///< what remains
  std::uint64_t output_bytes = 0;
  bool more = false;  ///< stopped early to keep the transaction short: call again
};

class RunStore {
 public:
  /// What Sink::persist was given.
  static core::Status apply(store::Connection& connection, const Batch& batch);
  static core::Result<std::vector<StoredRun>> load_open(store::Connection& connection);

  /// `created_by`: only the runs of this one.
  static core::Result<RunPage> runs(store::Connection& connection, std::size_t limit,
                                    std::optional<core::RunId> after,
                                    std::optional<std::string_view> created_by = {});
  /// kNotFound.
  static core::Result<Run> run(store::Connection& connection, core::RunId id);
  /// All runs of the tree whose first one is `root`, oldest first; empty where it has no chain.
  static core::Result<std::vector<Run>> tree(store::Connection& connection, core::RunId root);
  /// The same, without what people are shown: for ChainTrees.
  struct ChainRow {
    core::RunId run;
    Chain chain;
    bool finished = false;
  };
  static core::Result<std::vector<ChainRow>> chain_rows(store::Connection& connection,
                                                        core::RunId root);
  /// What the methods of a run have started, oldest first.
  static core::Result<std::vector<core::RunId>> children(store::Connection& connection,
                                                         core::RunId parent);
  /// `fold_digest`: only those of this fold; empty: all.
  static core::Result<TargetPage> targets(store::Connection& connection, core::RunId run,
                                          std::optional<TargetState> state, std::size_t limit,
                                          std::optional<std::uint32_t> after,
                                          std::string_view fold_digest = {});
  /// kNotFound. With its output, unless that is stored apart.
  static core::Result<Target> target(store::Connection& connection, core::RunId run,
                                     const core::EndpointId& endpoint);
  static core::Result<bool> has_target(store::Connection& connection, core::RunId run,
                                       const core::EndpointId& endpoint);
  /// Most numerous first. Targets that are not final are folded by state.
  static core::Result<std::vector<Fold>> folds(store::Connection& connection, core::RunId run);
  /// Of each wave of the run's rollout.
  static core::Result<std::vector<Counts>> wave_counts(store::Connection& connection,
                                                       core::RunId run, const Rollout& rollout);
  /// Blocks of large output as rows, where several servers share the database and none of them may
  /// keep what others need in files of its own. May be repeated after a failure.
  static core::Status keep_output(store::Connection& connection, const OutputBatch& output);
  /// At most `bytes_max` bytes of a stream from `offset`, wherever it lies; empty at its end.
  static core::Result<std::string> output(store::Connection& connection, const OutputFiles& files,
                                          core::RunId run, const core::EndpointId& endpoint,
                                          wire::Stream stream, std::uint64_t offset,
                                          std::size_t bytes_max);

  struct Repeated {
    core::RunId run;
    std::string digest;  ///< of the request that made it
  };
  static core::Result<std::optional<Repeated>> find_idempotent(store::Connection& connection,
                                                               std::string_view created_by,
                                                               std::string_view key);

  /// What is kept, where somebody has set it.
  static core::Result<std::optional<Retention>> retention(store::Connection& connection);
  static core::Status set_retention(store::Connection& connection, const Retention& retention);
  static core::Result<Kept> kept(store::Connection& connection);

  /// Removes finished runs beyond the limits, oldest first, a bounded number a call. Recorded
  /// runs (recordings.h) count, and stay.
  static core::Result<RetentionReport> retain(store::Connection& connection,
                                              const Retention& retention, core::WallTime now);
};

}  // namespace muster::jobs
