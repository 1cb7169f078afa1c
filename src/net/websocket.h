// SPDX-License-Identifier: Apache-2.0
//
// WebSocket carries binary messages (RFC 6455) over a TlsStream: an agent's link, a
// gateway's link. A gateway holds tens of thousands that do nothing most of the time,
// so a link at rest has no coroutine, no timer and no buffer: bytes are read into one
// buffer per thread, and only an unfinished message is kept.
//
// Lives on one loop. Callbacks come from that loop, never from inside a call of this
// class, and never after the destructor; a callback may destroy its WebSocket.
// Messages of one turn of the loop travel together in as few TLS records as fit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"
#include "net/tls_stream.h"
#include "runtime/loop.h"

struct x509_st;

namespace muster::net {

struct WebSocketLimits {
  /// A longer message ends the link with status 1009.
  std::size_t message_bytes_max = 1024 * 1024;
  /// Bytes that wait to be sent; send() refuses what would exceed it.
  std::size_t queue_bytes_max = 4 * 1024 * 1024;
};

/// Status codes of RFC 6455, 7.4.1.
enum class CloseCode : std::uint16_t {
  kNormal = 1000,
  kGoingAway = 1001,
  kProtocolError = 1002,
  kUnsupported = 1003,
  kPolicy = 1008,
  kTooBig = 1009,
  kInternal = 1011,
};

class WebSocketHandler {
 public:
  virtual ~WebSocketHandler() = default;
  /// One whole message; the bytes are valid during the call only.
  virtual void on_message(std::string_view message) = 0;
  /// The link has ended, by whichever side; the last callback. kCancelled after our own
  /// close(), kUnavailable when the peer closed or the connection broke, kInvalid or
  /// kLimit when the peer broke a rule.
  virtual void on_closed(core::Error why) = 0;
  /// After send() had refused a message: the queue is down to a quarter of its limit. Or
  /// what notify_below() asked for.
  virtual void on_drained() {}
};

/// What carries whole messages both ways; the contracts are WebSocket's. Whoever only
/// talks takes this, so that a test can stand at the other end without a network.
class MessageSocket {
 public:
  virtual ~MessageSocket() = default;
  virtual void start(WebSocketHandler& handler) = 0;
  [[nodiscard]] virtual bool send(std::string_view message) = 0;
  virtual void close(CloseCode code, std::string_view reason) = 0;
  virtual void notify_below(std::uint32_t bytes) = 0;
  virtual std::size_t queued_bytes() const = 0;
  virtual void pause_reading(bool paused) = 0;
  virtual x509_st* peer_certificate_native() const = 0;
  virtual void forget_peer_certificate() {}
};

namespace detail {
class WebSocketCore;
}

class WebSocket final : public MessageSocket {
 public:
  enum class Role { kServer, kClient };

  /// After the upgrade. `received`: bytes that the HTTP parser had read beyond it.
  WebSocket(TlsStream stream, Role role, std::shared_ptr<const WebSocketLimits> limits,
            std::string received = {});
  /// Drops the connection without a closing handshake.
  ~WebSocket() override;
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  /// Begins to read. `handler` must outlive this object or its on_closed(). Call once.
  void start(WebSocketHandler& handler) override;

  /// Queues one binary message. False when the queue is full (on_drained() will come)
  /// or the link is closing; the message is then not sent at all.
  [[nodiscard]] bool send(std::string_view message) override;
  /// Sends what is queued and a close frame, then waits at most 5 s for the peer's.
  /// `reason` is cut to 123 bytes. on_closed() follows.
  void close(CloseCode code, std::string_view reason) override;
  /// While paused nothing is read, so that the peer is slowed down by TCP.
  void pause_reading(bool paused) override;

  /// on_drained() will come once, as soon as no more than `bytes` wait to be sent.
  void notify_below(std::uint32_t bytes) override;

  std::size_t queued_bytes() const override;
  /// DER of the peer's verified leaf certificate.
  std::string peer_certificate() const;
  /// The same as OpenSSL's object, not counted up: parsing it anew costs as much as a
  /// signature. Null where the peer showed none.
  x509_st* peer_certificate_native() const override;
  /// Gives back most of the memory of the peer's certificate, where all that it says was
  /// read: the two above find none from here on, and no copy of the native one may be kept.
  void forget_peer_certificate() override;
  std::string remote_address() const;

 private:
  std::shared_ptr<detail::WebSocketCore> core_;
};

}  // namespace muster::net
