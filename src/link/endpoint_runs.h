// SPDX-License-Identifier: Apache-2.0
//
// EndpointRuns is the endpoint's ledger: every run from its Invoke until its result
// is acknowledged. It outlives sessions, so that a broken link loses nothing.
//
// Pure logic: no I/O, no clock. Owned by the agent's loop. Invariants:
// - a run id is started at most once while this object lives (one process instance):
//   it is remembered until no order of it would be accepted any more;
// - a finished run is held, unchanged, until acknowledged();
// - at most kHeldRunsMax runs are held and at most kConcurrentRunsMax run at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/byte_source.h"
#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"
#include "link.pb.h"
#include "link/limits.h"

namespace muster::link {

/// The end of a run. `announce` has everything but the run's id, the sizes and the
/// inline bytes, which EndpointRuns and the session fill in.
struct RunResult {
  wire::Announce announce;
  std::string stdout_bytes;
  std::string stderr_bytes;
  /// Instead of the strings, where it is too much for memory.
  std::shared_ptr<const core::ByteSource> stdout_source;
  std::shared_ptr<const core::ByteSource> stderr_source;

  std::uint64_t stdout_size() const {
    return stdout_source ? stdout_source->size() : stdout_bytes.size();
  }
  std::uint64_t stderr_size() const {
    return stderr_source ? stderr_source->size() : stderr_bytes.size();
  }
};

/// Does the work: the agent's process runner, or a simulation.
class WorkPort {
 public:
  virtual ~WorkPort() = default;
  /// Start it now; exactly one finished() follows, possibly before this returns.
  /// Never called for Ping.
  virtual void start_work(const wire::Invoke& invoke) = 0;
  /// End it, whole tree; finished() follows (as cancelled, or as it ended anyway).
  virtual void cancel_work(core::RunId run, const std::string& reason) = 0;
};

/// Told what happens to the runs; the open session, if there is one.
class RunsObserver {
 public:
  virtual ~RunsObserver() = default;
  virtual void run_started(core::RunId run) = 0;
  virtual void run_output(core::RunId run, wire::Stream stream, std::uint64_t offset,
                          std::string_view data) = 0;
  virtual void run_progress(core::RunId run, std::optional<std::uint32_t> percent,
                            std::string_view text) = 0;
  /// The run is finished and held: announce it.
  virtual void run_finished(core::RunId run) = 0;
  /// An outcome that is not held, because the ledger is full: say it once.
  virtual void run_refused(const wire::Announce& announce) = 0;
};

class EndpointRuns {
 public:
  enum class State : std::uint8_t { kQueued, kRunning, kFinished };
  struct Run {
    State state = State::kQueued;
    bool live_output = false;
    bool cancelling = false;
    core::MonoTime expires_at{};           ///< max(): never
    core::MonoTime forget_at{};            ///< its order would be accepted until then
    std::unique_ptr<wire::Invoke> invoke;  ///< until it is started
    std::unique_ptr<RunResult> result;     ///< once it is finished
  };

  explicit EndpointRuns(WorkPort& work, std::size_t concurrent_max = kConcurrentRunsMax);
  EndpointRuns(const EndpointRuns&) = delete;
  EndpointRuns& operator=(const EndpointRuns&) = delete;

  /// At most one; nullptr while there is no open link.
  void observe(RunsObserver* observer) { observer_ = observer; }

  // --- from the gateway, by way of a session
  /// Starts, queues, refuses or ignores it. A finished held run is announced again.
  /// `forget_at`: until then the run's id is remembered (OrderPort::check).
  void invoke(wire::Invoke invoke, core::MonoTime forget_at, core::MonoTime now);
  /// What came as its order is none, or has expired (kTimeout): says so, once, where the
  /// run is not known.
  void refuse(core::RunId run, const core::Error& why);
  /// Ends it wherever it is. An unknown run becomes a held, cancelled one, so that an
  /// Invoke which arrives later does not start it. A finished run is announced again.
  void cancel(core::RunId run, const std::string& reason, core::MonoTime now);
  /// The result is durable on the server: forget it.
  void acknowledged(core::RunId run);

  // --- from the work
  void started(core::RunId run);
  void output(core::RunId run, wire::Stream stream, std::uint64_t offset, std::string_view data);
  void progress(core::RunId run, std::optional<std::uint32_t> percent, std::string_view text);
  void finished(core::RunId run, RunResult result, core::MonoTime now);

  // --- from one process of an instance to the next: an agent that updates itself
  struct Remembered {
    core::RunId run;
    core::MonoTime until;  ///< its order would be accepted until then
  };
  /// What was acknowledged and must not be started again.
  std::vector<Remembered> remembered() const;
  void remember(const Remembered& what) { recent_.emplace_back(what.run, what.until); }
  /// The run goes on here: it is held and running. REQUIRES: it is not known.
  void adopt(const Remembered& what);

  // --- time, and what a session needs
  /// What a finished run said cannot be read any more: its result goes without.
  void lose_output(core::RunId run, std::string_view why);
  /// Expires what is queued. Call at deadline() or later.
  void tick(core::MonoTime now);
  /// When tick() is needed next; max() for never.
  core::MonoTime deadline() const;

  /// What Hello.held says.
  std::vector<wire::HeldRun> held() const;
  /// nullptr where the run is not held. Invalid after the next change.
  const Run* find(core::RunId run) const;
  const std::map<core::RunId, Run>& all() const { return runs_; }
  std::size_t running() const { return running_; }

 private:
  void finish(core::RunId run, Run& held, RunResult result);
  void finish_without_work(core::RunId run, wire::Outcome outcome, std::string reason);
  void start_queued(core::MonoTime now);
  bool remembered(core::RunId run) const;
  void forget_old(core::MonoTime now);
  void refuse_unheld(core::RunId run, wire::Outcome outcome, std::string reason);

  WorkPort& work_;
  RunsObserver* observer_ = nullptr;
  std::size_t concurrent_max_;
  std::map<core::RunId, Run> runs_;
  std::deque<core::RunId> queue_;
  std::vector<std::pair<core::RunId, core::MonoTime>> recent_;  // acknowledged, until when
  std::size_t running_ = 0;
  bool starting_ = false;
  std::size_t finished_bytes_ = 0;
};

}  // namespace muster::link
