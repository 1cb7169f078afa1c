// SPDX-License-Identifier: Apache-2.0
//
// WebSocketCore is what the poller keeps alive of a WebSocket until its connection is
// closed: the connection and the two halves of its traffic. See websocket.h for the contract.
#pragma once

#include <memory>
#include <string>

#include "net/detail/poller.h"
#include "net/detail/tls_channel.h"
#include "net/detail/websocket_frame.h"
#include "net/websocket.h"

namespace muster::net::detail {

class WebSocketCore final : public Poller::Link,
                            public std::enable_shared_from_this<WebSocketCore> {
 public:
  WebSocketCore(std::unique_ptr<TlsChannel> channel, bool server,
                std::shared_ptr<const WebSocketLimits> limits, std::string received);

  void start(WebSocketHandler& handler);
  bool send(std::string_view message);
  void close(std::uint16_t code, std::string_view reason);
  void pause_reading(bool paused);
  void notify_below(std::uint32_t bytes);
  /// The owner is gone: no callback any more.
  void detach();

  std::size_t queued_bytes() const { return out_.size() - sent_; }
  TlsChannel& channel() { return *channel_; }

  void on_ready(Poller::Ready ready) override;
  void on_flush() override;

 private:
  void read_later();
  void on_readable();
  bool consume(std::span<char> bytes);  // false: stop reading for now
  bool on_step(FrameReader::Step step);
  void on_close_frame(std::string_view payload);
  void flush();
  void schedule_flush();
  void queue(Opcode opcode, std::string_view payload);
  void queue_close(std::uint16_t code, std::string_view reason);
  void start_timer(core::Duration after);
  void on_timer();
  /// Sends the close frame, tells the handler, and reads on a while what the peer still
  /// sends: closing at once would reset the connection and destroy the close frame.
  void end_politely(std::uint16_t code, core::Error why);
  void end(core::Error why);
  void tell(core::Error why);
  void shut();

  std::unique_ptr<TlsChannel> channel_;
  std::shared_ptr<const WebSocketLimits> limits_;
  WebSocketHandler* handler_ = nullptr;
  std::unique_ptr<std::string> received_;  // by the HTTP parser, until start()
  std::unique_ptr<core::Error> why_;       // set when ended
  std::unique_ptr<runtime::Timer> timer_;  // while closing
  Poller::Ticket ticket_ = Poller::kNone;
  std::string out_;
  std::size_t sent_ = 0;  // of out_
  FrameReader reader_;
  std::uint32_t notify_below_ = 0;
  const bool server_;
  bool started_ = false;
  bool detached_ = false;
  bool told_ = false;
  bool shut_ = false;       // the channel is closed
  bool lingering_ = false;  // reads only to throw away
  bool paused_ = false;
  bool read_pending_ = false;   // an on_readable() is on its way
  bool flush_pending_ = false;  // a flush() is on its way
  bool write_waits_ = false;    // the socket is full
  bool read_waits_ = false;     // OpenSSL must write before it can read on
  bool refused_ = false;        // a send() was, since the last on_drained()
  bool notify_ = false;         // on_drained() is wanted at notify_below_
  bool close_sent_ = false;
};

}  // namespace muster::net::detail
