// SPDX-License-Identifier: Apache-2.0
//
// The other end of a connection, without a network: what was sent is kept, and the
// test says what arrives. As with a WebSocket, on_closed() never comes from inside a
// call and never after the socket's end.
#pragma once

#include <gtest/gtest.h>

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/websocket.h"
#include "runtime/loop.h"
#include "wire/frame.h"

namespace muster::net::testing {

/// What remains to be looked at when the socket itself is gone.
struct SocketRecord {
  std::vector<std::string> sent;
  std::optional<CloseCode> closed;
  std::string reason;
  bool full = false;       ///< the next send() is refused
  std::size_t queued = 0;  ///< what queued_bytes() says
  bool paused = false;     ///< nothing is read
  WebSocketHandler* handler = nullptr;
  bool destroyed = false;

  void deliver(std::string_view message) {
    ASSERT_NE(handler, nullptr);
    handler->on_message(message);
  }
  template <std::derived_from<google::protobuf::MessageLite> Message>
  void deliver(const Message& message) {
    deliver(std::string_view(wire::encode(message)));
  }
  /// The connection breaks; the handler may destroy the socket.
  void break_off(std::string why = "the connection broke") {
    std::exchange(handler, nullptr)->on_closed({core::Code::kUnavailable, std::move(why)});
  }

  /// The messages of one kind that were sent; region frames or link frames.
  template <typename Message>
  std::vector<Message> all() const {
    std::vector<Message> found;
    for (const std::string& frame : sent) {
      constexpr auto kind = static_cast<unsigned>(wire::KindOf<Message>::kind);
      EXPECT_GE(frame.size(), 2U);
      if (static_cast<unsigned char>(frame[0]) * 256U + static_cast<unsigned char>(frame[1]) !=
          kind)
        continue;
      EXPECT_TRUE(wire::decode(std::string_view(frame).substr(2), found.emplace_back()));
    }
    return found;
  }
  template <typename Message>
  Message last() const {
    const auto found = all<Message>();
    EXPECT_FALSE(found.empty()) << "nothing of kind " << wire::KindOf<Message>::kind;
    return found.empty() ? Message{} : found.back();
  }
};

class FakeSocket final : public MessageSocket {
 public:
  /// `certificate` is the peer's, if it showed one, and outlives this.
  FakeSocket(runtime::Loop& loop, std::shared_ptr<SocketRecord> record,
             x509_st* certificate = nullptr)
      : loop_(loop), record_(std::move(record)), certificate_(certificate) {}
  ~FakeSocket() override {
    record_->destroyed = true;
    record_->handler = nullptr;
  }

  void start(WebSocketHandler& handler) override { record_->handler = &handler; }
  bool send(std::string_view message) override {
    if (record_->full || record_->closed) return false;
    record_->sent.emplace_back(message);
    return true;
  }
  void close(CloseCode code, std::string_view reason) override {
    if (record_->closed) return;
    record_->closed = code;
    record_->reason = std::string(reason);
    loop_.post([record = record_] {
      if (auto* handler = std::exchange(record->handler, nullptr))
        handler->on_closed({core::Code::kCancelled, "closed by us"});
    });
  }
  void notify_below(std::uint32_t) override {
    loop_.post([record = record_] {
      if (record->handler) record->handler->on_drained();
    });
  }
  std::size_t queued_bytes() const override { return record_->queued; }
  void pause_reading(bool paused) override { record_->paused = paused; }
  x509_st* peer_certificate_native() const override { return certificate_; }

 private:
  runtime::Loop& loop_;
  std::shared_ptr<SocketRecord> record_;
  x509_st* certificate_;
};

}  // namespace muster::net::testing
