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

void Server::create_run() {
  if (!ledger) return world->clock.after(500ms, [this] { create_run(); });
  auto& clock = world->clock;
  jobs::RunSpec spec;
  spec.argv = {"work"};
  spec.limits.set_timeout_ms(30'000);
  if (clock.chance(300)) spec.queue_for = 60s;
  auto run = jobs::make_run(spec, clock.both().wall, clock.random.next()).value();
  const auto share = 100 + clock.random.below(900);
  std::vector<core::EndpointId> targets;
  for (const auto& endpoint : world->endpoints)
    if (clock.random.below(1000) < share) targets.push_back(endpoint->id);
  if (targets.empty()) targets.push_back(world->endpoints[0]->id);
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

void Server::dispatch(const std::string& name, const jobs::Departure& departure) {
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
