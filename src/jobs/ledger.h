// SPDX-License-Identifier: Apache-2.0
//
// Ledger: what becomes of every order. It decides when an order leaves for an
// endpoint, what each report means, and that every target ends in exactly one
// final state, whichever process restarts in between.
//
// Rules, in the order in which they would be missed:
//   - Nothing leaves before it is written that it may have left; no result is
//     acknowledged or shown before it is written.
//   - An order goes to an endpoint again only where it is proven that it never
//     arrived: the same agent process logs in again and does not hold the run, or the
//     gateway says that it was not sent and nothing else is under way.
//   - A new agent process that does not hold the run ends it as unknown.
//   - A final state never changes; what arrives later is acknowledged and counted.
//   - A run with a rollout sends wave by wave and never more than its ceiling at a time;
//     what waits for its turn is queued. A pause, a stop and a cancel hold at once.
//   - Only a run that is declared idempotent is sent to a restarted agent anew.
//   - A failed write changes nothing: the same batch is tried again, and until it
//     succeeds new runs are refused with the reason.
//
// Pure logic: no I/O, no clock, time comes with each event. One batch is under way at
// a time; what happens meanwhile gathers in the next, which is the group commit.
// After each turn's events call flush().
//
// Threads: belongs to one loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"
#include "jobs/batch.h"
#include "jobs/ports.h"
#include "jobs/types.h"
#include "wire/frame.h"

namespace muster::jobs {

struct LedgerSettings {
  /// Beyond answer_within() an endpoint's silence is a matter.
  core::Duration grace = std::chrono::seconds(15);
  /// Targets that a gateway could not reach wait so long for the link to come back,
  /// even where the run has no queue time.
  core::Duration not_sent_grace = std::chrono::seconds(10);
  /// Pause before a failed write is tried again, and before an order whose gateway
  /// was busy goes out again.
  core::Duration retry_after = std::chrono::seconds(1);
  std::size_t pending_bytes_max = kPendingBytesMax;
};

/// Counters since the start, for metrics.
struct LedgerStats {
  std::uint64_t runs = 0;
  std::uint64_t dispatched = 0;  ///< targets, repeats included
  std::uint64_t dispatched_again = 0;
  std::uint64_t restarted = 0;        ///< idempotent targets sent to anew
  std::uint64_t results = 0;          ///< that decided a final state
  std::uint64_t results_late = 0;     ///< for a target that had its final state
  std::uint64_t results_refused = 0;  ///< while too much waited for the disk
  std::uint64_t protocol_errors = 0;
  std::uint64_t write_failures = 0;
  std::size_t open_runs = 0;
  std::size_t open_targets = 0;
  std::size_t pending_bytes = 0;  ///< of results, in memory
  std::size_t storing_bytes = 0;  ///< of these, large output that Sink::store has or will get
};

/// A stored run that is not finished, for restore(). Slot i is targets[i].
struct StoredRun {
  Run run;
  struct Row {
    core::EndpointId endpoint;
    TargetState state = TargetState::kQueued;
    std::uint64_t instance = 0;
    std::optional<core::WallTime> started_at;
    std::uint8_t restarts = 0;
  };
  std::vector<Row> targets;
};

class Ledger {
 public:
  using Created = std::move_only_function<void(core::Status)>;

  explicit Ledger(Sink& sink, LedgerSettings settings = {});
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  /// After a restart, before any other event: the runs that are not finished.
  void restore(std::vector<StoredRun> runs, Now now);

  /// A new run (make_run) on these endpoints, each once. `created` is called when it
  /// is durable, or with the reason why not, from within a later persisted(). Returns
  /// an error at once, and does not call `created`, for no targets (kInvalid), too many
  /// of anything (kLimit), while the disk refuses writes (kUnavailable), or while everything
  /// is stopped (kConflict). Of a run with a rollout, targets[i] is slot i of its waves.
  /// `idempotency_key` and `_digest` (of the request) are stored with the run;
  /// kConflict while another run with the same author and key is being created.
  core::Status create(Run run, std::span<const core::EndpointId> targets,
                      std::string idempotency_key, std::string idempotency_digest, Now now,
                      Created created);
  /// kNotFound for a run that is not open. Queued targets are not sent any more; the
  /// others are asked to stop, and what they answer decides.
  core::Status cancel(core::RunId run, std::string by, std::string reason, Now now);
  /// Nothing more leaves until resume(); what was sent goes on. kNotFound as above,
  /// kConflict where the run is cancelled or stopped already. Fine for a paused run.
  core::Status pause(core::RunId run, std::string by, std::string reason, Now now);
  /// Goes on, and forgives the failures so far. kNotFound, kConflict where it is not paused.
  core::Status resume(core::RunId run, std::string by, Now now);
  /// Cancels all that is open and refuses new runs until lift_stop(). Nothing leaves any
  /// more once this has returned. Not stored: say it again after restore().
  void stop_all(Hold why, Now now);
  void lift_stop();
  const std::optional<Hold>& stopped() const;

  // What gateways report.

  /// An endpoint was admitted on a new link. `instance` and `held` are Hello's.
  void endpoint_up(const core::EndpointId& endpoint, std::string_view gateway, std::uint64_t link,
                   std::string_view instance, std::span<const wire::HeldRun* const> held, Now now);
  /// Ignored where it is not the current link.
  void endpoint_down(const core::EndpointId& endpoint, std::string_view gateway, std::uint64_t link,
                     Now now);
  /// All its links are gone.
  void gateway_down(std::string_view gateway, Now now);
  /// One report from the gateway of the endpoint's current link (others are ignored).
  void report(std::string_view gateway, wire::Report& report, Now now);
  /// The endpoint was removed or revoked: what was not sent becomes unreachable.
  void endpoint_removed(const core::EndpointId& endpoint, std::string_view reason, Now now);

  /// Deadlines and retries. Call at next_tick(), or every 100 ms.
  void tick(Now now);
  core::MonoTime next_tick() const;
  /// Gives what has gathered to Sink::persist and ::store, unless a batch is under way there.
  void flush(Now now);
  /// The outcome of the batch that was given to Sink::persist, or to Sink::store.
  void persisted(core::Status outcome, Now now);
  void stored(core::Status outcome, Now now);

  /// An open run with durable counts; null where it is finished or unknown (then ask
  /// RunStore). Valid until the next call.
  const Run* find(core::RunId run) const;
  /// The open runs, newest first.
  std::vector<const Run*> open_runs() const;
  bool is_target(core::RunId run, const core::EndpointId& endpoint) const;
  /// The order has left for this endpoint, and no end of it is known.
  bool is_running(core::RunId run, const core::EndpointId& endpoint) const;

  LedgerStats stats() const;
  /// Empty while the disk takes what it is given; else why it does not.
  const std::string& storage_error() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace muster::jobs
