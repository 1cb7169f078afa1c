// SPDX-License-Identifier: Apache-2.0
//
// Both ends over a wire that breaks, loses what was in flight and is built anew, from a
// seed: every run ends at the "server" exactly once and starts at most once.
#include <gtest/gtest.h>

#include <set>

#include "fakes.h"

namespace muster::link {
namespace {

using namespace testing;

/// Work that takes a while and answers with output of a length that its id gives.
struct SlowWork : WorkPort {
  std::map<core::RunId, core::MonoTime> running;
  std::map<core::RunId, int> starts;
  core::MonoTime now{};
  core::Random random{1};
  EndpointRuns* runs = nullptr;

  void start_work(const wire::Invoke& invoke) override {
    const core::RunId run{invoke.run()};
    ++starts[run];
    running[run] = now + std::chrono::milliseconds(random.below(3000));
    runs->started(run);
  }
  void cancel_work(core::RunId run, const std::string&) override {
    end(run, wire::OUTCOME_CANCELLED);
  }
  void end(core::RunId run, wire::Outcome outcome) {
    running.erase(run);
    RunResult r = result(std::string(run.value() * 4999 % 200'000, 'o'),
                         std::string(run.value() * 77 % 5000, 'e'));
    r.announce.set_outcome(outcome);
    runs->finished(run, std::move(r), now);
  }
  void tick() {
    std::vector<core::RunId> due;
    for (const auto& [run, when] : running)
      if (when <= now) due.push_back(run);
    for (const core::RunId run : due) end(run, wire::OUTCOME_SUCCEEDED);
  }
};

struct Pair {
  explicit Pair(std::uint64_t seed) : random(seed) { work.runs = &runs; }

  core::Random random;
  core::MonoTime now = at(0s);
  SlowWork work;
  EndpointRuns runs{work, 4};
  FakeOrders orders;
  GatewayShared shared{"r", "g"};
  std::unique_ptr<FakeEndpointPort> up;
  std::unique_ptr<FakeGatewayPort> down;
  std::unique_ptr<EndpointSession> endpoint;
  std::unique_ptr<GatewaySession> gateway;
  std::map<std::uint64_t, wire::Outcome> final_states;
  std::map<std::uint64_t, wire::Announce> incomplete;
  std::set<std::uint64_t> ordered;

  void connect() {
    endpoint.reset();
    gateway.reset();
    up = std::make_unique<FakeEndpointPort>();
    down = std::make_unique<FakeGatewayPort>();
    endpoint = std::make_unique<EndpointSession>(*up, runs, orders, random.next());
    gateway = std::make_unique<GatewaySession>(*down, shared, now);
    endpoint->start({.instance = "0123456789abcdef", .nonce = "fedcba9876543210", .facts = {}},
                    now);
    incomplete.clear();
  }
  void finish(std::uint64_t run, wire::Outcome outcome) {
    final_states.try_emplace(run, outcome);
    wire::ResultAck ack;
    ack.add_runs(run);
    EXPECT_TRUE(gateway->send_message(ack));
  }
  // What a server does with the gateway's news.
  void serve() {
    for (const wire::Hello& hello : std::exchange(down->hellos, {})) {
      gateway->admit({}, {}, now);
      std::set<std::uint64_t> held;
      for (const auto& run : hello.held()) held.insert(run.run());
      for (const std::uint64_t run : ordered)
        if (!held.contains(run) && !final_states.contains(run))
          EXPECT_TRUE(gateway->pass(wire::encode(unsigned_order(command(run)))));
    }
    for (const wire::Announce& announce : std::exchange(down->announces, {})) {
      if (announce.is_inline() || final_states.contains(announce.run()))
        finish(announce.run(), announce.outcome());
      else
        incomplete[announce.run()] = announce;
    }
    if (!std::exchange(down->complete, 0)) return;
    for (const auto& [run, announce] : std::exchange(incomplete, {}))
      if (const EndpointRuns::Run* held = runs.find(core::RunId{run}); held && held->result)
        finish(run, announce.outcome());
  }
  void step() {
    now += std::chrono::milliseconds(random.below(200));
    work.now = now;
    if (!endpoint || endpoint->is_closed() || random.below(60) == 0) connect();
    work.tick();
    for (auto left = random.below(5); left > 0 && !up->frames.empty(); --left) {
      gateway->receive(up->frames.front(), now);
      up->frames.pop_front();
      serve();
    }
    for (auto left = random.below(5); left > 0 && !down->frames.empty(); --left) {
      endpoint->receive(down->frames.front(), now);
      down->frames.pop_front();
    }
    runs.tick(now);
    endpoint->tick(now);
    gateway->tick(now);
  }
};

TEST(LinkPair, EveryRunEndsOnceWhateverBreaks) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Pair pair(seed);
    for (std::uint64_t run = 1; run <= 40; ++run) {
      pair.ordered.insert(run);
      for (int i = 0; i < 10; ++i) pair.step();
      if (pair.gateway->open()) pair.gateway->pass(wire::encode(unsigned_order(command(run))));
      if (pair.random.below(8) == 0 && pair.gateway->open()) {
        wire::Cancel cancel;
        cancel.set_run(1 + pair.random.below(run));
        if (!pair.final_states.contains(cancel.run())) pair.gateway->pass(wire::encode(cancel));
      }
    }
    for (int i = 0; i < 20'000 && pair.final_states.size() < 40; ++i) pair.step();
    EXPECT_EQ(pair.final_states.size(), 40U);
    for (const auto& [run, count] : pair.work.starts) EXPECT_EQ(count, 1) << run.value();
    for (const auto& ending : pair.up->endings) EXPECT_NE(ending.code, wire::GOODBYE_PROTOCOL);
    pair.gateway.reset();
    EXPECT_EQ(pair.shared.credit.in_flight_bytes(), 0U);
  }
}

}  // namespace
}  // namespace muster::link
