// SPDX-License-Identifier: Apache-2.0
#include "cli/standing_process.h"

#include <csignal>
#include <cstdlib>

#include "core/log.h"
#include "member/credential.h"
#include "member/this_machine.h"

namespace muster::cli {
namespace {

using namespace std::chrono_literals;

constexpr core::Duration kLook = 200ms;
constexpr core::Duration kStopGrace = 5s;
constexpr core::Duration kReturnSpread = 2s;
/// Others wait for the new leader: requests to the old one are as good as over.
constexpr core::Duration kLeadGrace = 200ms;

// A name for a certificate: 63 characters, none of them a mark at the end.
std::string gateway_name(const std::string& server) {
  std::string name = (StandingProcess::kGatewayPrefix + server).substr(0, 63);
  while (name.ends_with('-') || name.ends_with('.')) name.pop_back();
  return name;
}

}  // namespace

StandingProcess::StandingProcess(server::ServerConfig config, store::Servers& servers)
    : servers_(servers),
      standing_(loop_, config, servers),
      red_button_(config.state, servers),
      tasks_(loop_, "standing"),
      ending_(loop_, "standing"),
      look_timer_(loop_) {}

StandingProcess::~StandingProcess() = default;

core::Status StandingProcess::start() {
  MUSTER_TRY(standing_.open());
  MUSTER_TRY(open_gateway());
  MUSTER_TRY(
      standing_.serve([this](const net::Request& request, std::unique_ptr<net::WebSocket> link) {
        gateway_->accept(request, std::move(link));
      }));
  tasks_.spawn(link_->keep_connected());
  gateway_->start();
  look();
  return {};
}

core::Status StandingProcess::open_gateway() {
  const std::string name = gateway_name(server::server_name(standing_.config()));
  const auto& authority = standing_.authority();
  gateway_ = std::make_unique<gateway::Gateway>(
      loop_, gateway::GatewayOptions{
                 .region = authority.region(),
                 .name = name,
                 .addresses = server::own_addresses(standing_.config(), standing_.config().port)});
  MUSTER_TRY(gateway_->open_content({.folder = standing_.config().state / "gateway-content"}));
  MUSTER_ASSIGN(const auto credential,
                authority.gateway_credential(name, {}, {}, core::wall_now()));
  net::TlsClientOptions options;
  options.ca_pem = standing_.ca_pem();
  options.identity =
      net::TlsIdentity{credential.certificate.pem() + standing_.ca_pem(), credential.key.pem()};
  options.alpn = net::kAlpnLink;
  options.check_peer = member::check_server;
  MUSTER_ASSIGN(auto tls, net::TlsClientContext::make(std::move(options)));
  // Until somebody leads: this server itself, which passes links on, or says that it cannot.
  const auto& listens = standing_.config().address;
  const bool everywhere = member::is_any_address(listens);
  link_ = std::make_unique<gateway::ServerLink>(
      loop_,
      std::vector{net::ServerAddress{everywhere ? "127.0.0.1" : listens, standing_.config().port}},
      std::move(tls), *gateway_);
  gateway_->connect(*link_);
  return {};
}

void StandingProcess::look() {
  standing_.look();
  red_button_.look();
  const auto& leader = standing_.leader();
  if (leader && leader->str() != linked_to_) {
    linked_to_ = leader->str();
    link_->set_servers({*leader});
  }
  if (servers_.view().term != 0) return end(true);
  look_timer_.start(kLook, [this] { look(); });
}

bool StandingProcess::run() {
  signals_ = std::make_unique<runtime::SignalWatch>(
      loop_, std::initializer_list<int>{SIGINT, SIGTERM}, [this](int) {
        if (ending_begun_) std::_Exit(1);
        core::log(core::Level::kInfo, "server", "stopping");
        end(false);
      });
  loop_.run();
  return leads_;
}

void StandingProcess::end(bool leads) {
  if (std::exchange(ending_begun_, true)) return;
  leads_ = leads;
  look_timer_.cancel();
  ending_.spawn(stop());
}

runtime::Task<void> StandingProcess::stop() {
  if (leads_) handed_over_ = standing_.hand_over();
  // Hosts come back here at once where this very server leads from now on.
  gateway_->stop(leads_ ? core::Duration(0) : kReturnSpread);
  link_->close();
  co_await tasks_.stop();
  co_await standing_.stop(leads_ ? kLeadGrace : kStopGrace);
  co_await runtime::sleep_for(leads_ ? 20ms : 200ms);  // goodbyes leave
  loop_.stop();
}

}  // namespace muster::cli
