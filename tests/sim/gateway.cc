// SPDX-License-Identifier: Apache-2.0
//
// What src/gateway does, without sockets: the order of its words to the server is what
// the ledger's proofs rest on.
#include <algorithm>

#include "world.h"

namespace muster::sim {

using namespace std::chrono_literals;

void Link::GatewayEnd::send(std::string_view frame) {
  Link& l = *link;
  l.down_free = std::max(l.down_free, l.world->clock.now() + l.delay);
  l.world->clock.after(l.down_free - l.world->clock.now(),
                       [self = l.shared_from_this(), bytes = std::string(frame)] {
                         if (!self->cut && self->endpoint_lives())
                           self->endpoint_session->receive(bytes, self->world->clock.now());
                       });
}

void Link::GatewayEnd::closed(const link::Ending&) {
  Link& l = *link;
  if (l.gateway_lives()) l.gateway->ended(l);
  l.down_free = std::max(l.down_free, l.world->clock.now() + l.delay);
  l.world->clock.after(l.down_free - l.world->clock.now(), [self = l.shared_from_this()] {
    if (!self->cut && self->endpoint_lives()) self->endpoint_session->broken("closed");
  });
}

void Link::GatewayEnd::hello(wire::Hello&& hello) {
  link->gateway->hello(*link, std::move(hello));
}

void Link::GatewayEnd::started(wire::Started&& started) {
  wire::Report report;
  *report.mutable_started() = std::move(started);
  link->report(std::move(report));
}

void Link::GatewayEnd::announced(wire::Announce&& announce) {
  wire::Report report;
  *report.mutable_announce() = std::move(announce);
  link->report(std::move(report));
}

void Link::GatewayEnd::chunk(wire::Chunk&& chunk, bool) {
  wire::Report report;
  *report.mutable_chunk() = std::move(chunk);
  link->report(std::move(report));
}

void Link::report(wire::Report report) {
  report.set_endpoint(std::string(endpoint->id.bytes()));
  gateway->tell_server([this, keep = shared_from_this(), report = std::move(report)]() mutable {
    world->server.ledger->report(gateway->name, report, world->clock.both());
  });
}

void Gateway::tell_server(std::function<void()> event) {
  Server& server = world->server;
  auto& clock = world->clock;
  to_server_free = std::max(to_server_free, clock.now() + clock.between(1ms, 40ms));
  clock.after(to_server_free - clock.now(), [this, &server, my = life, over = session,
                                             its = server.life, event = std::move(event)] {
    if (life != my || session != over || server.life != its || !server.ledger) return;
    event();
    server.turn();
  });
}

void Gateway::hear_server(std::function<void()> event) {
  auto& clock = world->clock;
  from_server_free = std::max(from_server_free, clock.now() + clock.between(1ms, 40ms));
  clock.after(from_server_free - clock.now(), [this, my = life, over = session,
                                               its = world->server.life, event = std::move(event)] {
    if (life == my && session == over && world->server.life == its) event();
  });
}

void Gateway::start() {
  up = connected = true;
  ++session;
  shared = std::make_unique<link::GatewayShared>("sim", name);
}

void Gateway::kill() {
  ++world->counts.gateway_deaths;
  ++life;
  ++session;
  up = false;
  for (auto& [number, link] : links) {
    link->cut = true;
    world->dead_links.push_back(link);
    world->clock.after(world->clock.between(0ms, 2s), [link] {
      if (link->endpoint_lives()) link->endpoint_session->broken("the gateway died");
    });
  }
  links.clear();
  open.clear();
  world->graves.push_back(std::move(shared));
  Server& server = world->server;
  world->clock.after(100ms, [this, &server, its = server.life] {
    if (server.life != its || !server.ledger) return;
    server.ledger->gateway_down(name, world->clock.both());
    server.turn();
  });
  world->clock.after(world->clock.between(200ms, 3s), [this] { start(); });
}

void Gateway::cut_off() {
  if (!up || !connected) return;
  ++world->counts.partitions;
  auto& clock = world->clock;
  const std::uint64_t broken = ++session;  // what is under way both ways is lost
  clock.after(clock.between(0ms, 3s), [this, broken] {
    if (session == broken) connected = false;
  });
  clock.after(clock.between(0ms, 5s), [this, broken, its = world->server.life] {
    if (session == broken && world->server.life == its && world->server.ledger) {
      world->server.ledger->gateway_down(name, world->clock.both());
      world->server.turn();
    }
  });
  clock.after(clock.between(3s, 12s), [this, broken] {
    if (session == broken) reach_server();
  });
}

void Gateway::reach_server() {
  if (!world->server.ledger) {
    world->clock.after(500ms, [this, broken = session] {
      if (session == broken) reach_server();
    });
    return;
  }
  ++session;
  connected = true;
  // A newer connection of the same name takes the older one's place.
  world->server.ledger->gateway_down(name, world->clock.both());
  relogin_all();
  world->server.turn();
}

void Gateway::hello(Link& link, wire::Hello hello) {
  if (!connected || !world->server.ledger)
    return link.gateway_session->goodbye(wire::GOODBYE_BUSY, "no server", 500);
  if (const auto old = open.find(link.endpoint->id); old != open.end())
    old->second->gateway_session->goodbye(wire::GOODBYE_REPLACED, "replaced");
  link.reported = true;
  tell_server([this, keep = link.shared_from_this(), hello = std::move(hello)] {
    std::vector<const wire::HeldRun*> held;
    for (const auto& run : hello.held()) held.push_back(&run);
    hear_server([this, keep,
                 ticket = world->server.signer->ticket(keep->endpoint->id.bytes(), hello.nonce(),
                                                       world->clock.now())] {
      if (keep->gateway_session->state() != link::GatewaySession::State::kAsking) return;
      open[keep->endpoint->id] = keep.get();
      keep->gateway_session->admit(ticket, world->clock.both().wall, world->clock.now());
    });
    world->server.ledger->endpoint_up(keep->endpoint->id, name, keep->number, hello.instance(),
                                      held, world->clock.both());
  });
}

void Gateway::ended(Link& link) {
  if (const auto at = open.find(link.endpoint->id); at != open.end() && at->second == &link)
    open.erase(at);
  if (const auto at = links.find(link.number); at != links.end()) {
    world->dead_links.push_back(at->second);
    links.erase(at);
  }
  if (!std::exchange(link.reported, false)) return;
  tell_server([this, id = link.endpoint->id, number = link.number] {
    world->server.ledger->endpoint_down(id, name, number, world->clock.both());
  });
}

void Gateway::relogin_all() {
  auto all = links;
  for (auto& [number, link] : all) {
    link->reported = false;
    link->gateway_session->goodbye(wire::GOODBYE_BUSY, "the server is back", 1);
  }
}

}  // namespace muster::sim
