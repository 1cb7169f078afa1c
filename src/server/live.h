// SPDX-License-Identifier: Apache-2.0
//
// Live: what the live views (server-sent events) wait for.
//
// A watcher that is slower than the fleet must not hold memory: what it gets is the
// present state, as often as it can take it, and of single events a bounded number;
// past that they are dropped and the watcher reads the lists again.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "jobs/ports.h"
#include "runtime/signal.h"

namespace muster::server {

/// Counters of the HTTP server, for metrics.
struct HttpStats {
  std::map<int, std::uint64_t> by_status;
  std::uint64_t bytes_sent = 0;
};

/// How far a target says it is.
struct TargetProgress {
  std::optional<std::uint32_t> percent;
  std::string text;
};
using ProgressMap = std::map<core::EndpointId, TargetProgress>;

/// One watcher of one run.
struct RunWatch {
  static constexpr std::size_t kEventsMax = 4096;
  static constexpr std::size_t kOutputBytesMax = 1024 * 1024;

  struct OutputPart {
    core::EndpointId endpoint;
    wire::Stream stream = wire::STREAM_NONE;
    std::string data;
  };

  core::RunId run;
  runtime::Signal signal;
  runtime::Signal ended;  ///< the run is finished
  std::deque<jobs::TargetEvent> events;
  ProgressMap progress;  ///< since it was last taken
  std::deque<OutputPart> output;
  std::size_t output_bytes = 0;
};

/// One watcher of the region.
struct RegionWatch {
  runtime::Signal signal;
  std::set<core::RunId> runs;
  std::set<core::EndpointId> hosts;
  bool many_hosts = false;  ///< more than are worth naming
};

class Live {
 public:
  static constexpr std::size_t kWatchersMax = 1000;
  static constexpr std::size_t kHostsMax = 100;
  /// Live output that is kept for watchers who come while the run goes on.
  static constexpr std::size_t kRecentBytesMax = 256UL * 1024;
  static constexpr std::size_t kRecentRunsMax = 256;
  /// Targets of a run whose progress is kept.
  static constexpr std::size_t kProgressTargetsMax = 1000;

  /// The watcher begins with the run's recent live output. kLimit where there are too many
  /// watchers.
  core::Result<std::shared_ptr<RunWatch>> watch_run(core::RunId run);
  core::Result<std::shared_ptr<RegionWatch>> watch_region();
  /// Wakes every watcher, so that it sees that the server stops.
  void wake_all();
  std::size_t watchers();

  void run_changed(const jobs::Run& run, std::span<const jobs::TargetEvent> targets);
  void run_output(core::RunId run, const core::EndpointId& endpoint, const wire::Output& output);
  /// The newest that this target said; null where it said nothing, or its run has ended.
  const TargetProgress* progress(core::RunId run, const core::EndpointId& endpoint) const;
  void hosts_changed(std::span<const core::EndpointId> hosts);

 private:
  /// The newest of a run's live output.
  struct Recent {
    std::deque<RunWatch::OutputPart> parts;
    std::size_t bytes = 0;
    ProgressMap progress;
  };

  void forget_gone();
  Recent& recent_of(core::RunId run);
  void run_progress(core::RunId run, const core::EndpointId& endpoint, const wire::Output& output);
  void keep_recent(core::RunId run, const RunWatch::OutputPart& part);
  std::multimap<core::RunId, std::weak_ptr<RunWatch>> runs_;
  std::map<core::RunId, Recent> recent_;  ///< of runs that go on
  std::vector<std::weak_ptr<RegionWatch>> regions_;
};

}  // namespace muster::server
