// SPDX-License-Identifier: Apache-2.0
//
// RunService ties the ledger to the database, the gateways and the live views.
//
// The ledger decides; this class carries out. It flushes the ledger once per turn of the
// loop, so that whatever arrived together is written together.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/clock.h"
#include "jobs/ledger.h"
#include "jobs/ports.h"
#include "jobs/run_spec.h"
#include "jobs/run_store.h"
#include "link/region_ports.h"
#include "orders/signer.h"
#include "runtime/loop.h"
#include "runtime/signal.h"
#include "runtime/worker_pool.h"
#include "server/live.h"
#include "store/database.h"

namespace muster::server {

class RunService final : private jobs::Sink {
 public:
  /// Finds the gateway of that name; null where it is gone.
  using FindGateway = std::function<link::RegionGateway*(const std::string& name)>;

  /// `results`: the folder of large output.
  RunService(runtime::Loop& loop, store::Database& database, std::filesystem::path results,
             Live& live, const orders::Signer& signer, FindGateway find_gateway,
             jobs::LedgerSettings settings = {});
  ~RunService() override;

  /// Large output goes into the database from now on: several servers share it. Before restore().
  void share_output() { shares_output_ = true; }
  /// Loads what was under way when the server ended. Blocking; once, first.
  core::Status restore();

  struct Wanted {
    jobs::RunSpec spec;
    std::vector<core::EndpointId> targets;  ///< each once, in the order in which to show them
    std::string idempotency_key;
    std::string request_digest;
    std::shared_ptr<const jobs::Rollout> rollout;  ///< spec.rollout, arranged for `targets`
  };
  struct Created {
    jobs::Run run;
    bool repeated = false;  ///< the key was used before: this is that run
  };
  /// Returns when the run is durable.
  runtime::Task<core::Result<Created>> create(Wanted wanted);
  /// Returns at once; what the endpoints answer decides. Fine for a finished run.
  runtime::Task<core::Result<jobs::Run>> cancel(core::RunId run, std::string by,
                                                std::string reason);
  /// Returns when it is durable. Errors as Ledger::pause and ::resume.
  runtime::Task<core::Result<jobs::Run>> pause(core::RunId run, std::string by, std::string reason);
  runtime::Task<core::Result<jobs::Run>> resume(core::RunId run, std::string by);
  /// Cancels all that is open and refuses what is new: at once. Returns how many runs were
  /// open. Nothing: lifts it.
  std::uint64_t stop_all(const std::optional<jobs::Hold>& why);
  /// The run as it is durable now, open or finished. kNotFound.
  runtime::Task<core::Result<jobs::Run>> get(core::RunId run);

  /// For what gateways report; call changed() after it.
  jobs::Ledger& ledger() { return ledger_; }
  /// Something was told to the ledger: flush it at the end of this turn.
  void changed();
  /// `begun`: the large output that the ledger has heard until now is on its way to the disk;
  /// `done`: it is there.
  void watch_writes(std::function<void()> begun, std::function<void()> done) {
    write_begun_ = std::move(begun);
    write_done_ = std::move(done);
  }
  /// Told of each run of which something became durable, from within the ledger: it must not
  /// be called back before that has returned. Empty: nobody is.
  using RunChanged = std::function<void(const jobs::Run&, std::span<const jobs::TargetEvent>)>;
  void watch_runs(RunChanged changed) { run_changed_ = std::move(changed); }
  /// Where large output lies.
  const jobs::OutputFiles& files() const { return files_; }
  /// Removes finished runs beyond the limits of retention.
  runtime::Task<void> retain(jobs::Retention retention);
  static jobs::Now now() { return {core::mono_now(), core::wall_now()}; }

 private:
  void persist(std::shared_ptr<const jobs::Batch> batch) override;
  void store(std::shared_ptr<const jobs::OutputBatch> output) override;
  void dispatch(const std::string& gateway, const jobs::Departure& departure) override;
  void cancel(const std::string& gateway, const wire::CancelRun& cancel) override;
  void ack(const std::string& gateway, const wire::Acks& acks) override;
  void kick(const std::string& gateway, const core::EndpointId& endpoint,
            std::string_view reason) override;
  void changed(const jobs::Run& run, std::span<const jobs::TargetEvent> targets) override;
  void output(const jobs::Run& run, const core::EndpointId& endpoint,
              const wire::Output& output) override;

  /// Keeps an idempotency key for one create(), from before it asks the database.
  class KeyTaken;

  runtime::Task<void> remove_files();
  void plan_tick();
  runtime::Task<core::Result<jobs::Run>> when_paused(core::RunId run, bool paused);

  runtime::Loop& loop_;
  store::Database& database_;
  Live& live_;
  const orders::Signer& signer_;
  FindGateway find_gateway_;
  std::function<void()> write_begun_ = [] {};
  std::function<void()> write_done_ = [] {};
  RunChanged run_changed_;
  const jobs::OutputFiles files_;
  jobs::Ledger ledger_;
  runtime::Timer tick_;
  core::Random random_;
  runtime::Signal written_;  ///< of the ledger's batches
  bool flush_posted_ = false;
  bool shares_output_ = false;
  std::set<std::string> keys_taken_;  ///< author and idempotency key of each create()
  std::shared_ptr<RunService*> self_;
  runtime::WorkerPool writer_{1};  // of large output
};

}  // namespace muster::server
