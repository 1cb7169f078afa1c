// SPDX-License-Identifier: Apache-2.0
#include "cli/gateway_process.h"

#include <algorithm>
#include <boost/json.hpp>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "core/log.h"
#include "gateway/metrics.h"
#include "identity/authority.h"
#include "identity/renewal.h"
#include "identity/request.h"
#include "member/join.h"
#include "member/this_machine.h"
#include "runtime/file.h"
#include "wire/limits.h"

namespace muster::cli {
namespace {

using namespace std::chrono_literals;
using core::Code;
using core::fail;
using core::Level;

/// Running requests may take so long to end; endpoints come back spread over so long.
constexpr core::Duration kStopGrace = 1s;
constexpr core::Duration kReturnSpread = 2s;
constexpr core::Duration kRenewalCheck = 5s;
constexpr core::Duration kRenewalRetry = 1h;
constexpr std::size_t kNamesMax = 32;

std::filesystem::path settings_file(const member::CredentialFolder& folder) {
  return folder.path() / "gateway.json";
}

core::Result<std::vector<std::string>> load_servers(const member::CredentialFolder& folder) {
  const auto path = settings_file(folder);
  MUSTER_ASSIGN(const std::string text, runtime::read_file(path, 64 * 1024));
  boost::system::error_code failed;
  const auto value = boost::json::parse(text, failed);
  const auto* object = failed ? nullptr : value.if_object();
  std::vector<std::string> servers;
  const auto* list = object ? object->if_contains("servers") : nullptr;
  if (list && list->is_array())
    for (const auto& one : list->as_array())
      if (one.is_string()) servers.emplace_back(one.as_string());
  // The first, which is all that versions before knew.
  const auto* server = object ? object->if_contains("server") : nullptr;
  if (servers.empty() && server && server->is_string()) servers.emplace_back(server->as_string());
  if (servers.empty())
    return fail(Code::kCorrupt, path.string() + " is damaged: say --server HOST:PORT again");
  return servers;
}

// For the next start. A full disk keeps no gateway from serving.
void keep_servers(const member::CredentialFolder& folder, const std::vector<std::string>& servers) {
  if (const auto known = load_servers(folder); known && *known == servers) return;
  boost::json::array list;
  for (const auto& server : servers) list.emplace_back(server);
  const auto kept = runtime::write_file(
      settings_file(folder), boost::json::serialize(boost::json::object{
                                 {"server", servers.front()}, {"servers", std::move(list)}}) +
                                 "\n");
  if (!kept)
    core::log(Level::kWarn, "gateway",
              "the server's address could not be kept: say --server at the next start too",
              {{"why", kept.error().message}});
}

net::Handler answer(std::function<net::Response()> make) {
  return
      [make = std::move(make)](net::Request&) -> runtime::Task<net::Response> { co_return make(); };
}

}  // namespace

GatewayProcess::GatewayProcess(GatewayConfig config)
    : config_(std::move(config)),
      folder_(config_.state, "gateway"),
      tasks_(loop_, "gateway"),
      ending_(loop_, "gateway") {}

// The task that stopped the loop has not quite ended.
GatewayProcess::~GatewayProcess() {
  loop_.context().restart();
  while (ending_.size() > 0) loop_.context().run_one();
}

core::Status GatewayProcess::start() {
  MUSTER_TRY(folder_.lock());
  MUSTER_TRY(open_credential());
  auto known = config_.servers.empty() ? load_servers(folder_) : config_.servers;
  if (!known) return fail(std::move(known.error()));
  std::vector<net::ServerAddress> servers;
  std::vector<std::string> texts;
  for (const auto& text : *known) {
    MUSTER_ASSIGN(auto server, net::ServerAddress::parse(text));
    texts.push_back(server.str());
    servers.push_back(std::move(server));
  }
  keep_servers(folder_, texts);
  MUSTER_TRY(open_links(std::move(servers)));
  MUSTER_TRY(open_server());
  if (config_.discovery) answer_discovery();
  gateway_->start();
  tasks_.spawn(link_->keep_connected());
  tasks_.spawn(keep_certified());
  core::log(Level::kInfo, "gateway", "serving",
            {{"name", name_},
             {"address", config_.address},
             {"port", http_->port()},
             {"server", texts.front()}});
  return {};
}

core::Status GatewayProcess::open_credential() {
  if (!folder_.enrolled()) {
    MUSTER_TRY(enrol());
  } else if (!config_.token.empty()) {
    core::log(Level::kInfo, "gateway", "enrolled already; the token is not used");
  }
  MUSTER_ASSIGN(auto credential, folder_.load());
  MUSTER_ASSIGN(auto self, identity::peer_identity(credential.certificate));
  if (self.role != identity::Role::kGateway)
    return fail(Code::kCorrupt, folder_.path().string() +
                                    " holds no gateway's certificate: remove the folder and "
                                    "start again with --token");
  if (!config_.name.empty() && config_.name != self.name)
    return fail(Code::kConflict, "the gateway in " + folder_.path().string() + " is named " +
                                     self.name + ": leave --name out, or choose another --state");
  if (self.not_after <= core::wall_now())
    return fail(Code::kConflict, "the gateway's certificate expired on " +
                                     core::to_rfc3339(self.not_after) + ": remove " +
                                     folder_.path().string() +
                                     " and start again with a new --token (muster token create "
                                     "--gateway), or set the clock right");
  name_ = self.name;
  credential_ = std::make_unique<member::Credential>(std::move(credential));
  return {};
}

core::Status GatewayProcess::enrol() {
  if (config_.token.empty() || config_.servers.empty())
    return fail(Code::kInvalid,
                "this gateway is not enrolled: start it with --server HOST:PORT --token mjt1... "
                "(an administrator makes the token by `muster token create --gateway`)");
  member::GatewayWish wish{config_.name.empty() ? member::host_name() : config_.name,
                           config_.alternative_names};
  wish.names.push_back(wish.name);
  for (auto& address : member::addresses()) wish.names.push_back(std::move(address));
  if (wish.names.size() > kNamesMax) wish.names.resize(kNamesMax);
  const std::string name = wish.name;
  // The first that answers, and is a server: others may be gateways, which enrol nobody.
  const auto next_may = [](Code code) {
    return code == Code::kUnavailable || code == Code::kTimeout || code == Code::kUnauthorized;
  };
  auto made = member::join_blocking(config_.servers.front(), config_.token, wish);
  for (std::size_t i = 1; i < config_.servers.size() && !made && next_may(made.error().code); ++i)
    made = member::join_blocking(config_.servers[i], config_.token, wish);
  if (!made) {
    // Not one to log in anew for: the token is what counts here.
    if (made.error().code == Code::kUnauthorized) made.error().code = Code::kDenied;
    return fail(std::move(made.error()).while_doing("the gateway could not enrol"));
  }
  MUSTER_TRY(folder_.save(*made));
  core::log(Level::kInfo, "gateway", "enrolled", {{"name", name}});
  return {};
}

core::Result<std::shared_ptr<const net::TlsClientContext>> GatewayProcess::tls_to_server() const {
  net::TlsClientOptions options;
  options.ca_pem = credential_->authority.pem();
  options.identity = member::tls_identity(*credential_);
  options.alpn = net::kAlpnLink;
  options.check_peer = member::check_gateway;  // or one that this one stands behind
  return net::TlsClientContext::make(std::move(options));
}

// What endpoints are told, the likeliest first: a name with a domain was given on purpose or is
// the machine's own in full, an address may be one of many, a short name may mean nothing there.
std::vector<std::string> GatewayProcess::link_addresses() const {
  constexpr std::size_t kAddressesMax = 16;
  std::vector<std::string> list;
  const auto add = [&](const std::string& host) {
    const std::string address = net::ServerAddress{host, config_.port}.str();
    if (list.size() < kAddressesMax && std::ranges::find(list, address) == list.end())
      list.push_back(address);
  };
  if (config_.port == 0) return list;  // any port: only the server could be told, later
  if (!member::is_any_address(config_.address)) {
    add(config_.address);
    return list;
  }
  const auto names = identity::host_names(credential_->certificate);
  for (const auto& name : names.dns_names)
    if (name.contains('.')) add(name);
  for (const auto& address : names.ip_addresses)
    if (!address.starts_with("127.") && address != "::1" && !address.starts_with("fe80:"))
      add(address);
  for (const auto& name : names.dns_names)
    if (!name.contains('.') && name != "localhost") add(name);
  return list;
}

core::Status GatewayProcess::open_links(std::vector<net::ServerAddress> servers) {
  const std::string region = identity::region_of(credential_->authority);
  gateway_ = std::make_unique<gateway::Gateway>(
      loop_, gateway::GatewayOptions{.region = region,
                                     .name = name_,
                                     .addresses = link_addresses(),
                                     .limits = config_.content.rates.sentences()});
  config_.content.folder = folder_.path() / "content";
  MUSTER_TRY(gateway_->open_content(config_.content));
  if (!config_.handlers.empty()) MUSTER_TRY(gateway_->open_handlers(config_.handlers));
  MUSTER_TRY(gateway_->open_intake(folder_.path() / "intake"));
  MUSTER_ASSIGN(auto tls, tls_to_server());
  link_ = std::make_unique<gateway::ServerLink>(loop_, std::move(servers), std::move(tls),
                                                *gateway_, config_.times);
  gateway_->connect(*link_);
  repeating_ = std::make_unique<gateway::Repeating>(
      loop_,
      gateway::Repeating::Options{.region = region, .name = name_, .allowed = config_.repeat},
      *link_);
  repeating_->serve(*gateway_->content());
  link_->on_change([this] { link_changed(); });
  return {};
}

void GatewayProcess::link_changed() {
  if (!link_->connected()) repeating_->server_lost();
  tell_discovery();
}

void GatewayProcess::answer_discovery() {
  answering_ = std::make_unique<discovery::Answering>(
      loop_, discovery::RegionKey(credential_->authority.fingerprint()),
      discovery::kGateways | discovery::kServers);
  tell_discovery();
  const bool on_ipv6 = config_.address != "0.0.0.0";
  if (const auto started = answering_->start(discovery::kPort, on_ipv6); !started)
    core::log(Level::kWarn, "gateway", "this gateway is not found by discovery",
              {{"why", started.error().message}});
}

// Where the server is, too, unless only a gateway above knows.
void GatewayProcess::tell_discovery() {
  if (!answering_) return;
  const bool everywhere = member::is_any_address(config_.address);
  const auto& server = link_->address();
  discovery::Answer answer{
      .places = {{discovery::kGateways, everywhere ? "" : config_.address, http_->port()}}};
  if (link_->standing().above.empty())
    answer.places.push_back({discovery::kServers, server.host, server.port});
  answering_->set_answer(std::move(answer));
}

core::Status GatewayProcess::open_server() {
  net::Router router;
  router.add_websocket("/link",
                       [this](const net::Request& request, std::unique_ptr<net::WebSocket> link) {
                         gateway_->accept(request, std::move(link));
                       },
                       {wire::kFrameBytesMax, 4 * wire::kFrameBytesMax});
  router.add_websocket(
      "/repeat",
      [this](const net::Request& request, std::unique_ptr<net::WebSocket> link) {
        repeating_->accept(request, std::move(link));
      },
      gateway::kRepeatLimits);
  router.add("GET", "/healthz", answer([] { return net::Response::text(200, "ok\n"); }));
  router.add("GET", "/readyz", answer([this] {
               if (stopping_) return net::Response::text(503, "the gateway stops\n");
               if (link_->connected()) return net::Response::text(200, "ready\n");
               return net::Response::text(503, "the gateway has no server: " + link_->why() + "\n");
             }));
  router.add(
      "GET", "/metrics", answer([this] {
        auto stats = gateway_->stats();
        stats.behind = repeating_->gateways();
        return net::Response::bytes(
            gateway::metrics_text(stats, gateway_->content_stats(), http_->stats(),
                                  answering_ ? answering_->stats() : discovery::ResponderStats{},
                                  name_, link_->connected()),
            "text/plain; version=0.0.4; charset=utf-8");
      }));
  MUSTER_ASSIGN(tls_, net::TlsServerContext::make(member::tls_identity(*credential_),
                                                  credential_->authority.pem()));
  net::HttpServerOptions options;
  options.address = config_.address;
  options.port = config_.port;
  http_ = std::make_unique<net::HttpServer>(loop_, tls_, std::move(router), std::move(options));
  return http_->start();
}

runtime::Task<void> GatewayProcess::keep_certified() {
  core::Random random = core::random_seeded();
  core::MonoTime not_before{};
  std::string serial;
  core::WallTime due{};
  while (co_await runtime::sleep_for(kRenewalCheck)) {
    const identity::Certificate& current = credential_->certificate;
    if (serial != current.serial()) {
      serial = current.serial();
      due = identity::renewal_due(current.not_before(), current.not_after(), random);
    }
    const auto now = core::mono_now();
    if (!link_->connected() || now < not_before || core::wall_now() < due) continue;
    not_before = now + kRenewalRetry;
    link_->renew(identity::make_request(credential_->key), [this](core::Result<std::string> pem) {
      const auto taken = pem ? take_certificate(*pem) : core::fail(std::move(pem.error()));
      if (!taken)
        core::log(Level::kWarn, "gateway",
                  "the certificate could not be renewed; it is tried again",
                  {{"why", taken.error().message}});
    });
  }
}

core::Status GatewayProcess::take_certificate(const std::string& pem) {
  MUSTER_ASSIGN(auto renewed, member::check_renewed(*credential_, pem));
  MUSTER_TRY(folder_.save_certificate(renewed));
  credential_->certificate = std::move(renewed);
  MUSTER_TRY(tls_->replace_identity(member::tls_identity(*credential_)));
  MUSTER_ASSIGN(auto tls, tls_to_server());
  link_->set_tls(std::move(tls));
  core::log(Level::kInfo, "gateway", "renewed the certificate",
            {{"valid_until", core::to_rfc3339(credential_->certificate.not_after())}});
  return {};
}

void GatewayProcess::run() {
  signals_ = std::make_unique<runtime::SignalWatch>(
      loop_, std::initializer_list<int>{SIGINT, SIGTERM}, [this](int) {
        if (std::exchange(stopping_, true)) std::_Exit(1);
        core::log(Level::kInfo, "gateway", "stopping");
        ending_.spawn(stop());
      });
  loop_.run();
}

runtime::Task<void> GatewayProcess::stop() {
  gateway_->stop(kReturnSpread);
  co_await repeating_->stop();
  co_await http_->stop(kStopGrace);
  co_await runtime::sleep_for(200ms);  // goodbyes leave
  link_->close();
  co_await tasks_.stop();
  co_await runtime::sleep_for(100ms);
  loop_.stop();
}

}  // namespace muster::cli
