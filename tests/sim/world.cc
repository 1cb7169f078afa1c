// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <algorithm>

namespace muster::sim {

using namespace std::chrono_literals;

namespace {

constexpr core::Duration kTroubleFor = 150s;
constexpr core::Duration kEndsWithin = 60min;
constexpr core::Duration kSweep = 500ms;

}  // namespace

World::World(const Options& chosen)
    : options(chosen),
      clock(chosen.seed),
      authority(identity::Authority::create(clock.both().wall, std::chrono::hours(24))),
      signing_key(identity::PrivateKey::generate()) {
  identity::LeafSpec signer;
  signer.role = identity::Role::kSigner;
  signer.name = "orders";
  signer.validity = std::chrono::hours(12);
  signer_certificate =
      authority.issue(signing_key.public_key_der(), signer, clock.both().wall).value();
  verifier = std::make_shared<orders::Verifier>(authority.certificate(), authority.region(),
                                                [this] { return clock.both().wall; });
  server.world = this;
  gateways.resize(options.gateways);
  for (std::size_t i = 0; i < gateways.size(); ++i) {
    gateways[i].world = this;
    gateways[i].name = "gateway-" + std::to_string(i);
    gateways[i].start();
  }
  server.start();
  for (std::size_t i = 0; i < options.endpoints; ++i) {
    auto endpoint = std::make_unique<Endpoint>();
    endpoint->world = this;
    endpoint->id = core::EndpointId::of_public_key("endpoint " + std::to_string(i));
    endpoints.push_back(std::move(endpoint));
    clock.after(clock.between(0ms, 5s), [this, i] { endpoints[i]->start_process(); });
  }
  for (std::size_t i = 0; i < options.runs; ++i)
    clock.after(clock.between(4s, 120s), [this] { server.create_run(); });
  clock.after(kTroubleFor, [this] { healed = true; });
  plan_faults();
  clock.after(kSweep, [this] { sweep(); });
}

World::~World() {
  // Sessions go before what they refer to: runs, and the gateways' shared credit.
  for (auto& gateway : gateways)
    for (auto& [number, link] : gateway.links) link->endpoint_session.reset();
  for (auto& endpoint : endpoints) endpoint->link.reset();
  for (auto& gateway : gateways)
    for (auto& [number, link] : gateway.links) link->gateway_session.reset();
  clock.clear();
  dead_links.clear();
}

Gateway* World::gateway(std::string_view name) {
  const auto found = std::ranges::find(gateways, name, &Gateway::name);
  return found == gateways.end() ? nullptr : &*found;
}

void World::plan_faults() {
  if (healed) return;
  // About one fault of each kind in its usual time, whatever the size of the region.
  const auto count = 1 + options.endpoints / 50;
  for (std::size_t i = 0; i < count; ++i) {
    auto& endpoint = *endpoints[clock.random.below(endpoints.size())];
    if (clock.chance(700)) {
      if (endpoint.link) endpoint.link->break_now();
    } else if (endpoint.runs && clock.chance(300)) {
      endpoint.kill_process();
    }
  }
  if (clock.chance(25)) server.kill();
  if (clock.chance(30)) {
    auto& gateway = gateways[clock.random.below(gateways.size())];
    if (gateway.up) gateway.kill();
  }
  if (clock.chance(30)) gateways[clock.random.below(gateways.size())].cut_off();
  if (clock.chance(10)) disk_full_until = clock.now() + clock.between(1s, 8s);
  if (clock.chance(30)) server.cancel_some_run();
  if (clock.chance(60)) server.pause_some_run();
  if (clock.chance(3)) server.stop_everything();
  clock.after(clock.between(200ms, 800ms), [this] { plan_faults(); });
}

void World::sweep() {
  const auto now = clock.now();
  dead_links.clear();
  for (auto& endpoint : endpoints) {
    if (!endpoint->runs) continue;
    endpoint->runs->tick(now);
    if (const auto link = endpoint->link) link->endpoint_session->tick(now);
  }
  for (auto& gateway : gateways) {
    const auto links = gateway.links;
    for (const auto& [number, link] : links)
      if (link->gateway_session->deadline() <= now) link->gateway_session->tick(now);
  }
  if (server.ledger) {
    server.ledger->tick(clock.both());
    server.turn();
    if (healed || clock.chance(100)) server.resume_paused(healed);
  }
  clock.after(kSweep, [this] { sweep(); });
}

void World::check_target(core::RunId run, const core::EndpointId& endpoint) {
  const jobs::Target* target = disk.find(run, endpoint);
  const auto found = deeds.find({run, endpoint});
  const std::string where = run.str() + " on " + endpoint.str() + " is " +
                            std::string(jobs::name(target->state)) + ": " + target->reason;
  const bool was_started = found != deeds.end() && found->second.starts > 0;
  using enum jobs::TargetState;
  const bool by_server =
      target->state == kUnreachable || target->state == kExpired ||
      (target->state == kCancelled && (target->reason.starts_with("cancelled before") ||
                                       target->reason.starts_with("stopped before")));
  if (by_server && was_started) violated("it ran, but is said not to have", where);
  if (target->state != kSucceeded && target->state != kFailed) return;
  if (!was_started || !found->second.results.contains(
                          {target->exit_code, static_cast<std::size_t>(target->out_bytes)}))
    violated("a result that the endpoint did not give", where);
}

bool World::done() const {
  // A run that died with the server before it was on the disk was never promised.
  if (!healed || !server.ledger || server.ledger->stats().open_runs > 0) return false;
  return std::ranges::all_of(disk.runs(),
                             [](const auto& run) { return run.second.run.finished(); });
}

void World::run() {
  const auto end = clock.now() + kTroubleFor + kEndsWithin;
  while (!done()) {
    if (clock.now() > end) violated("a run does not end", "");
    clock.step();
  }
  if (disk.runs().empty()) violated("nothing was simulated", "");
  for (const auto& [id, stored] : disk.runs())
    for (const auto& row : stored.rows) check_target(id, row.endpoint);
}

}  // namespace muster::sim
