// SPDX-License-Identifier: Apache-2.0
//
// A region in virtual time: the Assigner and a gateway's Pace on one side, the agents' own
// Reconnect on the other. Everyone starts at once, gateways die, fall silent,
// come back and are drained; what must hold is that everybody has a place soon, that no
// gateway sees more logins a second than its pace, and that nobody is dragged about.
//
// A failure prints the seed that repeats it (MUSTER_SIM_SEED sets it). It is 40 gateways of
// 200 endpoints, and at night 200 of 1,000 (MUSTER_SIM_WHOLE).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <queue>
#include <unordered_map>

#include "core/clock.h"
#include "fleet/assigner.h"
#include "gateway/pace.h"
#include "link/reconnect.h"

namespace muster::gateway {
namespace {

using namespace std::chrono_literals;
using fleet::Assigner;
using fleet::kArrivalsPerSecond;
using fleet::kMoveRest;
using fleet::kMovesPerSecond;
using fleet::Platform;
using fleet::SitePolicy;
using fleet::Subject;

const bool kWhole = std::getenv("MUSTER_SIM_WHOLE") != nullptr;
const int kGateways = kWhole ? 200 : 40;
const int kPerGateway = kWhole ? 1'000 : 200;
constexpr int kPerSite = 10;  // gateways
const auto kCapacity = static_cast<std::uint32_t>(kPerGateway * 3 / 2);
constexpr std::uint32_t kMainPerSecond = 2'000;
/// From the death of a gateway until the last of its hosts is let in elsewhere.
constexpr core::Duration kReassigned = 90s;
/// A silent gateway is noticed by its hosts within two heartbeats and an answer's patience.
constexpr core::Duration kHostsNotice = 130s;

std::string address_of(int site, int host) {
  return "10." + std::to_string(site) + "." + std::to_string(host / 200 % 250) + "." +
         std::to_string(host % 200 + 1);
}

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {
    std::string text;
    const int sites = kGateways / kPerSite;
    for (int i = 0; i < sites; ++i)
      text += "[[site]]\nname = \"s" + std::to_string(i) + "\"\nsubnets = [\"10." +
              std::to_string(i) + ".0.0/16\"]\ngateways = [\"s" + std::to_string(i) +
              "-*\"]\nfallback = [\"s" + std::to_string((i + 1) % sites) + "\"]\n";
    auto policy = SitePolicy::parse(text);
    EXPECT_TRUE(policy) << policy.error().message;
    assigner_.set_policy(std::make_shared<const SitePolicy>(std::move(*policy)), now_);
    assigner_.gateway_up("main", 50'000, std::nullopt, now_);
    gateways_.push_back({.name = "main"});
    by_address_["main"] = 0;
    for (int i = 0; i < kGateways; ++i) {
      gateways_.push_back(
          {.name = "s" + std::to_string(i / kPerSite) + "-" + std::to_string(i % kPerSite)});
      by_address_[gateways_.back().name] = gateways_.size() - 1;
      come(gateways_.size() - 1);
    }
    platform_.os = "linux";
    subject_.platform = &platform_;
    for (int i = 0; i < kGateways * kPerGateway; ++i) {
      const auto id = core::EndpointId::of_public_key("host " + std::to_string(i));
      numbers_[id] = hosts_.size();
      hosts_.push_back({id, address_of(i / (kPerSite * kPerGateway), i),
                        std::make_unique<link::Reconnect>(std::vector<std::string>{"main"}, "",
                                                          random_.next())});
    }
  }

  void start_all(core::Duration spread) {
    for (std::size_t i = 0; i < hosts_.size(); ++i) plan(i, within(spread));
  }

  void run(core::Duration time) {
    for (const auto until = now_ + time; next_tick_ <= until; next_tick_ += 1s) {
      while (!events_.empty() && events_.top().at < next_tick_) {
        const Event event = events_.top();
        events_.pop();
        now_ = event.at;
        if (hosts_[event.host].plan == event.plan) attempt(event.host);
      }
      now_ = next_tick_;
      move();
      for (auto& gateway : gateways_)
        gateway.peak = std::max(gateway.peak, std::exchange(gateway.logins, 0U));
    }
  }

  /// `hosts_know`: its machine is there and says so; else they find out by themselves.
  void kill(std::size_t gateway, bool hosts_know) {
    gateways_[gateway].alive = false;
    gateways_[gateway].refuses = hosts_know;
    assigner_.gateway_down(gateways_[gateway].name, now_);
    for (std::size_t i = 0; i < hosts_.size(); ++i)
      if (hosts_[i].at == gateway) {
        hosts_[i].at = kNowhere;
        --online_;
        lost(i, {}, hosts_know ? core::Duration{} : within(kHostsNotice));
      }
  }
  void come(std::size_t gateway) {
    gateways_[gateway].alive = true;
    assigner_.gateway_up(gateways_[gateway].name, kCapacity,
                         std::vector<std::string>{gateways_[gateway].name}, now_);
  }
  void drain(std::size_t gateway) { assigner_.drain(gateways_[gateway].name, true, now_); }

  std::size_t online() const { return online_; }
  std::size_t hosts() const { return hosts_.size(); }
  /// Hosts that are at a gateway of their own site.
  std::size_t at_home() const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < hosts_.size(); ++i)
      if (hosts_[i].at != kNowhere)
        count += gateways_[hosts_[i].at].name.starts_with(
            "s" + std::to_string(i / (kPerSite * kPerGateway)) + "-");
    return count;
  }
  std::size_t held_by(std::size_t gateway) const {
    return static_cast<std::size_t>(
        std::ranges::count(hosts_, gateway, [](const Host& host) { return host.at; }));
  }
  std::size_t fullest() const {
    std::vector<std::size_t> count(gateways_.size());
    for (const Host& host : hosts_)
      if (host.at != kNowhere) ++count[host.at];
    return *std::max_element(count.begin() + 1, count.end());
  }
  unsigned take_peak() {
    unsigned peak = 0;
    for (std::size_t i = 1; i < gateways_.size(); ++i)
      peak = std::max(peak, std::exchange(gateways_[i].peak, 0));
    return peak;
  }
  unsigned main_peak() const { return gateways_[0].peak; }
  std::size_t moves() const { return moves_; }
  std::size_t moved_too_soon() const { return moved_too_soon_; }
  std::size_t most_moves_in_a_tick() const { return most_moves_; }

 private:
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);
  struct Gateway {
    std::string name;
    bool alive = true;
    bool refuses = true;  ///< dead, and it shows at once
    unsigned logins = 0;  ///< in this second
    unsigned peak = 0;
  };
  struct Host {
    core::EndpointId id;
    std::string address;
    std::unique_ptr<link::Reconnect> reconnect;
    std::size_t at = kNowhere;
    std::uint64_t plan = 0;
    core::MonoTime moved{};
  };
  struct Event {
    core::MonoTime at;
    std::size_t host;
    std::uint64_t plan;
    bool operator<(const Event& other) const { return at > other.at; }
  };

  core::Duration within(core::Duration time) {
    return core::Duration{
        static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(time.count()) + 1))};
  }
  void plan(std::size_t host, core::Duration wait) {
    events_.push({now_ + wait, host, ++hosts_[host].plan});
  }
  void lost(std::size_t host, const link::Ending& ending, core::Duration late) {
    plan(host, late + hosts_[host].reconnect->ended(ending, now_));
  }
  static link::Ending moved(const Assigner::Verdict& verdict) {
    return {.code = wire::GOODBYE_MOVED,
            .reason = {},
            .retry_after_ms = static_cast<std::uint32_t>(
                std::chrono::duration_cast<std::chrono::milliseconds>(verdict.delay).count()),
            .by_peer = true,
            .gateways = verdict.addresses};
  }

  void attempt(std::size_t number) {
    Host& host = hosts_[number];
    const std::size_t place = by_address_.at(host.reconnect->server());
    Gateway& gateway = gateways_[place];
    if (!gateway.alive) return lost(number, {}, gateway.refuses ? 1ms : core::Duration(20s));
    if (place == 0) {  // the server's own gateway paces all who come
      if (const auto wait_ms = pace_.next_ms(now_); wait_ms > 0)
        return lost(number, {.code = wire::GOODBYE_BUSY, .reason = {}, .retry_after_ms = wait_ms},
                    {});
    }
    ++gateway.logins;
    const auto verdict = assigner_.asks(host.id, gateway.name, true, now_);
    if (!verdict.stays) return lost(number, moved(verdict), {});
    assigner_.arrived(host.id, gateway.name, now_);
    host.reconnect->connected(now_);
    host.at = place;
    ++online_;
  }

  void move() {
    const auto list = assigner_.tick(now_);
    most_moves_ = std::max(most_moves_, list.size());
    moves_ += list.size();
    for (const auto& each : list) {
      const std::size_t number = numbers_.at(each.host);
      Host& host = hosts_[number];
      EXPECT_NE(host.at, kNowhere);
      EXPECT_EQ(gateways_[host.at].name, each.from);
      if (host.moved != core::MonoTime{} && now_ - host.moved < kMoveRest) ++moved_too_soon_;
      host.moved = now_;
      host.at = kNowhere;
      --online_;
      assigner_.left(host.id);
      lost(number, moved(each.to), {});
    }
  }

  core::Random random_;
  Pace pace_{kMainPerSecond};
  core::MonoTime now_ = core::MonoTime() + 1h;
  core::MonoTime next_tick_ = now_ + 1s;
  Platform platform_;
  Subject subject_;
  std::vector<Gateway> gateways_;
  std::vector<Host> hosts_;
  std::unordered_map<std::string, std::size_t> by_address_;
  std::unordered_map<core::EndpointId, std::size_t> numbers_;
  std::priority_queue<Event> events_;
  std::size_t online_ = 0;
  std::size_t moves_ = 0;
  std::size_t most_moves_ = 0;
  std::size_t moved_too_soon_ = 0;
  Assigner assigner_{[this](const core::EndpointId& id) {
    subject_.id = &id;
    subject_.address = hosts_[numbers_.at(id)].address;
    return &subject_;
  }};
};

TEST(AssignerSim, ConvergesWithoutAHerdThroughDeathsSilenceReturnsAndDrains) {
  const char* given = std::getenv("MUSTER_SIM_SEED");
  const std::uint64_t seed =
      given ? std::strtoull(given, nullptr, 10) : core::random_seeded().next();
  SCOPED_TRACE("MUSTER_SIM_SEED=" + std::to_string(seed));
  World world(seed);

  // The whole region comes back from a power cut.
  world.start_all(1s);
  world.run(150s);
  EXPECT_EQ(world.online(), world.hosts());
  EXPECT_EQ(world.at_home(), world.hosts());
  EXPECT_LE(world.fullest(), kCapacity);
  EXPECT_LE(world.take_peak(), kArrivalsPerSecond * 5 / 4);
  // What its pace allows, and what was left over from the second before.
  EXPECT_LE(world.main_peak(), 2 * kMainPerSecond);
  world.run(3min);
  EXPECT_EQ(world.moves(), 0U) << "what has found its place is left alone";

  // Two sites lose half of their gateways: the other half has room for half of the hosts.
  for (std::size_t i = 1; i <= kPerSite / 2; ++i) world.kill(i, true);
  for (std::size_t i = 1; i <= kPerSite / 2; ++i) world.kill(2 * kPerSite + i, false);
  EXPECT_EQ(world.online(), world.hosts() - static_cast<std::size_t>(kPerSite * kPerGateway));
  world.run(kReassigned + kHostsNotice);
  EXPECT_EQ(world.online(), world.hosts());
  EXPECT_LE(world.fullest(), kCapacity);
  EXPECT_LE(world.take_peak(), kArrivalsPerSecond * 5 / 4);

  // They come back: hosts return, at the pace of moves and each once.
  for (std::size_t i = 1; i <= kPerSite / 2; ++i) {
    world.come(i);
    world.come(2 * kPerSite + i);
  }
  world.run(30min);
  EXPECT_EQ(world.online(), world.hosts());
  EXPECT_EQ(world.at_home(), world.hosts());
  EXPECT_LE(world.most_moves_in_a_tick(), kMovesPerSecond);
  EXPECT_LE(world.take_peak(), kArrivalsPerSecond);
  const std::size_t moves = world.moves();
  world.run(20min);
  EXPECT_EQ(world.moves(), moves) << "it has settled";
  EXPECT_EQ(world.moved_too_soon(), 0U);

  // Two gateways are drained.
  world.drain(31);
  world.drain(32);
  world.run(2 * kPerGateway / kMovesPerSecond * 1s + 20s);
  EXPECT_EQ(world.held_by(31) + world.held_by(32), 0U);
  EXPECT_EQ(world.online(), world.hosts());
  EXPECT_EQ(world.at_home(), world.hosts());
}

}  // namespace
}  // namespace muster::gateway
