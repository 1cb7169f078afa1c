// SPDX-License-Identifier: Apache-2.0
//
// GatewayLink is a gateway that runs apart: the messages of link::RegionGateway and
// link::RegionServer as frames on the WebSocket at /region (docs/protocols/region.md).
//
// The gateway's certificate says its name; its first frame must be GatewayHello.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/clock.h"
#include "link/region_ports.h"
#include "net/websocket.h"
#include "runtime/loop.h"
#include "server/gateway_hub.h"

namespace muster::server {

class GatewayLink final : public net::WebSocketHandler, public link::RegionGateway {
 public:
  using Gone = std::function<void(GatewayLink&)>;
  /// A gateway sends a ping every 10 s; after so long a silence it is gone.
  static constexpr core::Duration kSilenceMax = std::chrono::seconds(35);

  /// `certificate` is the gateway's, verified; `name` is the one in it.
  GatewayLink(runtime::Loop& loop, GatewayHub& hub, std::string region,
              identity::Certificate certificate, std::string name,
              std::unique_ptr<net::MessageSocket> socket, Gone gone,
              core::Duration silence_max = kSilenceMax);
  ~GatewayLink() override;

  void start();
  /// Tells the gateway why, hears nothing more from it, and is gone soon.
  void close(std::string_view reason);
  const identity::Certificate& certificate() const { return certificate_; }
  const std::string& name() const { return name_; }

  void on_message(std::string_view message) override;
  void on_closed(core::Error why) override;
  void on_drained() override;

  void admit(wire::Admit message) override;
  void dispatch(wire::Dispatch message) override;
  void cancel_run(wire::CancelRun message) override;
  void acks(wire::Acks message) override;
  void kick(wire::Kick message) override;
  void upcall_reply(wire::UpcallReplyDown message) override;
  void content_data(wire::ContentDataDown message) override;
  void chunks_taken(wire::ChunksTaken message) override;
  void intake_taken(wire::IntakeTaken message) override;
  std::size_t backlog_bytes() const override { return socket_->queued_bytes(); }

 private:
  template <typename Message>
  void send(const Message& message);
  core::Status receive(std::string_view bytes);
  core::Status hello(std::string_view body);
  void watch_silence();

  GatewayHub& hub_;
  const std::string region_;
  const identity::Certificate certificate_;
  const std::string name_;
  std::unique_ptr<net::MessageSocket> socket_;
  Gone gone_;
  link::RegionServer* server_ = nullptr;  ///< After GatewayHello, until close().
  bool closing_ = false;
  const core::Duration silence_max_;
  runtime::Timer silence_;
};

}  // namespace muster::server
