// SPDX-License-Identifier: Apache-2.0
#include "net/websocket.h"

#include "net/detail/websocket_core.h"

namespace muster::net {

WebSocket::WebSocket(TlsStream stream, Role role, std::shared_ptr<const WebSocketLimits> limits,
                     std::string received)
    : core_(std::make_shared<detail::WebSocketCore>(std::move(stream).release(),
                                                    role == Role::kServer, std::move(limits),
                                                    std::move(received))) {}

WebSocket::~WebSocket() {
  core_->detach();
}

void WebSocket::start(WebSocketHandler& handler) {
  core_->start(handler);
}

bool WebSocket::send(std::string_view message) {
  return core_->send(message);
}

void WebSocket::close(CloseCode code, std::string_view reason) {
  core_->close(static_cast<std::uint16_t>(code), reason);
}

void WebSocket::pause_reading(bool paused) {
  core_->pause_reading(paused);
}

std::size_t WebSocket::queued_bytes() const {
  return core_->queued_bytes();
}

std::string WebSocket::peer_certificate() const {
  return core_->channel().peer_certificate();
}

x509_st* WebSocket::peer_certificate_native() const {
  return core_->channel().peer_certificate_native();
}

void WebSocket::forget_peer_certificate() {
  core_->channel().forget_peer_certificate();
}

std::string WebSocket::remote_address() const {
  return core_->channel().remote().to_string();
}

}  // namespace muster::net
