// SPDX-License-Identifier: Apache-2.0
#include "cli/region_process.h"

#include <csignal>
#include <cstdlib>

#include "cli/config.h"
#include "core/log.h"
#include "member/this_machine.h"
#include "net/http_client.h"

namespace muster::cli {
namespace {

using namespace std::chrono_literals;

/// Running requests may take so long to end; endpoints come back spread over so long.
constexpr core::Duration kStopGrace = 5s;
constexpr core::Duration kReturnSpread = 2s;
/// How often the lease is looked at, and how long after it counts no more this process still
/// answers "not now" instead of ending: the database may have been away for everybody.
constexpr core::Duration kLeaseLook = 200ms;
constexpr core::Duration kDoubtMax = 1s;
constexpr core::Duration kFileWait = 5s;

}  // namespace

RegionProcess::RegionProcess(server::ServerConfig config, store::Servers* servers)
    : servers_(servers),
      term_(servers ? servers->view().term : 0),
      region_(loop_, std::move(config), servers),
      tasks_(loop_, "region"),
      ending_(loop_, "region"),
      lease_timer_(loop_) {}

RegionProcess::~RegionProcess() = default;

core::Status RegionProcess::start() {
  MUSTER_TRY(region_.open());
  gateway_ = std::make_unique<gateway::Gateway>(
      loop_, gateway::GatewayOptions{.region = region_.id(), .name = kGatewayName});
  MUSTER_TRY(gateway_->open_content({.folder = region_.config().state / "gateway-content"}));
  MUSTER_TRY(gateway_->open_intake(region_.config().state / "gateway-intake"));
  gateway_->connect(region_.gateways().connect(kGatewayName, *gateway_));
  gateway_->start();
  MUSTER_TRY(
      region_.serve([this](const net::Request& request, std::unique_ptr<net::WebSocket> link) {
        gateway_->accept(request, std::move(link));
      }));
  if (!servers_) return {};
  red_button_ = std::make_unique<server::RedButton>(region_.config().state, *servers_);
  answered_ = core::mono_now();
  watch_lease();
  return {};
}

// Another server leads, or this one has been cut off from the database for longer than its lease
// lasts while there are others: it ends as if it had been killed, but for what it says.
void RegionProcess::watch_lease() {
  if (stopping_) return;
  const auto now = core::mono_now();
  if (servers_->may_answer()) answered_ = now;
  if (servers_->view().term != term_ || now - answered_ > kDoubtMax) {
    deposed_ = stopping_ = true;
    region_.abandon();
    ending_.spawn(stop());
    return;
  }
  auto& stop_switch = region_.stop_switch();
  if (const auto change = red_button_->lead(stop_switch.stopped())) {
    const auto follow = [](server::StopSwitch& which,
                           std::optional<jobs::Hold> order) -> runtime::Task<void> {
      if (order)
        (void)co_await which.stop(*order, kFileWait);
      else
        (void)co_await which.lift("somebody on another server");
    };
    tasks_.spawn(follow(stop_switch, change->order));
  }
  lease_timer_.start(kLeaseLook, [this] { watch_lease(); });
}

core::Status RegionProcess::write_client_file(const std::filesystem::path& path) {
  Region file;
  file.server = "https://" + local_address();
  file.ca_pem = region_.ca_pem();
  if (auto known = load_region(path); known && known->ca_pem == file.ca_pem) {
    if (known->server == file.server) return {};
    file.token = std::move(known->token);
  } else {
    MUSTER_ASSIGN(auto token, region_.api_tokens().create_for(
                                  "admin", {.name = "muster on the server's own machine",
                                            .lasts = {},
                                            .role = {},
                                            .selector = ""}));
    file.token = token.token;
  }
  return save_region(path, file);
}

std::string RegionProcess::local_address() const {
  const std::string& listens = region_.config().address;
  const bool everywhere = member::is_any_address(listens);
  return net::ServerAddress{everywhere ? "127.0.0.1" : listens, region_.port()}.str();
}

void RegionProcess::run(std::function<runtime::Task<void>()> also,
                        std::function<runtime::Task<void>()> before_stop) {
  before_stop_ = std::move(before_stop);
  signals_ = std::make_unique<runtime::SignalWatch>(
      loop_, std::initializer_list<int>{SIGINT, SIGTERM}, [this](int) {
        if (stopping_) std::_Exit(1);
        request_stop();
      });
  if (also) tasks_.spawn(also());
  loop_.run();
}

void RegionProcess::request_stop() {
  if (stopping_) return;
  stopping_ = true;
  core::log(core::Level::kInfo, "server", "stopping");
  ending_.spawn(stop());
}

runtime::Task<void> RegionProcess::stop() {
  if (deposed_) handed_over_ = region_.hand_over();
  if (before_stop_) co_await before_stop_();
  lease_timer_.cancel();
  gateway_->stop(kReturnSpread);
  co_await tasks_.stop();
  co_await region_.stop(deposed_ ? core::Duration(0) : kStopGrace);
  co_await runtime::sleep_for(200ms);  // goodbyes leave
  loop_.stop();
}

}  // namespace muster::cli
