// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "world.h"

namespace muster::sim {

using namespace std::chrono_literals;

bool Link::endpoint_lives() const {
  return endpoint->life == endpoint_life;
}
bool Link::gateway_lives() const {
  return gateway->life == gateway_life;
}

void Link::EndpointEnd::send(std::string_view frame) {
  Link& l = *link;
  l.up_free = std::max(l.up_free, l.world->clock.now() + l.delay);
  l.world->clock.after(l.up_free - l.world->clock.now(),
                       [self = l.shared_from_this(), bytes = std::string(frame)] {
                         if (!self->cut && self->gateway_lives())
                           self->gateway_session->receive(bytes, self->world->clock.now());
                       });
}

void Link::EndpointEnd::closed(const link::Ending&) {
  Link& l = *link;
  if (l.endpoint_lives() && l.endpoint->link.get() == link) {
    l.endpoint->link->world->dead_links.push_back(l.endpoint->link);
    l.endpoint->link.reset();
    l.world->clock.after(l.world->clock.between(10ms, 3s),
                         [endpoint = l.endpoint, life = l.endpoint_life] {
                           if (endpoint->life == life && !endpoint->link) endpoint->connect();
                         });
  }
  // What was sent before arrives first.
  l.up_free = std::max(l.up_free, l.world->clock.now() + l.delay);
  l.world->clock.after(l.up_free - l.world->clock.now(), [self = l.shared_from_this()] {
    if (!self->cut && self->gateway_lives()) self->gateway_session->broken("closed");
  });
}

void Link::break_now() {
  if (std::exchange(cut, true)) return;
  ++world->counts.breaks;
  auto self = shared_from_this();
  world->clock.after(world->clock.between(0ms, 3s), [self] {
    if (self->endpoint_lives()) self->endpoint_session->broken("broken");
  });
  world->clock.after(world->clock.between(0ms, 6s), [self] {
    if (self->gateway_lives()) self->gateway_session->broken("broken");
  });
}

void Endpoint::start_process() {
  ++life;
  instance.clear();
  for (int i = 0; i < 16; ++i) instance += static_cast<char>(world->clock.random.next());
  guard = std::make_unique<orders::Guard>(world->verifier, id, instance);
  runs = std::make_unique<link::EndpointRuns>(*this);
  cancelled.clear();
  connect();
}

void Endpoint::kill_process() {
  ++world->counts.agent_deaths;
  ++life;
  if (link) {
    world->dead_links.push_back(link);
    auto dying = std::move(link);
    dying->endpoint_session.reset();
    dying->cut = true;
    world->clock.after(world->clock.between(0ms, 6s), [dying] {
      if (dying->gateway_lives()) dying->gateway_session->broken("the agent died");
    });
  }
  runs.reset();
  world->clock.after(world->clock.between(100ms, 8s), [this, dead = life] {
    if (life == dead) start_process();
  });
}

void Endpoint::connect() {
  Gateway& gateway = world->gateways[world->clock.random.below(world->gateways.size())];
  if (!gateway.up) {
    world->clock.after(world->clock.between(100ms, 2s), [this, now = life] {
      if (life == now && !link) connect();
    });
    return;
  }
  link = std::make_shared<Link>();
  link->world = world;
  link->endpoint = this;
  link->gateway = &gateway;
  link->endpoint_life = life;
  link->gateway_life = gateway.life;
  link->number = world->next_link++;
  link->delay = world->clock.between(1ms, 150ms);
  link->endpoint_end.link = link->gateway_end.link = link.get();
  gateway.links[link->number] = link;
  const auto now = world->clock.now();
  link->gateway_session =
      std::make_unique<link::GatewaySession>(link->gateway_end, *gateway.shared, now);
  link->endpoint_session = std::make_unique<link::EndpointSession>(
      link->endpoint_end, *runs, *guard, world->clock.random.next());
  wire::Facts facts;
  facts.set_hostname("sim");
  std::string nonce = instance;
  for (std::size_t i = 0; i < 8; ++i) nonce[i] = static_cast<char>(link->number >> (8 * i));
  link->endpoint_session->start({instance, nonce, facts, 1}, now);
}

void Endpoint::start_work(const wire::Invoke& invoke) {
  const core::RunId run(invoke.run());
  auto& deed = world->deeds[{run, id}];
  ++world->counts.starts;
  const jobs::Target* target = world->disk.find(run, id);
  if (!target) violated("a command started before its run was on the disk", run.str());
  const bool idempotent = world->disk.runs().at(run).run.idempotent;
  if (++deed.starts > (idempotent ? 1 + jobs::kRestartsMax : 1))
    violated("a command started too often", run.str() + " on " + id.str());
  if (!deed.lives.insert(life).second)
    violated("one agent started a command twice", run.str() + " on " + id.str());
  runs->started(run);
  const auto takes =
      world->clock.chance(100) ? world->clock.between(5s, 25s) : world->clock.between(1ms, 2s);
  world->clock.after(takes, [this, run, now = life] { finish_work(run, now); });
}

void Endpoint::cancel_work(core::RunId run, const std::string&) {
  cancelled.insert(run);
  world->clock.after(world->clock.between(1ms, 50ms),
                     [this, run, now = life] { finish_work(run, now); });
}

void Endpoint::finish_work(core::RunId run, std::uint64_t of_life) {
  if (life != of_life) return;
  const auto* held = runs->find(run);
  if (!held || held->state != link::EndpointRuns::State::kRunning) return;
  link::RunResult result;
  const bool was_cancelled = cancelled.contains(run);
  const int exit_code = static_cast<int>(world->clock.random.below(3));
  result.announce.set_outcome(was_cancelled    ? wire::OUTCOME_CANCELLED
                              : exit_code == 0 ? wire::OUTCOME_SUCCEEDED
                                               : wire::OUTCOME_FAILED);
  result.announce.set_exit_code(exit_code);
  const std::size_t bytes = world->clock.chance(20) ? 16'000 + world->clock.random.below(200'000)
                                                    : world->clock.random.below(50);
  result.stdout_bytes.assign(bytes, 'o');
  world->deeds[{run, id}].results.insert({exit_code, bytes});
  runs->finished(run, std::move(result), world->clock.now());
}

}  // namespace muster::sim
