// SPDX-License-Identifier: Apache-2.0
//
// ServerLink is the way of a gateway that runs apart to its server: it dials, says who
// it is, sends what the gateway reports and passes on what the server orders. While
// there is no way, the gateway admits nobody, and after a while it sends its endpoints
// to look elsewhere; when there is one again, every endpoint logs in anew and tells what
// it holds, so nothing needs to be kept here.
//
// An address may be another gateway's, which lets this one stand behind it: then what is said to
// the server goes through a tunnel, and content comes from there (upper.h).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/gateway.h"
#include "gateway/repeating.h"
#include "gateway/way_up.h"
#include "link/reconnect.h"
#include "net/http_client.h"
#include "net/websocket.h"
#include "runtime/loop.h"
#include "runtime/signal.h"

namespace muster::gateway {

class ServerLink final : public net::WebSocketHandler, public link::RegionServer, public Upstream {
 public:
  struct Times {
    core::Duration heartbeat = std::chrono::seconds(10);
    core::Duration silence_max = std::chrono::seconds(35);
    /// A server that restarts is back by then; endpoints that wait longer may have another way.
    core::Duration patience = std::chrono::seconds(30);
    /// How often a gateway that has found another way looks whether the one above, which is named
    /// before it, is back.
    core::Duration look_back = std::chrono::minutes(5);
  };

  /// `servers`: not empty, in order of preference; each is a way into the region, so another is
  /// tried when one does not answer. With a `tls` that accepts gateways some may be theirs.
  ServerLink(runtime::Loop& loop, std::vector<net::ServerAddress> servers,
             std::shared_ptr<const net::TlsClientContext> tls, Gateway& gateway);
  ServerLink(runtime::Loop& loop, std::vector<net::ServerAddress> servers,
             std::shared_ptr<const net::TlsClientContext> tls, Gateway& gateway, Times times);
  ~ServerLink() override;

  /// Dials, and dials again, until close() and the task's cancellation.
  runtime::Task<void> keep_connected();
  /// For good; then cancel the task.
  void close();
  /// A connection that was dialled: says hello on it. REQUIRES: there is no other.
  void take(std::unique_ptr<net::MessageSocket> socket) { take({nullptr, std::move(socket)}); }
  void take(WayUp way);
  /// Called when there is a server, and when there is none any more.
  void on_change(std::function<void()> changed) { changed_ = std::move(changed); }

  bool connected() const { return welcomed_; }
  /// Why there is no connection: a sentence; empty before the first attempt has ended.
  const std::string& why() const { return why_; }

  // Upstream
  Standing standing() const override;
  runtime::Task<core::Result<Tunnel>> tunnel(core::Duration at_most) override;
  /// What was dialled last.
  const net::ServerAddress& address() const { return server_; }

  /// Asks for the gateway's next certificate. `answer` comes once, also when the
  /// connection breaks. REQUIRES: connected(), and no such question is open.
  void renew(std::string csr_pem, std::function<void(core::Result<std::string>)> answer);
  /// Others than before, as the leader of the region's servers has changed: the connection that
  /// there is ends. REQUIRES: not empty.
  void set_servers(std::vector<net::ServerAddress> servers);
  /// For the next connection.
  void set_tls(std::shared_ptr<const net::TlsClientContext> tls) { tls_ = std::move(tls); }

  void on_message(std::string_view message) override;
  void on_closed(core::Error why) override;

  void link_up(wire::LinkUp message) override;
  void link_down(wire::LinkDown message) override;
  void reports(wire::Reports message) override;
  void upcall(wire::UpcallUp message) override;
  void notice(wire::Notice message) override;
  void content_request(wire::ContentRequestUp message) override;
  void intake(wire::IntakeUp message) override;

 private:
  template <typename Message>
  void send(const Message& message);
  core::Status receive(std::string_view bytes);
  void say_hello();
  runtime::Task<std::optional<WayUp>> until_lost();
  void beat();
  core::Status welcome(const wire::GatewayWelcome& message);
  void upcall_reply(wire::UpcallReplyDown message);
  void renewed(core::Result<std::string> answer);

  runtime::Loop& loop_;
  std::vector<net::ServerAddress> servers_;
  std::size_t next_ = 0;       ///< of servers_: what is dialled, or was last
  net::ServerAddress server_;  ///< the one that was dialled last
  std::shared_ptr<const net::TlsClientContext> tls_;
  Gateway& gateway_;
  const Times times_;
  const std::string instance_;
  link::Reconnect reconnect_;
  std::unique_ptr<Upper> upper_;  ///< outlives the socket, which is its tunnel's end
  std::unique_ptr<net::MessageSocket> socket_;
  std::vector<std::string> waiting_;  ///< see Standing
  std::function<void()> changed_;
  runtime::Signal ended_;
  std::string why_;
  bool welcomed_ = false;
  bool stopping_ = false;
  std::function<void(core::Result<std::string>)> renewal_;
  runtime::Timer heartbeat_;
  runtime::Timer patience_;  ///< Since the server was lost.
  core::MonoTime last_heard_{};
  std::uint64_t sequence_ = 0;
};

}  // namespace muster::gateway
