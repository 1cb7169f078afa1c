// SPDX-License-Identifier: Apache-2.0
//
// LinkConnection ties one WebSocket to one GatewaySession and names the endpoint
// behind it. A gateway holds tens of thousands: keep it small.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/ids.h"
#include "link/gateway_session.h"
#include "net/websocket.h"

namespace muster::gateway {

class Gateway;

class LinkConnection final : public net::WebSocketHandler, public link::GatewayPort {
 public:
  /// What only the login needs; dropped once the server has decided.
  struct Login {
    std::string address;
    std::string serial;
    wire::Hello hello;
  };

  LinkConnection(Gateway& gateway, std::uint64_t number, core::EndpointId endpoint,
                 std::unique_ptr<net::MessageSocket> socket, Login login, core::MonoTime now);

  void start() { socket_->start(*this); }

  link::GatewaySession& session() { return session_; }
  const core::EndpointId& endpoint() const { return endpoint_; }
  std::uint64_t number() const { return number_; }
  std::unique_ptr<Login>& login() { return login_; }
  const std::array<char, 16>& instance() const { return instance_; }
  /// Runs whose results the server has, and the endpoint does not know yet.
  std::vector<std::uint64_t>& acks() { return acks_; }
  /// Runs of methods that go on there, by the orders that passed and what the endpoint said.
  static constexpr std::size_t kRunsMax = 512;
  void begins(std::uint64_t run);
  void ended(std::uint64_t run) { std::erase(runs_, run); }
  bool goes_on(std::uint64_t run) const { return std::ranges::find(runs_, run) != runs_.end(); }
  /// The server knows of this link.
  bool reported() const { return reported_; }
  void set_reported(bool reported) { reported_ = reported; }

  // net::WebSocketHandler
  void on_message(std::string_view message) override;
  void on_closed(core::Error why) override;
  void on_drained() override;

  /// Queues an encoded ContentData; the gateway hears when the socket has room again.
  void pass_content(std::string_view frame);

  // link::GatewayPort
  void send(std::string_view frame) override;
  void closed(const link::Ending& ending) override;
  void hello(wire::Hello&& hello) override;
  void started(wire::Started&& started) override;
  void output(wire::Output&& output) override;
  void announced(wire::Announce&& announce) override;
  void chunk(wire::Chunk&& chunk, bool last) override;
  void upcall(wire::Upcall&& upcall) override;
  void content_request(wire::ContentRequest&& request) override;

 private:
  Gateway& gateway_;
  std::unique_ptr<net::MessageSocket> socket_;
  link::GatewaySession session_;
  std::unique_ptr<Login> login_;
  std::uint64_t number_;
  core::EndpointId endpoint_;
  std::array<char, 16> instance_{};
  bool reported_ = false;
  std::vector<std::uint64_t> acks_;
  std::vector<std::uint64_t> runs_;
};

}  // namespace muster::gateway
