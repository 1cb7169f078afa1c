// SPDX-License-Identifier: Apache-2.0
//
// A region in one process: one server (the real Ledger on a virtual disk), gateways and
// endpoints (the real link sessions) over wires that delay, break and are noticed broken
// at different times by their two ends; gateways that are cut off from the server; a disk
// that fills up; and processes that die and come back.
//
// Checked all along: a final state never changes (Disk), no command starts twice for one
// target whichever process runs it (idempotent ones: for one process of the agent), waves
// and ceilings hold (Disk), nothing leaves for a paused or stopped run, an acknowledged result is
// on the disk with the endpoint's own outcome, and what is called unreachable or expired was never
// started.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "clock.h"
#include "disk.h"
#include "identity/authority.h"
#include "jobs/ledger.h"
#include "link/endpoint_session.h"
#include "link/gateway_session.h"
#include "orders/guard.h"
#include "orders/signer.h"

namespace muster::sim {

struct Options {
  std::uint64_t seed = 1;
  std::size_t endpoints = 1000;
  std::size_t runs = 20;
  std::size_t gateways = 3;
};

struct World;
struct Endpoint;
struct Gateway;

/// A connection with both ends' sessions. Frames keep their order; a cut loses them.
struct Link : std::enable_shared_from_this<Link> {
  struct EndpointEnd final : link::EndpointPort {
    Link* link = nullptr;
    void send(std::string_view frame) override;
    std::size_t backlog_bytes() const override { return 0; }
    void notify_below(std::size_t) override {}
    void closed(const link::Ending& ending) override;
  };
  struct GatewayEnd final : link::GatewayPort {
    Link* link = nullptr;
    void send(std::string_view frame) override;
    void closed(const link::Ending& ending) override;
    void hello(wire::Hello&& hello) override;
    void started(wire::Started&& started) override;
    void output(wire::Output&&) override {}
    void announced(wire::Announce&& announce) override;
    void chunk(wire::Chunk&& chunk, bool last) override;
    void upcall(wire::Upcall&&) override {}
    void content_request(wire::ContentRequest&&) override {}
  };

  World* world = nullptr;
  Endpoint* endpoint = nullptr;
  Gateway* gateway = nullptr;
  std::uint64_t endpoint_life = 0, gateway_life = 0;
  std::uint64_t number = 0;
  bool cut = false;
  bool reported = false;  ///< the server knows of it
  core::Duration delay{};
  core::MonoTime up_free{}, down_free{};  ///< when the last frame of each way arrives
  EndpointEnd endpoint_end;
  GatewayEnd gateway_end;
  std::unique_ptr<link::EndpointSession> endpoint_session;
  std::unique_ptr<link::GatewaySession> gateway_session;

  bool endpoint_lives() const;
  bool gateway_lives() const;
  /// Both ends notice, each in its own time.
  void break_now();
  void report(wire::Report report);
};

/// A machine and, one after the other, its agent's processes.
struct Endpoint final : link::WorkPort {
  World* world = nullptr;
  core::EndpointId id;
  std::uint64_t life = 0;
  std::string instance;
  std::unique_ptr<orders::Guard> guard;
  std::unique_ptr<link::EndpointRuns> runs;
  std::shared_ptr<Link> link;
  std::set<core::RunId> cancelled;

  void start_process();
  void kill_process();
  void connect();
  void start_work(const wire::Invoke& invoke) override;
  void cancel_work(core::RunId run, const std::string& reason) override;
  void finish_work(core::RunId run, std::uint64_t of_life);
};

struct Gateway {
  World* world = nullptr;
  std::string name;
  std::uint64_t life = 1;
  std::uint64_t session = 1;  ///< its connection to the server; a partition ends it
  bool up = true;
  bool connected = true;  ///< to the server, as far as the gateway knows
  std::unique_ptr<link::GatewayShared> shared;
  std::map<std::uint64_t, std::shared_ptr<Link>> links;
  std::map<core::EndpointId, Link*> open;
  core::MonoTime to_server_free{}, from_server_free{};

  void start();
  void kill();
  /// Nothing passes between it and the server for a while; each notices in its own time.
  void cut_off();
  void reach_server();
  void hello(Link& link, wire::Hello hello);
  void ended(Link& link);
  void relogin_all();
  /// In order, while neither process dies and their connection lasts.
  void tell_server(std::function<void()> event);
  void hear_server(std::function<void()> event);
};

/// The server's process: the ledger, and what it lets out.
struct Server final : jobs::Sink {
  World* world = nullptr;
  std::uint64_t life = 0;
  std::unique_ptr<jobs::Ledger> ledger;  ///< null: the process is dead
  std::unique_ptr<orders::Signer> signer;

  void start();
  void kill();
  void turn();  ///< the end of a turn of its loop
  void create_run();
  void cancel_some_run();
  void pause_some_run();
  void resume_paused(bool all);
  void stop_everything();

  void persist(std::shared_ptr<const jobs::Batch> batch) override;
  void store(std::shared_ptr<const jobs::OutputBatch> output) override;
  void dispatch(const std::string& gateway, const jobs::Departure& departure) override;
  void cancel(const std::string& gateway, const wire::CancelRun& cancel) override;
  void ack(const std::string& gateway, const wire::Acks& acks) override;
  void kick(const std::string& gateway, const core::EndpointId& endpoint,
            std::string_view reason) override;
  void changed(const jobs::Run&, std::span<const jobs::TargetEvent>) override {}
  void output(const jobs::Run&, const core::EndpointId&, const wire::Output&) override {}
};

struct World {
  explicit World(const Options& options);
  ~World();

  void run();
  void check_target(core::RunId run, const core::EndpointId& endpoint);
  void note(std::uint64_t value) { trace = (trace ^ value) * 0x100000001b3ULL; }
  Gateway* gateway(std::string_view name);
  void plan_faults();
  void sweep();
  bool done() const;

  /// What one endpoint did for one run.
  struct Deed {
    unsigned starts = 0;
    std::set<std::uint64_t> lives;                  ///< of the agent, in which it started
    std::set<std::pair<int, std::size_t>> results;  ///< exit code, bytes of stdout
  };

  Options options;
  Clock clock;
  identity::Authority authority;
  identity::PrivateKey signing_key;
  std::optional<identity::Certificate> signer_certificate;
  std::shared_ptr<orders::Verifier> verifier;
  Disk disk;
  Server server;
  std::vector<Gateway> gateways;
  std::vector<std::unique_ptr<Endpoint>> endpoints;
  std::map<std::pair<core::RunId, core::EndpointId>, Deed> deeds;
  std::vector<std::unique_ptr<link::GatewayShared>> graves;
  std::vector<std::shared_ptr<Link>> dead_links;  ///< until the sweep: not from inside a call
  std::uint64_t trace = 0xcbf29ce484222325ULL;
  std::uint64_t next_link = 1;
  bool healed = false;
  std::optional<jobs::Hold> stopped;  ///< everything; outlives the server
  std::set<core::RunId> paused;       ///< by hand
  core::MonoTime disk_full_until{};
  struct {
    std::size_t starts = 0, breaks = 0, agent_deaths = 0, gateway_deaths = 0, server_deaths = 0,
                partitions = 0, failed_writes = 0, pauses = 0, stops = 0;
  } counts;
};

}  // namespace muster::sim
