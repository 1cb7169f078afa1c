// SPDX-License-Identifier: Apache-2.0
#include "swarm/swarm.h"

#include <boost/json.hpp>
#include <csignal>
#include <cstdio>

#include "identity/authority.h"
#include "identity/certificate.h"
#include "runtime/signal.h"
#include "runtime/task_group.h"
#include "runtime/watch.h"
#include "swarm/identities.h"

namespace muster::swarm {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

constexpr core::Duration kTick = 250ms;

double seconds_since(core::MonoTime start) {
  return std::chrono::duration<double>(core::mono_now() - start).count();
}

void say(json::object event) {
  const std::string line = json::serialize(event) + "\n";
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
}

class Swarm {
 public:
  explicit Swarm(Options options) : options_(std::move(options)), tasks_(loop_, "swarm") {}

  int run() {
    runtime::SignalWatch signals(loop_, {SIGINT, SIGTERM}, [this](int) { ending_ = true; });
    tasks_.spawn(live());
    loop_.run();
    return status_;
  }

 private:
  runtime::Task<void> live() {
    if (auto begun = co_await begin(); !begun) {
      std::fprintf(stderr, "muster-swarm: %s\n", begun.error().message.c_str());
      status_ = 1;
    } else {
      co_await connect_all();
      while (!ending_ && co_await runtime::sleep_for(kTick)) tick();
      for (auto& endpoint : endpoints_) endpoint->say_goodbye();
      co_await runtime::sleep_for(kTick);
    }
    loop_.stop();
  }

  runtime::Task<core::Status> begin() {
    Identities identities;
    if (!options_.file.empty())
      if (auto loaded = load_identities(options_.file)) identities = std::move(*loaded);
    if (identities.endpoints.size() < options_.endpoints) {
      const std::size_t had = identities.endpoints.size();
      const auto start = core::mono_now();
      MUSTER_CO_TRY(co_await enrol_more(loop_, options_.script.server, options_.token,
                                        options_.endpoints, identities));
      say({{"event", "enrolled"},
           {"endpoints", identities.endpoints.size() - had},
           {"seconds", seconds_since(start)}});
      if (!options_.file.empty()) MUSTER_CO_TRY(save_identities(options_.file, identities));
    }
    net::TlsClientOptions trust;
    trust.ca_pem = identities.ca_pem;
    MUSTER_CO_ASSIGN(const auto trusted, net::TlsClientContext::make(std::move(trust)));
    MUSTER_CO_ASSIGN(const auto ca, identity::Certificate::from_pem(identities.ca_pem));
    // One for all: what a thousand machines would verify at the same time, each by itself.
    const auto verifier = std::make_shared<orders::Verifier>(ca, identity::region_of(ca));
    for (std::size_t i = 0; i < options_.endpoints; ++i) {
      net::TlsClientOptions tls;
      tls.trust_of = trusted;
      tls.identity = identities.endpoints[i];
      tls.alpn = net::kAlpnLink;
      MUSTER_CO_ASSIGN(const auto own,
                       identity::Certificate::from_pem(identities.endpoints[i].chain_pem));
      const auto id = core::EndpointId::of_public_key(own.public_key_der());
      MUSTER_CO_ASSIGN(auto context, net::TlsClientContext::make(std::move(tls)));
      char number[16];
      std::snprintf(number, sizeof number, "%05zu", i + 1);
      endpoints_.push_back(std::make_unique<SimulatedEndpoint>(
          loop_, options_.script, stats_, options_.prefix + number, id, std::move(context),
          verifier, i + 1));
    }
    say({{"event", "ready"}, {"endpoints", endpoints_.size()}});
    co_return core::Status{};
  }

  runtime::Task<void> dialler() {
    while (next_ < endpoints_.size() && !ending_) {
      SimulatedEndpoint& endpoint = *endpoints_[next_++];
      (void)co_await endpoint.connect();
    }
  }

  runtime::Task<void> connect_all() {
    const auto start = core::mono_now();
    {
      runtime::TaskGroup diallers(loop_, "swarm");
      for (std::size_t i = 0; i < options_.window; ++i) diallers.spawn(dialler());
      co_await diallers.wait();
    }
    auto next_tick = core::mono_now() + kTick;
    while (stats_.open < endpoints_.size() && !ending_) {
      if (!co_await runtime::sleep_for(2ms)) co_return;
      if (core::mono_now() < next_tick) continue;
      next_tick += kTick;
      tick();
    }
    const double seconds = seconds_since(start);
    say({{"event", "connected"},
         {"links", stats_.open},
         {"seconds", seconds},
         {"per_second", static_cast<double>(stats_.open) / seconds}});
  }

  runtime::Task<void> redialler() {
    ++redialling_;
    while (!due_.empty() && !ending_) {
      SimulatedEndpoint& endpoint = *due_.back();
      due_.pop_back();
      (void)co_await endpoint.connect();
    }
    --redialling_;
  }

  void tick() {
    const auto now = core::mono_now();
    const bool all_taken = due_.empty();
    for (auto& endpoint : endpoints_) {
      endpoint->tick(now);
      if (all_taken && endpoint->dial_at() && *endpoint->dial_at() <= now)
        due_.push_back(endpoint.get());
    }
    for (auto idle = std::min(due_.size(), options_.window - redialling_); idle > 0; --idle)
      tasks_.spawn(redialler());
    const bool changed = stats_.open != told_.open || stats_.opened != told_.opened ||
                         stats_.commands != told_.commands;
    if (!changed || now - told_at_ < 1s) return;
    told_ = stats_;
    told_at_ = now;
    say({{"event", "stats"},
         {"open", stats_.open},
         {"opened", stats_.opened},
         {"ended", stats_.ended},
         {"commands", stats_.commands}});
  }

  Options options_;
  runtime::Loop loop_;
  runtime::TaskGroup tasks_;
  SwarmStats stats_, told_;
  core::MonoTime told_at_{};
  std::vector<std::unique_ptr<SimulatedEndpoint>> endpoints_;
  std::size_t next_ = 0;
  std::vector<SimulatedEndpoint*> due_;  // to be dialled again
  std::size_t redialling_ = 0;
  bool ending_ = false;
  int status_ = 0;
};

}  // namespace

int run(Options options) {
  return Swarm(std::move(options)).run();
}

}  // namespace muster::swarm
