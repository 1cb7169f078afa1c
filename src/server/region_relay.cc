// SPDX-License-Identifier: Apache-2.0
#include "server/region_relay.h"

#include <algorithm>
#include <utility>

#include "core/bytes.h"
#include "core/log.h"
#include "member/credential.h"
#include "wire/limits.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;

constexpr core::Duration kConnectTime = 10s;
constexpr net::WebSocketLimits kLimits{wire::kRegionFrameBytesMax, 64UL * 1024 * 1024};

}  // namespace

/// Both ends of one gateway's link. It lives until both have ended.
class RegionRelay::Link {
 public:
  Link(RegionRelay& owner, std::unique_ptr<net::WebSocket> gateway)
      : owner_(owner), gateway_(*this, std::move(gateway)) {}

  void join(std::unique_ptr<net::WebSocket> server) {
    if (!gateway_.socket || gateway_.started) return;  // it was closed meanwhile
    server_.socket = std::move(server);
    gateway_.other = &server_;
    server_.other = &gateway_;
    server_.start();
    gateway_.start();
  }
  void close(net::CloseCode code, std::string_view reason) {
    if (!gateway_.started) gateway_.start();  // it hears the reason
    gateway_.close(code, reason);
    server_.close(code, reason);
  }

 private:
  struct End final : net::WebSocketHandler {
    explicit End(Link& of, std::unique_ptr<net::WebSocket> with = nullptr)
        : link(of), socket(std::move(with)) {}
    void start() {
      started = true;
      socket->start(*this);
    }
    void close(net::CloseCode code, std::string_view reason) {
      if (socket && started) socket->close(code, reason);
    }
    void on_message(std::string_view message) override {
      if (!other || !other->socket) return;  // it is closing
      if (!other->socket->send(message))
        return link.close(net::CloseCode::kPolicy, "the other end does not read its link");
      if (other->socket->queued_bytes() <= kAheadBytesMax) return;
      socket->pause_reading(true);
      other->socket->notify_below(kAheadBytesMax / 4);
    }
    void on_drained() override {
      if (other && other->socket) other->socket->pause_reading(false);
    }
    void on_closed(core::Error why) override {
      socket.reset();
      link.ended(why.message);
    }
    Link& link;
    std::unique_ptr<net::WebSocket> socket;
    End* other = nullptr;
    bool started = false;
  };

  void ended(const std::string& why) {
    if (gateway_.socket || server_.socket) {
      gateway_.close(net::CloseCode::kGoingAway, why);
      server_.close(net::CloseCode::kGoingAway, why);
      if (gateway_.socket || (server_.socket && server_.started)) return;
    }
    owner_.gone(this);  // destroys this, at the latest when a dial has ended
  }

  RegionRelay& owner_;
  End gateway_, server_{*this};
};

RegionRelay::RegionRelay(runtime::Loop& loop, net::TlsIdentity identity, std::string ca_pem)
    : loop_(loop),
      identity_(std::move(identity)),
      ca_pem_(std::move(ca_pem)),
      tasks_(loop, "region relay") {}

RegionRelay::~RegionRelay() = default;

void RegionRelay::lead_by(const std::optional<net::ServerAddress>& leader) {
  const auto text = [](const auto& address) { return address ? address->str() : std::string(); };
  if (text(leader) == text(leader_)) return;
  leader_ = leader;
  close("another server leads the region now");
}

void RegionRelay::close(std::string_view reason) {
  for (const auto& link : std::vector(links_)) link->close(net::CloseCode::kGoingAway, reason);
}

void RegionRelay::gone(const Link* link) {
  // Not from within its own callback.
  loop_.post([keep = [&] {
    const auto at = std::ranges::find_if(links_, [&](const auto& l) { return l.get() == link; });
    std::shared_ptr<Link> kept;
    if (at != links_.end()) {
      kept = std::move(*at);
      links_.erase(at);
    }
    return kept;
  }()] {});
}

void RegionRelay::accept(const net::Request& request, std::unique_ptr<net::WebSocket> gateway) {
  auto link = std::make_shared<Link>(*this, std::move(gateway));
  links_.push_back(link);
  if (!leader_ || links_.size() > kLinksMax) {
    const bool full = links_.size() > kLinksMax;
    return link->close(net::CloseCode::kGoingAway,
                       full ? "this server passes on as many links as it can"
                            : "no server leads the region at this moment");
  }
  tasks_.spawn(dial(std::move(link), "/region?for=" + core::to_hex(request.peer_certificate)));
}

runtime::Task<void> RegionRelay::dial(std::shared_ptr<Link> link, std::string target) {
  if (!tls_) {
    auto made = net::TlsClientContext::make({.ca_pem = ca_pem_,
                                             .identity = identity_,
                                             .alpn = std::string(net::kAlpnLink),
                                             .check_peer = member::check_server});
    if (made) tls_ = std::move(*made);
  }
  const auto leader = leader_;
  auto socket = co_await net::connect_websocket(loop_, *leader, tls_, std::move(target), kLimits,
                                                kConnectTime);
  if (socket) {
    told_why_.clear();
    co_return link->join(std::move(*socket));
  }
  // Each gateway tries again and again: the same reason is told once.
  const bool news = std::exchange(told_why_, socket.error().message) != socket.error().message;
  core::log(news ? core::Level::kWarn : core::Level::kDebug, "server",
            "a gateway's link could not be passed on",
            {{"to", leader->str()}, {"why", socket.error().message}});
  link->close(net::CloseCode::kGoingAway, "the server that leads cannot be reached from here");
}

runtime::Task<void> RegionRelay::stop() {
  close("the server stops");
  co_await tasks_.stop();
}

}  // namespace muster::server
