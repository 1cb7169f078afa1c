// SPDX-License-Identifier: Apache-2.0
#include "server/standing.h"

#include <algorithm>

#include "core/log.h"
#include "manage/call.h"
#include "member/this_machine.h"
#include "methods/package.h"
#include "server/api.h"
#include "server/metrics.h"
#include "server/openapi.h"
#include "server/region_tables.h"
#include "wire/frame.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;
using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;

/// The leader has its own, smaller limits for each route.
constexpr std::size_t kBodyBytesMax = methods::kPackageFileBytesMax;
constexpr core::Duration kBodyTimeMax = 60s;
constexpr std::size_t kOwnAddressesMax = 16;

}  // namespace

std::string server_name(const ServerConfig& config) {
  return config.name.empty() ? member::host_name() : config.name;
}

std::vector<std::string> own_addresses(const ServerConfig& config, std::uint16_t port) {
  std::vector<std::string> hosts;
  const bool everywhere = member::is_any_address(config.address);
  if (!everywhere) {
    hosts.push_back(config.address);
  } else {
    hosts = config.alternative_names;
    for (const auto& address : member::addresses())
      if (!address.starts_with("127.") && address != "::1" && !address.starts_with("fe80:"))
        hosts.push_back(address);
    hosts.push_back(server_name(config));
  }
  std::vector<std::string> list;
  for (const auto& host : hosts) {
    std::string address = net::ServerAddress{host, port}.str();
    if (list.size() < kOwnAddressesMax && std::ranges::find(list, address) == list.end())
      list.push_back(std::move(address));
  }
  return list;
}

core::Result<net::TlsIdentity> server_identity(const access::RegionAuthority& authority,
                                               const ServerConfig& config) {
  const std::string name = server_name(config);
  std::vector<std::string> dns{name, "localhost"}, addresses = member::addresses();
  for (const auto& text : config.alternative_names)
    (member::is_address(text) ? addresses : dns).push_back(text);
  const bool everywhere = member::is_any_address(config.address);
  if (!everywhere && member::is_address(config.address)) addresses.push_back(config.address);
  MUSTER_ASSIGN(auto credential,
                authority.server_credential(name, dns, addresses, core::wall_now()));
  return net::TlsIdentity{credential.certificate.pem() + authority.authority().certificate().pem(),
                          credential.key.pem()};
}

std::unique_ptr<discovery::Answering> answer_discovery(runtime::Loop& loop,
                                                       const access::RegionAuthority& authority,
                                                       const ServerConfig& config,
                                                       std::uint16_t port) {
  if (!config.discovery) return nullptr;
  const bool everywhere = member::is_any_address(config.address);
  auto answering = std::make_unique<discovery::Answering>(
      loop, discovery::RegionKey(authority.authority().certificate().fingerprint()),
      discovery::kServers);
  answering->set_answer(
      {.places = {{discovery::kServers, everywhere ? "" : config.address, port}}});
  const auto started = answering->start(discovery::kPort, config.address != "0.0.0.0");
  if (started) return answering;
  core::log(core::Level::kWarn, "server", "this server is not found by discovery",
            {{"why", started.error().message}});
  return nullptr;
}

Standing::Standing(runtime::Loop& loop, ServerConfig config, store::Servers& servers)
    : loop_(loop), config_(std::move(config)), servers_(servers) {}

Standing::~Standing() = default;

core::Status Standing::open() {
  MUSTER_ASSIGN(auto authority, access::RegionAuthority::open(config_.state, core::wall_now()));
  authority_ = std::make_unique<access::RegionAuthority>(std::move(authority));
  MUSTER_ASSIGN(const auto identity, server_identity(*authority_, config_));
  MUSTER_ASSIGN(tls_, net::TlsServerContext::make(identity, ca_pem()));
  forward_ = std::make_unique<Forwarder>(loop_, identity, ca_pem());
  relay_ = std::make_unique<RegionRelay>(loop_, identity, ca_pem());
  certificate_checked_ = core::mono_now();
  return {};
}

void Standing::add_own_routes(net::Router& router) {
  add_route(router, "GET", "/healthz", "public",
            [](Request&) -> Answer { co_return Response::text(200, "ok\n"); });
  add_route(router, "GET", "/readyz", "public", [this](Request&) -> Answer { co_return ready(); });
  add_route(router, "GET", "/v1/openapi.yaml", "public", [](Request&) -> Answer {
    co_return Response::bytes(std::string(openapi_document()), "application/yaml");
  });
  add_console_routes(router);
  // Without an access of its own: who may do what is the leader's to say.
  net::RouteOptions options;
  options.body_bytes_max = kBodyBytesMax;
  options.stream_body = true;
  options.body_time_max = kBodyTimeMax;
  const net::Handler forward = [this](Request& request) { return forward_->forward(request); };
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"})
    router.add(method, "/v1/{path...}", forward, options);
  for (const char* path : {"/install.sh", "/ca.pem", "/download/{file}"})
    router.add("GET", path, forward, options);
  // The server's management: what the leader says about itself and all servers.
  for (const char* operation : {"/operations", "/status"})
    router.add(
        "POST", operation,
        [this](Request& request) -> runtime::Task<Response> {
          if (manage::has_sign(request.headers)) co_return co_await forward_->forward(request);
          co_return Response::error({core::Code::kNotFound, "there is nothing at " + request.path});
        },
        options);
  router.add("GET", "/metrics", [this](Request& request) { return metrics(request); }, options);
}

core::Status Standing::serve(net::WebSocketAcceptor accept_link) {
  net::Router router;
  add_own_routes(router);
  router.add_websocket("/link", std::move(accept_link),
                       {wire::kFrameBytesMax, 4 * wire::kFrameBytesMax});
  router.add_websocket("/region",
                       [this](const Request& request, std::unique_ptr<net::WebSocket> socket) {
                         relay_->accept(request, std::move(socket));
                       },
                       {wire::kRegionFrameBytesMax, 64UL * 1024 * 1024});
  net::HttpServerOptions options;
  options.address = config_.address;
  options.port = config_.port;
  options.listening = config_.listening;
  http_ = std::make_unique<net::HttpServer>(loop_, tls_, std::move(router), std::move(options));
  MUSTER_TRY(http_->start());
  answering_ = answer_discovery(loop_, *authority_, config_, port());
  core::log(
      core::Level::kInfo, "server", "standing by; requests go to the server that leads",
      {{"address", config_.address}, {"port", http_->port()}, {"region", authority_->region()}});
  look();
  return {};
}

void Standing::look() {
  const auto seen = servers_.view();
  const auto* leader = seen.leader();
  if (leader && !leader->here && leader->alive)
    forward_->lead_by(leader->self.name, leader->self.addresses);
  else
    forward_->lead_by("", {});
  // A leader that is being looked for is the one that was: links to it end by themselves.
  if (forward_->leader() || !leader || leader->here || !leader->alive)
    relay_->lead_by(forward_->leader());
  if (core::mono_now() - certificate_checked_ < 1h) return;
  certificate_checked_ = core::mono_now();
  if (auto identity = server_identity(*authority_, config_))
    if (auto replaced = tls_->replace_identity(*identity); !replaced)
      core::log(core::Level::kError, "server", "the server's certificate could not be renewed",
                {{"why", replaced.error().message}});
}

Response Standing::ready() const {
  if (stopping_) return Response::text(503, "the server stops\n");
  const auto seen = servers_.view();
  if (!seen.reachable)
    return Response::text(503, "the connection to the database is lost; it is tried again\n");
  if (!forward_->leader() || !seen.leader())
    return Response::text(503, "no server leads the region\n");
  return Response::text(200, "ready; " + seen.leader()->self.name + " leads\n");
}

/// Its own numbers; whether the caller may see them is asked of the leader.
runtime::Task<Response> Standing::metrics(Request& request) {
  auto allowed = co_await forward_->forward(request);
  if (allowed.status != 200) co_return allowed;
  co_return Response::bytes(
      standing_metrics_text(servers_.view(), forward_->stats(), relay_->links(), http_->stats()),
      "text/plain; version=0.0.4; charset=utf-8");
}

runtime::Task<void> Standing::stop(core::Duration grace) {
  stopping_ = true;
  if (http_) co_await http_->stop(grace);
  if (relay_) co_await relay_->stop();
  if (forward_) co_await forward_->stop();
}

}  // namespace muster::server
