// SPDX-License-Identifier: Apache-2.0
//
// GatewayLink moves the bytes and the time of one EndpointSession: a WebSocket below
// it, one timer beside it. One per connection.
#pragma once

#include <functional>
#include <memory>

#include "link/endpoint_session.h"
#include "net/websocket.h"
#include "runtime/loop.h"

namespace muster::agent {

/// What the agent wants to know about its link.
class GatewayLinkObserver {
 public:
  virtual ~GatewayLinkObserver() = default;
  virtual void link_open(const wire::Welcome& welcome) = 0;
  /// Something happened on an open link (at least a heartbeat).
  virtual void link_alive() = 0;
  /// A piece of content that was asked for.
  virtual void link_content(const wire::ContentData& data) = 0;
  /// The last call; not from inside a call of GatewayLink.
  virtual void link_ended(const link::Ending& ending) = 0;
};

class GatewayLink final : private link::EndpointPort, private net::WebSocketHandler {
 public:
  GatewayLink(runtime::Loop& loop, std::unique_ptr<net::WebSocket> socket, link::EndpointRuns& runs,
              link::OrderPort& orders, GatewayLinkObserver& observer);
  ~GatewayLink() override;

  void start(link::EndpointSession::Identity identity);
  /// Work has moved on: the session may have planned something new.
  void touched() { arm(); }
  link::EndpointSession& session() { return session_; }

 private:
  void send(std::string_view frame) override;
  std::size_t backlog_bytes() const override;
  void notify_below(std::size_t bytes) override;
  void closed(const link::Ending& ending) override;
  void welcomed(const wire::Welcome& welcome) override;
  void content(const wire::ContentData& data) override { observer_.link_content(data); }
  void on_message(std::string_view message) override;
  void on_closed(core::Error why) override;
  void on_drained() override;
  void arm();
  void expired();

  std::unique_ptr<net::WebSocket> socket_;
  link::EndpointRuns& runs_;
  GatewayLinkObserver& observer_;
  link::EndpointSession session_;
  link::Ending ending_;
  runtime::Timer timer_;
  core::MonoTime armed_for_ = core::MonoTime::max();
  bool overflowed_ = false;
};

}  // namespace muster::agent
