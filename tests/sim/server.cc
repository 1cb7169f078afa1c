// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "jobs/run_spec.h"
#include "orders/order_frames.h"
#include "world.h"

namespace muster::sim {

using namespace std::chrono_literals;

void Server::start() {
  ++life;
  ledger = std::make_unique<jobs::Ledger>(*this);
  signer = std::make_unique<orders::Signer>(world->authority.region(), world->signing_key,
                                            *world->signer_certificate, world->clock.both().wall,
                                            world->clock.now());
  ledger->restore(world->disk.open_runs(), world->clock.both());
  if (world->stopped) ledger->stop_all(*world->stopped, world->clock.both());
  // A pause that died with the server before it was on the disk was never promised.
  std::erase_if(world->paused, [&](core::RunId run) {
    const auto stored = world->disk.runs().find(run);
    return stored == world->disk.runs().end() || !stored->second.run.progress.paused;
  });
  for (Gateway& gateway : world->gateways)
    if (gateway.up && gateway.connected) gateway.relogin_all();
  turn();
}

void Server::kill() {
  if (!ledger) return;
  ++world->counts.server_deaths;
  ++life;
  // Not from inside a call of the ledger: faults are events of their own.
  ledger.reset();
  world->clock.after(world->clock.between(200ms, 4s), [this] { start(); });
}

void Server::turn() {
  ledger->flush(world->clock.both());
}

namespace {

class NoLabels final : public jobs::WaveTargets {
  bool matches(std::size_t, std::size_t target) const override { return target % 3 == 0; }
  std::string label(const std::string&, std::size_t target) const override {
    return std::to_string(target % 4);
  }
};

jobs::RolloutPlan random_plan(Clock& clock) {
  using Kind = jobs::WaveRule::Kind;
  jobs::RolloutPlan plan;
  if (clock.chance(700)) {
    plan.waves.push_back(
        {Kind::kCount, 1 + static_cast<std::uint32_t>(clock.random.below(9)), {}, {}});
    if (clock.chance(500)) plan.waves.push_back({Kind::kSelector, 0, "some", {}});
    if (clock.chance(500))
      plan.waves.push_back({Kind::kEachLabel, 0, "site", {"2"}});
    else
      plan.waves.push_back({Kind::kPercent, 30, {}, {}});
    plan.pause_between = clock.chance(200);
    if (!plan.pause_between && clock.chance(300)) plan.wait_between = 3s;
  }
  if (plan.waves.empty() || clock.chance(500))
    plan.parallel_max = 30 + static_cast<std::uint32_t>(clock.random.below(300));
  if (clock.chance(200)) plan.failures_max = static_cast<std::uint32_t>(clock.random.below(300));
  plan.count_unreachable = clock.chance(300);
  if (clock.chance(500)) plan.on_failures = jobs::OnFailures::kPause;
  return plan;
}

}  // namespace

void Server::create_run() {
  if (!ledger) return world->clock.after(500ms, [this] { create_run(); });
  auto& clock = world->clock;
  jobs::RunSpec spec;
  spec.argv = {"work"};
  spec.limits.set_timeout_ms(30'000);
  if (clock.chance(300)) spec.queue_for = 60s;
  spec.idempotent = clock.chance(300);
  if (clock.chance(600)) spec.rollout = random_plan(clock);
  auto run = jobs::make_run(spec, clock.both().wall, clock.random.next()).value();
  const auto share = 100 + clock.random.below(900);
  std::vector<core::EndpointId> targets;
  for (const auto& endpoint : world->endpoints)
    if (clock.random.below(1000) < share) targets.push_back(endpoint->id);
  if (targets.empty()) targets.push_back(world->endpoints[0]->id);
  if (spec.rollout) {
    auto arranged = jobs::arrange(*spec.rollout, targets.size(), NoLabels()).value();
    std::vector<core::EndpointId> ordered;
    for (const auto target : arranged.order) ordered.push_back(targets[target]);
    targets = std::move(ordered);
    run.rollout = std::make_shared<const jobs::Rollout>(
        jobs::Rollout{*spec.rollout, std::move(arranged.waves)});
  }
  const auto made = ledger->create(std::move(run), targets, "", "", clock.both(), nullptr);
  if (!made) return clock.after(500ms, [this] { create_run(); });
  turn();
}

void Server::cancel_some_run() {
  if (!ledger) return;
  const auto open = ledger->open_runs();
  if (open.empty()) return;
  const auto id = open[world->clock.random.below(open.size())]->id;
  (void)ledger->cancel(id, "somebody", "", world->clock.both());
  turn();
}

void Server::pause_some_run() {
  if (!ledger) return;
  const auto open = ledger->open_runs();
  if (open.empty()) return;
  const auto id = open[world->clock.random.below(open.size())]->id;
  if (!ledger->pause(id, "somebody", "", world->clock.both())) return;
  ++world->counts.pauses;
  world->paused.insert(id);
  turn();
}

/// Some at a time, but all in the end, those that a rollout paused included.
void Server::resume_paused(bool all) {
  if (!ledger) return;
  std::vector<core::RunId> held;
  for (const auto* run : ledger->open_runs())
    if (run->progress.paused && (all || world->clock.chance(300))) held.push_back(run->id);
  for (const auto id : held) {
    if (!ledger->resume(id, "somebody", world->clock.both())) continue;
    world->paused.erase(id);
  }
  if (!held.empty()) turn();
}

void Server::stop_everything() {
  if (!ledger || world->stopped) return;
  ++world->counts.stops;
  world->stopped = jobs::Hold{"somebody", "", world->clock.both().wall};
  ledger->stop_all(*world->stopped, world->clock.both());
  turn();
  world->clock.after(world->clock.between(1s, 10s), [this] {
    world->stopped.reset();
    if (ledger) ledger->lift_stop();
  });
}

void Server::persist(std::shared_ptr<const jobs::Batch> batch) {
  auto& clock = world->clock;
  const bool fails = !world->healed && (clock.now() < world->disk_full_until || clock.chance(5));
  clock.after(clock.between(1ms, 30ms), [this, batch, fails, now = life] {
    if (life != now) return;  // the process died before the fsync: forgotten
    if (!fails) {
      world->disk.commit(*batch);
      for (const auto& row : batch->rows) {
        if (!row.run) continue;
        world->note(row.run.value() ^ row.slot * 31 ^ static_cast<std::uint64_t>(row.target.state));
        world->note(static_cast<std::uint64_t>(world->clock.now().time_since_epoch().count()));
        world->check_target(row.run, row.target.endpoint);
      }
    } else {
      ++world->counts.failed_writes;
    }
    world->clock.after(world->clock.between(0ms, 5ms), [this, fails, now] {
      if (life != now) return;  // on the disk, but nobody was told
      ledger->persisted(
          fails ? core::Status(core::fail(core::Code::kUnavailable, "full")) : core::Status(),
          world->clock.both());
      turn();
    });
  });
}

void Server::store(std::shared_ptr<const jobs::OutputBatch> output) {
  auto& clock = world->clock;
  const bool fails = !world->healed && (clock.now() < world->disk_full_until || clock.chance(5));
  clock.after(clock.between(1ms, 200ms), [this, output, fails, now = life] {
    if (life != now) return;
    if (fails) ++world->counts.failed_writes;
    if (!fails) world->disk.store(*output);
    ledger->stored(
        fails ? core::Status(core::fail(core::Code::kUnavailable, "full")) : core::Status(),
        world->clock.both());
    turn();
  });
}

void Server::dispatch(const std::string& name, const jobs::Departure& departure) {
  if (world->stopped) violated("sent although everything is stopped", departure.run.id.str());
  if (world->paused.contains(departure.run.id))
    violated("sent although its run is paused", departure.run.id.str());
  Gateway* gateway = world->gateway(name);
  wire::Dispatch dispatch;
  dispatch.set_run(departure.run.id.value());
  dispatch.set_invoke(departure.run.invoke.SerializeAsString());
  dispatch.set_targets(departure.targets);
  dispatch.mutable_links()->Add(departure.links.begin(), departure.links.end());
  auto order = signer->order(departure.run.id, dispatch.invoke(), departure.targets,
                             departure.instances, world->clock.now());
  dispatch.set_order(order.order);
  dispatch.set_signature(order.signature);
  dispatch.set_leaves(order.leaves);
  gateway->hear_server([this, gateway, dispatch]() mutable {
    auto frames = orders::OrderFrames::of(dispatch).value();
    for (std::size_t at = 0; at < dispatch.targets().size(); at += core::EndpointId::kBytes) {
      const auto id =
          core::EndpointId::from_bytes(dispatch.targets().substr(at, core::EndpointId::kBytes))
              .value();
      const std::size_t index = at / core::EndpointId::kBytes;
      const auto link = gateway->links.find(dispatch.links(static_cast<int>(index)));
      if (link != gateway->links.end() && link->second->gateway_session->pass(frames.frame(index)))
        continue;
      wire::Report report;
      report.set_endpoint(std::string(id.bytes()));
      report.mutable_not_sent()->set_run(dispatch.run());
      gateway->tell_server([this, gateway, report]() mutable {
        ledger->report(gateway->name, report, world->clock.both());
      });
    }
  });
}

void Server::cancel(const std::string& name, const wire::CancelRun& cancel) {
  Gateway* gateway = world->gateway(name);
  gateway->hear_server([gateway, cancel] {
    wire::Cancel message;
    message.set_run(cancel.run());
    const std::string frame = wire::encode(message);
    for (std::size_t at = 0; at < cancel.targets().size(); at += core::EndpointId::kBytes) {
      const auto id =
          core::EndpointId::from_bytes(cancel.targets().substr(at, core::EndpointId::kBytes))
              .value();
      if (const auto link = gateway->open.find(id); link != gateway->open.end())
        (void)link->second->gateway_session->pass(frame);
    }
  });
}

void Server::ack(const std::string& name, const wire::Acks& acks) {
  Gateway* gateway = world->gateway(name);
  for (const auto& ack : acks.acks())
    for (std::size_t at = 0; at < ack.targets().size(); at += core::EndpointId::kBytes) {
      const auto id =
          core::EndpointId::from_bytes(ack.targets().substr(at, core::EndpointId::kBytes)).value();
      const auto* target = world->disk.find(core::RunId(ack.run()), id);
      if (!target || !jobs::is_final(target->state))
        violated("acknowledged before it was on the disk", core::RunId(ack.run()).str());
      const std::size_t index = at / core::EndpointId::kBytes;
      const std::uint64_t number = ack.links(static_cast<int>(index));
      gateway->hear_server([gateway, number, run = ack.run()] {
        wire::ResultAck message;
        message.add_runs(run);
        if (const auto link = gateway->links.find(number); link != gateway->links.end())
          (void)link->second->gateway_session->send_message(message);
      });
    }
}

void Server::kick(const std::string& name, const core::EndpointId& endpoint, std::string_view) {
  Gateway* gateway = world->gateway(name);
  gateway->hear_server([gateway, endpoint] {
    if (const auto link = gateway->open.find(endpoint); link != gateway->open.end())
      link->second->gateway_session->goodbye(wire::GOODBYE_BUSY, "kicked", 1000);
  });
}

}  // namespace muster::sim
