// SPDX-License-Identifier: Apache-2.0
//
// Region is the server: it owns what the region knows and wires the features to the
// database, the gateways and the API.
//
// Lives on one loop; the database's and the workers' threads only ever see what is
// handed to them. start() once, then `co_await stop()` before it is destroyed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "access/api_tokens.h"
#include "access/audit.h"
#include "access/enrolment.h"
#include "access/join_tokens.h"
#include "access/region.h"
#include "access/revocations.h"
#include "access/sessions.h"
#include "access/users.h"
#include "content/cache.h"
#include "discovery/service.h"
#include "fleet/registry.h"
#include "net/http_server.h"
#include "orders/signer.h"
#include "runtime/loop.h"
#include "runtime/task_group.h"
#include "runtime/worker_pool.h"
#include "server/chain_service.h"
#include "server/config.h"
#include "server/content.h"
#include "server/content_mirror.h"
#include "server/gateway_hub.h"
#include "server/gateway_link.h"
#include "server/intake_service.h"
#include "server/live.h"
#include "server/method_service.h"
#include "server/neighbours.h"
#include "server/pack_requests.h"
#include "server/pack_rules.h"
#include "server/pack_service.h"
#include "server/placement.h"
#include "server/recorder.h"
#include "server/run_service.h"
#include "server/schedule_service.h"
#include "server/stop_switch.h"
#include "server/sweep.h"
#include "store/database.h"
#include "store/servers.h"

namespace muster::manage {
class Resource;
}

namespace muster::server {

class Region {
 public:
  /// `servers`: this process leads those of one PostgreSQL, under the term that it has now; must
  /// outlive the region. Without it the database is this process's alone.
  Region(runtime::Loop& loop, ServerConfig config, store::Servers* servers = nullptr);
  ~Region();
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;

  /// Opens the state (made at the first start), restores what was under way. Blocking.
  core::Status open();
  /// Serves the API, and links through `accept_link`, if given (the gateway of this
  /// process). Errors as HttpServer::start.
  core::Status serve(net::WebSocketAcceptor accept_link);
  /// Another server leads, or may: nothing is read or written any more. Then stop().
  void abandon();
  /// As HttpServer::hand_over().
  std::shared_ptr<runtime::Descriptor> hand_over() { return http_->hand_over(); }
  /// No new work; running requests end within `grace`; everything is saved.
  runtime::Task<void> stop(core::Duration grace);

  /// Set at the very first start: the administrator's password, shown once.
  const std::optional<access::FirstAdmin>& first_admin() const { return first_admin_; }
  std::uint16_t port() const { return http_->port(); }
  std::string ca_pem() const { return authority_->authority().certificate().pem(); }
  const std::string& id() const { return authority_->region(); }
  core::WallTime started_at() const { return started_at_; }
  const ServerConfig& config() const { return config_; }
  bool stopping() const { return stopping_; }

  runtime::Loop& loop() { return loop_; }
  store::Database& database() { return *database_; }
  /// The servers that share the database; none where it is this one's alone.
  store::Servers* servers() { return servers_; }
  access::RegionAuthority& authority() { return *authority_; }
  access::Users& users() { return *users_; }
  access::Sessions& sessions() { return *sessions_; }
  access::ApiTokens& api_tokens() { return *api_tokens_; }
  access::JoinTokens& join_tokens() { return *join_tokens_; }
  access::Enrolment& enrolment() { return *enrolment_; }
  access::Revocations& revocations() { return *revocations_; }
  access::Audit& audit() { return *audit_; }
  fleet::Registry& registry() { return registry_; }
  GatewayHub& gateways() { return *gateways_; }
  Placement& placement() { return *placement_; }
  Content& content() { return *content_; }
  RunService& runs() { return *runs_; }
  IntakeService& intake() { return *intake_; }
  ChainService& chains() { return *chains_; }
  StopSwitch& stop_switch() { return *stop_switch_; }
  MethodService& methods() { return *methods_; }
  PackService& packs() { return *packs_; }
  PackRules& pack_rules() { return *pack_rules_; }
  PackRequests& pack_requests() { return *pack_requests_; }
  ScheduleService& schedules() { return *schedules_; }
  Recorder& recorder() { return *recorder_; }
  Sweeper& sweeper() { return *sweeper_; }
  Live& live() { return live_; }
  Neighbours& neighbours() { return *neighbours_; }
  /// Ends with the region.
  void spawn(runtime::Task<void> task) { tasks_.spawn(std::move(task)); }
  /// What is kept of finished runs: as it was set, else as the server was started.
  runtime::Task<core::Result<jobs::Retention>> retention();
  HttpStats& http_stats() { return http_stats_; }
  discovery::ResponderStats discovery_stats() const {
    return answering_ ? answering_->stats() : discovery::ResponderStats{};
  }
  net::HttpServerStats http_server_stats() const {
    return http_ ? http_->stats() : net::HttpServerStats{};
  }

 private:
  core::Status open_database();
  core::Status open_identity();
  core::Status open_work();
  core::Status open_chains();
  core::Status open_packs();
  core::Status note_lead();
  core::Status open_schedules();
  core::Status open_neighbours();
  std::uint64_t act_on_switch(const std::optional<jobs::Hold>& why, const std::string& by);
  /// A gateway that runs apart has dialled: the acceptor of /region.
  void accept_gateway(const net::Request& request, std::unique_ptr<net::WebSocket> socket);
  core::Result<identity::Certificate> gateway_certificate(const net::Request& request) const;
  runtime::Task<std::optional<net::Response>> before(net::Request& request);
  /// What comes from another region: `certificate` is its server's.
  std::optional<net::Response> admit(net::Request& request, std::string_view certificate);
  void cut_revoked_gateways();
  discovery::RegionKey discovery_key() const {
    return discovery::RegionKey(authority_->authority().certificate().fingerprint());
  }
  void save_registry();
  runtime::Task<void> housekeeping();

  runtime::Loop& loop_;
  const ServerConfig config_;
  store::Servers* const servers_;
  const core::WallTime started_at_;
  bool stopping_ = false;

  std::unique_ptr<store::Database> database_;
  runtime::WorkerPool workers_{2};
  std::unique_ptr<access::RegionAuthority> authority_;
  std::unique_ptr<access::Users> users_;
  std::unique_ptr<access::Sessions> sessions_;
  std::unique_ptr<access::ApiTokens> api_tokens_;
  std::unique_ptr<access::JoinTokens> join_tokens_;
  std::unique_ptr<access::Revocations> revocations_;
  std::unique_ptr<access::Enrolment> enrolment_;
  std::unique_ptr<access::Audit> audit_;
  std::optional<access::FirstAdmin> first_admin_;

  fleet::Registry registry_;
  Live live_;
  std::unique_ptr<orders::Signer> signer_;
  std::unique_ptr<RunService> runs_;
  std::unique_ptr<ChainService> chains_;
  std::unique_ptr<IntakeService> intake_;
  std::unique_ptr<StopSwitch> stop_switch_;
  bool switch_is_open_ = false;
  std::unique_ptr<Content> content_;
  std::unique_ptr<ContentMirror> mirror_;
  std::unique_ptr<MethodService> methods_;
  std::unique_ptr<PackService> packs_;
  std::unique_ptr<PackRules> pack_rules_;
  std::unique_ptr<PackRequests> pack_requests_;
  std::unique_ptr<ScheduleService> schedules_;
  std::unique_ptr<Recorder> recorder_;
  std::unique_ptr<Placement> placement_;
  std::unique_ptr<GatewayHub> gateways_;
  std::vector<std::unique_ptr<GatewayLink>> gateway_links_;
  HttpStats http_stats_;

  std::shared_ptr<net::TlsServerContext> tls_;
  runtime::WorkerPool management_workers_{1};  // a slow report holds up no login
  std::unique_ptr<manage::Resource> management_;
  std::unique_ptr<net::HttpServer> http_;
  std::unique_ptr<Sweeper> sweeper_;
  std::unique_ptr<Neighbours> neighbours_;
  std::unique_ptr<discovery::Answering> answering_;  // null: it is not found by discovery
  runtime::TaskGroup tasks_;
  runtime::Timer save_timer_;
};

}  // namespace muster::server
