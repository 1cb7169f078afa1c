// SPDX-License-Identifier: Apache-2.0
//
// RawStream carries bytes that are none of our business: a TLS session between two others,
// which a process in between passes on without being able to read it.
//
// It is a TCP connection, or one end of a pair inside this process, whose other end becomes a
// TlsStream. Nothing is parsed and nothing is kept but what the socket does not take.
//
// Lives on one loop. Callbacks come from that loop, never from inside a call of this class and
// never after the destructor; a callback may destroy its RawStream.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

#include "core/result.h"
#include "net/http_client.h"
#include "net/tls_stream.h"
#include "runtime/loop.h"

namespace muster::net {

class RawStreamHandler {
 public:
  virtual ~RawStreamHandler() = default;
  /// What has come; valid during the call only, at most 64 KiB.
  virtual void on_bytes(std::string_view bytes) = 0;
  /// What notify_below() asked for.
  virtual void on_room() = 0;
  /// The other side has ended it, or it broke; the last callback.
  virtual void on_ended(core::Error why) = 0;
};

class RawStream {
 public:
  using Socket = TlsStream::Socket;
  /// Bytes that wait to be sent; send() refuses what would exceed it.
  static constexpr std::size_t kQueueBytesMax = 4 * 1024 * 1024;

  explicit RawStream(Socket socket);
  /// Drops the connection.
  ~RawStream();
  RawStream(const RawStream&) = delete;
  RawStream& operator=(const RawStream&) = delete;

  /// Resolves and connects, as connect_tls() does.
  static runtime::Task<core::Result<std::unique_ptr<RawStream>>> connect(runtime::Loop& loop,
                                                                         ServerAddress server,
                                                                         core::Duration at_most);
  /// Two ends of a connection inside this process.
  static core::Result<std::pair<Socket, Socket>> pair(runtime::Loop& loop);

  /// Begins to read. `handler` must outlive this object or its on_ended(). Call once.
  void start(RawStreamHandler& handler);
  /// False when the queue is full: nothing of it is sent.
  [[nodiscard]] bool send(std::string_view bytes);
  /// While paused nothing is read, so that the other side is slowed down.
  void pause_reading(bool paused);
  /// on_room() will come once, as soon as no more than `bytes` wait to be sent.
  void notify_below(std::size_t bytes);
  std::size_t queued_bytes() const;

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace muster::net
