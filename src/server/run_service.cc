// SPDX-License-Identifier: Apache-2.0
#include "server/run_service.h"

#include <algorithm>

#include "access/audit.h"
#include "core/log.h"
#include "jobs/run_store.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;
using core::Code;
using core::fail;

/// A create() waits so long for the disk before it says that the outcome is open.
constexpr core::Duration kCreateWait = 60s;

/// The audit entries of a batch: they commit with what they tell of.
core::Status audit_batch(store::Connection& connection, const jobs::Batch& batch) {
  const auto now = core::wall_now();
  for (const auto& added : batch.runs) {
    const auto& run = added.run;
    std::string command = run.shell;
    if (command.empty())
      for (const auto& word : run.invoke.command().argv())
        command += (command.empty() ? "" : " ") + word;
    MUSTER_TRY(access::Audit::append(
        connection, now,
        {run.created_by, "run.create", run.id.str(),
         access::audit_detail({{"kind", jobs::name(run.kind)},
                               {"command", command},
                               {"user", run.invoke.command().user()},
                               {"selector", run.selector},
                               {"targets", std::to_string(added.targets.size())}})}));
  }
  for (const auto& cancel : batch.cancels)
    MUSTER_TRY(access::Audit::append(connection, now,
                                     {cancel.by, "run.cancel", cancel.run.str(),
                                      access::audit_detail({{"reason", cancel.reason}})}));
  return {};
}

}  // namespace

RunService::RunService(runtime::Loop& loop, store::Database& database, Live& live,
                       const orders::Signer& signer, FindGateway find_gateway)
    : loop_(loop),
      database_(database),
      live_(live),
      signer_(signer),
      find_gateway_(std::move(find_gateway)),
      ledger_(*this),
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

runtime::Task<core::Result<RunService::Created>> RunService::create(Wanted wanted) {
  const std::string author = wanted.spec.created_by;
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
        service->changed();
      });
}

void RunService::dispatch(const std::string& gateway, const jobs::Departure& departure) {
  auto* port = find_gateway_(gateway);
  if (!port) return;
  wire::Dispatch message;
  message.set_run(departure.run.id.value());
  message.set_invoke(departure.run.invoke.SerializeAsString());
  message.set_targets(departure.targets);
  message.mutable_links()->Add(departure.links.begin(), departure.links.end());
  if (!departure.run.invoke.has_ping()) {
    auto order = signer_.order(departure.run.id, message.invoke(), departure.targets,
                               departure.instances, core::mono_now());
    message.set_order(std::move(order.order));
    message.set_signature(std::move(order.signature));
    message.set_leaves(std::move(order.leaves));
  }
  port->dispatch(std::move(message));
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
}

}  // namespace muster::server
