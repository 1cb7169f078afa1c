// SPDX-License-Identifier: Apache-2.0
#include "server/region.h"

#include <algorithm>

#include "core/bytes.h"
#include "core/log.h"
#include "identity/renewal.h"
#include "jobs/run_store.h"
#include "server/api.h"
#include "server/forward.h"
#include "server/management.h"
#include "server/standing.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;
using core::Level;

/// Facts, labels and last contacts of endpoints are saved this often.
constexpr core::Duration kSaveInterval = 2s;
constexpr std::size_t kSaveRowsMax = 5'000;
/// Changed hosts told to live views at a time, and how often.
constexpr core::Duration kHousekeeping = 500ms;
constexpr std::size_t kChangedMax = 10'000;
/// Connections of gateways, those that are being refused included.
constexpr std::size_t kGatewayLinksMax = 1'000;
constexpr std::string_view kGatewayRevoked =
    "this gateway is revoked; enrol it anew under another name, with an empty state folder";

}  // namespace

Region::Region(runtime::Loop& loop, ServerConfig config, store::Servers* servers)
    : loop_(loop),
      config_(std::move(config)),
      servers_(servers),
      started_at_(core::wall_now()),
      tasks_(loop, "server"),
      save_timer_(loop) {}

Region::~Region() = default;

/// Stops or lifts at once; that it was done is written when the database has time.
std::uint64_t Region::act_on_switch(const std::optional<jobs::Hold>& why, const std::string& by) {
  const std::uint64_t runs = runs_->stop_all(why);
  if (!switch_is_open_) return runs;  // it was set before this start
  database_->write_then(
      loop_,
      [by, runs, is_set = why.has_value(),
       reason = why ? why->reason : std::string()](store::Connection& connection) -> core::Status {
        MUSTER_TRY(access::Audit::append(
            connection, core::wall_now(),
            {by, is_set ? "region.stop" : "region.resume", "everything",
             is_set ? access::audit_detail({{"reason", reason}, {"runs", std::to_string(runs)}})
                    : "{}"}));
        return {};
      },
      [](core::Status noted) {
        if (!noted)
          core::log(Level::kError, "server", "stop everything is not in the audit log",
                    {{"why", noted.error().message}});
      });
  return runs;
}

core::Status Region::serve(net::WebSocketAcceptor accept_link) {
  net::Router router;
  add_session_routes(router, *this);
  add_user_routes(router, *this);
  add_token_routes(router, *this);
  add_host_routes(router, *this);
  add_gateway_routes(router, *this);
  add_pending_routes(router, *this);
  add_policy_routes(router, *this);
  add_discovery_routes(router, *this);
  add_method_routes(router, *this);
  add_pack_routes(router, *this);
  add_pack_rule_routes(router, *this);
  add_run_routes(router, *this);
  add_rollout_routes(router, *this);
  add_chain_routes(router, *this);
  add_event_routes(router, *this);
  add_stop_routes(router, *this);
  add_run_result_routes(router, *this);
  add_schedule_routes(router, *this);
  add_recording_routes(router, *this);
  add_retention_routes(router, *this);
  add_live_routes(router, *this);
  add_audit_routes(router, *this);
  add_system_routes(router, *this);
  add_server_routes(router, *this);
  add_region_routes(router, *this);
  add_install_routes(router, *this);
  add_console_routes(router);
  if (accept_link)
    router.add_websocket("/link", std::move(accept_link),
                         {wire::kFrameBytesMax, 4 * wire::kFrameBytesMax});
  router.add_websocket("/region",
                       [this](const net::Request& request, std::unique_ptr<net::WebSocket> socket) {
                         accept_gateway(request, std::move(socket));
                       },
                       {wire::kRegionFrameBytesMax, 64UL * 1024 * 1024});
  management_ = server_management(*this, management_workers_);
  net::HttpServerOptions options;
  options.address = config_.address;
  options.port = config_.port;
  options.listening = config_.listening;
  options.before = [this](net::Request& request) { return before(request); };
  options.after = [this](const net::Request& request, int status, std::uint64_t bytes,
                         core::Duration took) {
    ++http_stats_.by_status[status];
    http_stats_.bytes_sent += bytes;
    core::log(Level::kDebug, "http", request.method + " " + request.path,
              {{"status", status},
               {"bytes", bytes},
               {"took", core::to_text(took)},
               {"address", request.remote_address}});
  };
  http_ = std::make_unique<net::HttpServer>(loop_, tls_, std::move(router), std::move(options));
  MUSTER_TRY(http_->start());
  answering_ = answer_discovery(loop_, *authority_, config_, port());
  save_timer_.start(kSaveInterval, [this] { save_registry(); });
  tasks_.spawn(housekeeping());
  tasks_.spawn(mirror_->keep_all());
  schedules_->start();
  placement_->start();
  neighbours_->start();
  core::log(Level::kInfo, "server", "serving",
            {{"address", config_.address}, {"port", http_->port()}, {"region", id()}});
  return {};
}

/// Of the gateway itself, where another server of the region passes its link on.
core::Result<identity::Certificate> Region::gateway_certificate(const net::Request& request) const {
  MUSTER_ASSIGN(auto presented, identity::Certificate::from_der(request.peer_certificate));
  const auto passed_on = request.query_value("for");
  if (!passed_on) return presented;
  MUSTER_ASSIGN(const auto peer, identity::peer_identity(presented));
  if (peer.role != identity::Role::kServer)
    return core::fail(core::Code::kDenied, "only a server passes links on");
  MUSTER_ASSIGN(const auto der, core::from_hex(*passed_on));
  MUSTER_ASSIGN(auto own, identity::Certificate::from_der(der));
  MUSTER_TRY(identity::verify_chain(own, authority_->authority().certificate(), core::wall_now()));
  return own;
}

/// What comes before every handler: may this server answer, whose request is it, may they?
runtime::Task<std::optional<net::Response>> Region::before(net::Request& request) {
  if (servers_ && !servers_->may_answer() && request.path.starts_with("/v1/"))
    co_return Forwarder::unavailable(
        "this server has lost its lease, and another may lead already");
  if (request.alpn == net::kAlpnServer) {
    const auto certificate = identity::Certificate::from_der(request.peer_certificate);
    const auto peer = certificate ? identity::peer_identity(*certificate)
                                  : core::fail(core::Error(certificate.error()));
    if (!peer || peer->role != identity::Role::kServer)
      co_return net::Response::error(
          {core::Code::kDenied, "this protocol is for the servers of the region"});
    if (servers_) servers_->met_another();
    if (const auto from = request.header(kForwardedFor))
      request.remote_address = core::printable(*from, 64);
    const std::string called(request.header(kForwardedHost).value_or(""));
    for (auto& [name, value] : request.headers)
      if (name == "host" && !called.empty()) value = called;
    if (const auto certificate_of = request.header(kForwardedPeer)) {
      const auto der = core::from_hex(*certificate_of);
      co_return admit(request, der.value_or(""));
    }
  }
  if (request.alpn == net::kAlpnPeer) co_return admit(request, request.peer_certificate);
  if (manage::has_sign(request.headers) && request.alpn != net::kAlpnLink)
    co_return co_await management_->answer(request);
  co_return co_await authenticate(*this, request);
}

std::optional<net::Response> Region::admit(net::Request& request, std::string_view certificate) {
  auto principal = neighbours_->admit(request, certificate);
  if (!principal) {
    // A probe asks every few seconds, and shows the reason on the other side.
    core::log(request.path == "/v1/peer" ? Level::kDebug : Level::kInfo, "regions",
              "another region was refused",
              {{"address", request.remote_address}, {"why", principal.error().message}});
    return net::Response::error({core::Code::kDenied, principal.error().message});
  }
  request.context = std::shared_ptr<access::Principal>(std::move(*principal));
  return std::nullopt;
}

void Region::accept_gateway(const net::Request& request, std::unique_ptr<net::WebSocket> socket) {
  auto certificate = gateway_certificate(request);
  if (!certificate) return;  // dropping the socket closes it
  const auto peer = identity::peer_identity(*certificate);
  const std::string refused =
      !peer                                       ? peer.error().message
      : peer->role != identity::Role::kGateway    ? "this certificate is not a gateway's"
      : peer->region != id()                      ? "this gateway belongs to another region"
      : revocations_->revoked(*peer)              ? std::string(kGatewayRevoked)
      : gateway_links_.size() >= kGatewayLinksMax ? "the server has too many gateways"
      : stopping_                                 ? "the server stops"
                                                  : "";
  auto link = std::make_unique<GatewayLink>(
      loop_, *gateways_, id(), std::move(*certificate), peer ? peer->name : "", std::move(socket),
      [this](GatewayLink& gone) {
        std::erase_if(gateway_links_, [&](const auto& entry) { return entry.get() == &gone; });
      });
  link->start();
  if (!refused.empty()) {
    core::log(Level::kWarn, "server", "refused a gateway",
              {{"address", request.remote_address}, {"why", refused}});
    link->close(refused);  // it lives until the other side knows why
  }
  gateway_links_.push_back(std::move(link));
}

void Region::cut_revoked_gateways() {
  for (auto& link : gateway_links_) {
    const auto peer = identity::peer_identity(link->certificate());
    if (peer && revocations_->revoked(*peer)) link->close(kGatewayRevoked);
  }
}

void Region::save_registry() {
  auto rows = registry_.take_unsaved(kSaveRowsMax, core::wall_now());
  if (!rows.empty()) {
    auto shared = std::make_shared<decltype(rows)>(std::move(rows));
    database_->write_then(
        loop_,
        [shared](store::Connection& connection) {
          return fleet::RegistryStore::save(connection, *shared);
        },
        [this, shared](core::Status saved) {
          if (!saved) registry_.unsaved(*shared);
        });
  }
  if (!stopping_) save_timer_.start(kSaveInterval, [this] { save_registry(); });
}

runtime::Task<core::Result<jobs::Retention>> Region::retention() {
  MUSTER_CO_ASSIGN(const auto set, co_await database_->read(jobs::RunStore::retention));
  co_return set.value_or(config_.retention);
}

runtime::Task<void> Region::housekeeping() {
  auto hourly = core::mono_now();
  while (co_await runtime::sleep_for(kHousekeeping)) {
    if (registry_.changed() > 0) live_.hosts_changed(registry_.take_changed(kChangedMax));
    if (core::mono_now() < hourly) continue;
    hourly = core::mono_now() + 1h;
    (void)co_await sessions_->sweep();
    if (const auto retention = co_await this->retention()) co_await runs_->retain(*retention);
    co_await schedules_->forget_hosts();
    co_await intake_->retain(registry_);
    // The server's own certificate is renewed here, long before it expires.
    if (auto identity = server_identity(*authority_, config_))
      if (auto replaced = tls_->replace_identity(*identity); !replaced)
        core::log(Level::kError, "server", "the server's certificate could not be renewed",
                  {{"why", replaced.error().message}});
  }
}

void Region::abandon() {
  core::log(Level::kWarn, "server", "this server does not lead the region any more");
  database_->fence();
}

runtime::Task<void> Region::stop(core::Duration grace) {
  stopping_ = true;
  placement_->stop();
  live_.wake_all();
  for (const auto& link : neighbours_ ? neighbours_->all() : std::vector<Neighbours::Link>())
    link->end();
  if (http_) co_await http_->stop(grace);
  if (neighbours_) co_await neighbours_->stop();
  for (auto& link : gateway_links_) link->close("the server stops");
  co_await gateways_->stop();
  if (schedules_) co_await schedules_->stop();
  if (content_) co_await content_->stop();
  co_await sweeper_->end();
  co_await tasks_.stop();
  save_timer_.cancel();
  const auto rows = registry_.take_unsaved(SIZE_MAX, core::wall_now());
  if (auto saved = co_await database_->write([&rows](store::Connection& connection) {
        return fleet::RegistryStore::save(connection, rows);
      });
      !saved)
    core::log(Level::kWarn, "server", "the last contacts of hosts could not be saved",
              {{"why", saved.error().message}});
}

}  // namespace muster::server
