// SPDX-License-Identifier: Apache-2.0
#include "server/run_service.h"

#include <algorithm>
#include <optional>

#include "access/audit.h"
#include "core/log.h"
#include "jobs/run_store.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;
using core::Code;
using core::fail;

/// Targets of one Dispatch: with 56 bytes each, the work and the order a frame holds them.
constexpr std::size_t kTargetsPerDispatchMax = 32 * 1024;
static_assert(kTargetsPerDispatchMax * 56 + wire::kCommandBytesMax + 64 * 1024 <
              wire::kRegionFrameBytesMax);
/// A create() waits so long for the disk before it says that the outcome is open.
constexpr core::Duration kCreateWait = 60s;
constexpr core::Duration kStepWait = 10s;

std::string_view action_of(jobs::RunStep::What what) {
  using enum jobs::RunStep::What;
  switch (what) {
    case kPaused:
      return "run.pause";
    case kResumed:
      return "run.resume";
    case kStopped:
      return "run.stop";
    case kWave:
    case kCancelled:  // has an entry of its own
      break;
  }
  return "";
}

/// The audit entries of a batch: they commit with what they tell of.
core::Status audit_batch(store::Connection& connection, const jobs::Batch& batch) {
  const auto now = core::wall_now();
  for (const auto& added : batch.runs) {
    const auto& run = added.run;
    std::string command = run.shell;
    if (command.empty())
      for (const auto& word : run.invoke.command().argv())
        command += (command.empty() ? "" : " ") + word;
    if (run.kind == jobs::RunKind::kMethod)
      command = run.method.name + ' ' + run.method.version + ' ' + run.method.arguments;
    MUSTER_TRY(access::Audit::append(
        connection, now,
        {run.created_by, "run.create", run.id.str(),
         access::audit_detail(
             {{"kind", jobs::name(run.kind)},
              {"command", command},
              {"user",
               run.invoke.has_method() ? run.invoke.method().user() : run.invoke.command().user()},
              {"selector", run.selector},
              {"waves", run.rollout ? std::to_string(run.rollout->waves.size()) : ""},
              {"parent", run.chain && run.chain->is_child() ? run.chain->parent().run.str() : ""},
              {"may_start",
               run.chain && !run.chain->is_child() ? granted(run.chain->grant) : std::string()},
              {"targets", std::to_string(added.targets.size())}})}));
  }
  for (const auto& cancel : batch.cancels)
    MUSTER_TRY(access::Audit::append(connection, now,
                                     {cancel.by, "run.cancel", cancel.run.str(),
                                      access::audit_detail({{"reason", cancel.reason}})}));
  for (const auto& step : batch.steps)
    if (const auto action = action_of(step.what); !action.empty())
      MUSTER_TRY(access::Audit::append(
          connection, now,
          {step.by == jobs::kByRollout ? std::string_view("system") : std::string_view(step.by),
           action, step.run.str(), access::audit_detail({{"reason", step.reason}})}));
  return {};
}

}  // namespace

RunService::RunService(runtime::Loop& loop, store::Database& database,
                       std::filesystem::path results, Live& live, const orders::Signer& signer,
                       FindGateway find_gateway, jobs::LedgerSettings settings)
    : loop_(loop),
      database_(database),
      live_(live),
      signer_(signer),
      find_gateway_(std::move(find_gateway)),
      files_(std::move(results)),
      ledger_(*this, settings),
      tick_(loop),
      random_(core::random_seeded()),
      self_(std::make_shared<RunService*>(this)) {}

RunService::~RunService() {
  *self_ = nullptr;
}

core::Status RunService::restore() {
  MUSTER_ASSIGN(auto open, database_.read_blocking([](store::Connection& connection) {
    return jobs::RunStore::load_open(connection);
  }));
  const std::size_t count = open.size();
  ledger_.restore(std::move(open), now());
  if (count > 0)
    core::log(core::Level::kInfo, "server", "runs were under way; their endpoints will tell",
              {{"runs", count}});
  changed();
  return {};
}

void RunService::changed() {
  if (flush_posted_) return;
  flush_posted_ = true;
  loop_.post([self = self_] {
    RunService* service = *self;
    if (!service) return;
    service->flush_posted_ = false;
    service->ledger_.flush(now());
    service->plan_tick();
  });
}

void RunService::plan_tick() {
  const auto next = ledger_.next_tick();
  if (next == core::MonoTime::max()) return tick_.cancel();
  tick_.start(std::max<core::Duration>(next - core::mono_now(), 1ms), [this] {
    ledger_.tick(now());
    changed();
  });
}

class RunService::KeyTaken {
 public:
  KeyTaken(std::shared_ptr<RunService*> service, std::string key)
      : service_(std::move(service)),
        key_(std::move(key)),
        is_ours_((*service_)->keys_taken_.insert(key_).second) {}
  ~KeyTaken() {
    if (is_ours_ && *service_) (*service_)->keys_taken_.erase(key_);
  }
  KeyTaken(const KeyTaken&) = delete;
  KeyTaken& operator=(const KeyTaken&) = delete;
  bool is_ours() const { return is_ours_; }

 private:
  const std::shared_ptr<RunService*> service_;
  const std::string key_;
  const bool is_ours_;
};

runtime::Task<core::Result<RunService::Created>> RunService::create(Wanted wanted) {
  const std::string author = wanted.spec.created_by;
  std::optional<KeyTaken> taken;
  if (!wanted.idempotency_key.empty()) taken.emplace(self_, author + '\0' + wanted.idempotency_key);
  if (taken && !taken->is_ours())
    co_return fail(Code::kConflict, "another request with this idempotency key is under way");
  if (!wanted.idempotency_key.empty()) {
    MUSTER_CO_ASSIGN(auto repeated, co_await database_.read([&](store::Connection& connection) {
      return jobs::RunStore::find_idempotent(connection, author, wanted.idempotency_key);
    }));
    if (repeated && repeated->digest != wanted.request_digest)
      co_return fail(Code::kConflict,
                     "this Idempotency-Key was used for another request; take a "
                     "new key for a new run");
    if (repeated) {
      MUSTER_CO_ASSIGN(auto run, co_await get(repeated->run));
      co_return Created{std::move(run), true};
    }
  }
  MUSTER_CO_ASSIGN(auto run, jobs::make_run(wanted.spec, core::wall_now(), random_.next()));
  const core::RunId id = run.id;
  run.rollout = std::move(wanted.rollout);

  struct Waiting {
    runtime::Signal signal;
    std::optional<core::Status> outcome;
  };
  auto waiting = std::make_shared<Waiting>();
  MUSTER_CO_TRY(ledger_.create(std::move(run), wanted.targets, std::move(wanted.idempotency_key),
                               std::move(wanted.request_digest), now(),
                               [waiting](core::Status outcome) {
                                 waiting->outcome = std::move(outcome);
                                 waiting->signal.notify();
                               }));
  changed();
  co_await waiting->signal.wait(0, kCreateWait);
  if (!waiting->outcome)
    co_return fail(Code::kUnavailable, "the run " + id.str() +
                                           " is not on the disk yet; look for it in the list of "
                                           "runs before you try again");
  MUSTER_CO_TRY(std::move(*waiting->outcome));
  MUSTER_CO_ASSIGN(auto created, co_await get(id));
  co_return Created{std::move(created), false};
}

runtime::Task<core::Result<jobs::Run>> RunService::cancel(core::RunId run, std::string by,
                                                          std::string reason) {
  auto cancelled = ledger_.cancel(run, std::move(by), std::move(reason), now());
  if (!cancelled && cancelled.error().code != Code::kNotFound)
    co_return std::unexpected(std::move(cancelled.error()));
  changed();
  co_return co_await get(run);
}

runtime::Task<core::Result<jobs::Run>> RunService::pause(core::RunId run, std::string by,
                                                         std::string reason) {
  MUSTER_CO_TRY(ledger_.pause(run, std::move(by), std::move(reason), now()));
  co_return co_await when_paused(run, true);
}

runtime::Task<core::Result<jobs::Run>> RunService::resume(core::RunId run, std::string by) {
  MUSTER_CO_TRY(ledger_.resume(run, std::move(by), now()));
  co_return co_await when_paused(run, false);
}

/// The run once it is durable that it is paused, or not.
runtime::Task<core::Result<jobs::Run>> RunService::when_paused(core::RunId run, bool paused) {
  changed();
  for (const auto until = core::mono_now() + kStepWait;;) {
    const auto seen = written_.count();
    const jobs::Run* open = ledger_.find(run);
    if (!open || open->progress.paused.has_value() == paused) break;
    const auto left = until - core::mono_now();
    if (left <= 0s || !co_await written_.wait(seen, left))
      co_return fail(Code::kUnavailable,
                     "it holds, but is not on the disk yet: look at the run before you rely on it");
  }
  co_return co_await get(run);
}

std::uint64_t RunService::stop_all(const std::optional<jobs::Hold>& why) {
  std::uint64_t open = 0;
  for (const auto* run : ledger_.open_runs()) open += run->cancelled_by.empty();
  if (why)
    ledger_.stop_all(*why, now());
  else
    ledger_.lift_stop();
  changed();
  return open;
}

runtime::Task<core::Result<jobs::Run>> RunService::get(core::RunId run) {
  if (const jobs::Run* open = ledger_.find(run)) co_return *open;
  co_return co_await database_.read(
      [run](store::Connection& connection) { return jobs::RunStore::run(connection, run); });
}

void RunService::persist(std::shared_ptr<const jobs::Batch> batch) {
  database_.write_then(
      loop_,
      [batch](store::Connection& connection) -> core::Status {
        MUSTER_TRY(jobs::RunStore::apply(connection, *batch));
        return audit_batch(connection, *batch);
      },
      [self = self_](core::Status outcome) {
        RunService* service = *self;
        if (!service) return;
        service->ledger_.persisted(std::move(outcome), now());
        service->written_.notify();
        service->changed();
      });
}

void RunService::store(std::shared_ptr<const jobs::OutputBatch> output) {
  write_begun_();
  auto stored = [self = self_](core::Status outcome) {
    RunService* service = *self;
    if (!service) return;
    if (outcome) service->write_done_();  // before the next write begins
    service->ledger_.stored(std::move(outcome), now());
    service->changed();
  };
  if (shares_output_)
    return database_.write_then(
        loop_,
        [output](store::Connection& connection) {
          return jobs::RunStore::keep_output(connection, *output);
        },
        std::move(stored));
  writer_.post(loop_, [this, output] { return files_.store(*output); }, std::move(stored));
}

void RunService::dispatch(const std::string& gateway, const jobs::Departure& departure) {
  constexpr std::size_t kIdBytes = core::EndpointId::kBytes;
  auto* port = find_gateway_(gateway);
  if (!port) return;
  const std::string invoke = departure.run.invoke.SerializeAsString();
  for (std::size_t first = 0; first < departure.links.size(); first += kTargetsPerDispatchMax) {
    const std::size_t count = std::min(kTargetsPerDispatchMax, departure.links.size() - first);
    wire::Dispatch message;
    message.set_run(departure.run.id.value());
    message.set_invoke(invoke);
    message.set_targets(departure.targets.substr(first * kIdBytes, count * kIdBytes));
    const auto links = departure.links.begin() + static_cast<std::ptrdiff_t>(first);
    message.mutable_links()->Add(links, links + static_cast<std::ptrdiff_t>(count));
    if (!departure.run.invoke.has_ping()) {
      auto order = signer_.order(departure.run.id, invoke, message.targets(),
                                 departure.instances.substr(first * kIdBytes, count * kIdBytes),
                                 core::mono_now());
      message.set_order(std::move(order.order));
      message.set_signature(std::move(order.signature));
      message.set_leaves(std::move(order.leaves));
    }
    port->dispatch(std::move(message));
  }
}

void RunService::cancel(const std::string& gateway, const wire::CancelRun& cancel) {
  if (auto* port = find_gateway_(gateway)) port->cancel_run(cancel);
}

void RunService::ack(const std::string& gateway, const wire::Acks& acks) {
  if (auto* port = find_gateway_(gateway)) port->acks(acks);
}

void RunService::kick(const std::string& gateway, const core::EndpointId& endpoint,
                      std::string_view reason) {
  auto* port = find_gateway_(gateway);
  if (!port) return;
  wire::Kick kick;
  kick.set_endpoint(std::string(endpoint.bytes()));
  kick.mutable_goodbye()->set_code(wire::GOODBYE_BUSY);
  kick.mutable_goodbye()->set_reason(std::string(reason));
  kick.mutable_goodbye()->set_retry_after_ms(1000);
  port->kick(std::move(kick));
}

void RunService::changed(const jobs::Run& run, std::span<const jobs::TargetEvent> targets) {
  live_.run_changed(run, targets);
  if (run_changed_) run_changed_(run, targets);
}

void RunService::output(const jobs::Run& run, const core::EndpointId& endpoint,
                        const wire::Output& output) {
  live_.run_output(run.id, endpoint, output);
}

runtime::Task<void> RunService::retain(jobs::Retention retention) {
  for (bool more = true; more;) {
    auto report = co_await database_.write([retention](store::Connection& connection) {
      return jobs::RunStore::retain(connection, retention, core::wall_now());
    });
    if (!report) {
      core::log(core::Level::kWarn, "server", "old runs could not be removed",
                {{"why", report.error().message}});
      co_return;
    }
    if (report->runs_removed > 0)
      core::log(core::Level::kInfo, "server", "removed old runs", {{"runs", report->runs_removed}});
    more = report->more;
  }
  co_await remove_files();
}

/// The files of runs that are gone, those of before a crash among them.
runtime::Task<void> RunService::remove_files() {
  auto runs = co_await writer_.run([this] { return files_.runs(); });
  const auto gone = co_await database_.read([runs](store::Connection& connection) {
    std::vector<core::RunId> missing;
    for (const core::RunId run : runs) {
      const auto found = jobs::RunStore::run(connection, run);
      if (!found && found.error().code == Code::kNotFound) missing.push_back(run);
    }
    return core::Result<std::vector<core::RunId>>(std::move(missing));
  });
  if (!gone || gone->empty()) co_return;
  co_await writer_.run([this, &gone] {
    for (const core::RunId run : *gone) files_.remove(run);
    return true;
  });
}

}  // namespace muster::server
