// SPDX-License-Identifier: Apache-2.0
//
// SimulatedEndpoint is an agent without a machine: the agent's own session and ledger of
// runs over a real TLS link, and work that is only pretended. A run's method is fetched.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "link/endpoint_session.h"
#include "link/reconnect.h"
#include "net/http_client.h"
#include "net/websocket.h"
#include "orders/guard.h"
#include "runtime/loop.h"
#include "swarm/method_fetch.h"
#include "swarm/recorded_answers.h"

namespace muster::swarm {

/// How simulated work goes, and what all endpoints of a swarm share.
struct Script {
  net::ServerAddress server;
  core::Duration work_time{};  ///< 0: answers at once
  std::string output = "ok\n";
  bool reconnect = true;
  std::optional<RecordedAnswers> recorded{};  ///< instead of `output`
};

/// Counters over all endpoints.
struct SwarmStats {
  std::size_t open = 0;
  std::uint64_t opened = 0;
  std::uint64_t ended = 0;
  std::uint64_t commands = 0;
};

class SimulatedEndpoint final : public net::WebSocketHandler,
                                public link::EndpointPort,
                                public link::WorkPort {
 public:
  SimulatedEndpoint(runtime::Loop& loop, const Script& script, SwarmStats& stats, std::string name,
                    core::EndpointId id, std::shared_ptr<const net::TlsClientContext> tls,
                    std::shared_ptr<orders::Verifier> verifier, std::uint64_t seed);
  ~SimulatedEndpoint() override;

  /// Dials, shakes hands, says Hello. Returns once it is welcomed or has failed.
  runtime::Task<core::Status> connect();
  void tick(core::MonoTime now);
  bool open() const { return session_ && session_->open(); }
  /// The time to dial again; nothing while connected or connecting.
  std::optional<core::MonoTime> dial_at() const { return dial_at_; }
  void say_goodbye();

  void on_message(std::string_view message) override;
  void on_closed(core::Error why) override;
  void on_drained() override;

  void send(std::string_view frame) override;
  std::size_t backlog_bytes() const override;
  void notify_below(std::size_t bytes) override;
  void closed(const link::Ending& ending) override;
  void welcomed(const wire::Welcome& welcome) override;
  void content(const wire::ContentData& data) override;

  void start_work(const wire::Invoke& invoke) override;
  void cancel_work(core::RunId run, const std::string& reason) override;

 private:
  struct Pending {
    core::RunId run;
    core::MonoTime at;
    link::RunResult result;
  };
  link::RunResult result_of(const wire::Invoke& invoke) const;
  void work(core::RunId run, link::RunResult result);
  void fetch(const wire::Invoke& invoke);

  runtime::Loop& loop_;
  const Script& script_;
  SwarmStats& stats_;
  std::string name_;
  std::string instance_;
  std::shared_ptr<const net::TlsClientContext> tls_;
  std::uint64_t seed_;
  orders::Guard guard_;
  link::EndpointRuns runs_;
  link::Reconnect reconnect_;
  std::unique_ptr<net::WebSocket> socket_;
  std::optional<link::EndpointSession> session_;
  std::vector<Pending> pending_;
  std::unique_ptr<MethodFetch> fetch_;  // from the first method on
  std::optional<core::MonoTime> dial_at_;
  link::Ending ending_;
  bool counted_ = false;
};

}  // namespace muster::swarm
