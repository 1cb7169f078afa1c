// SPDX-License-Identifier: Apache-2.0
//
// TlsStream is a TLS connection: OpenSSL straight on a non-blocking socket, which Asio
// only tells when it is ready. There are no buffers between the two, so a connection
// at rest costs what OpenSSL costs (Asio's own ssl::stream costs twice that).
//
// Lives on one loop. Movable; a WebSocket takes it over whole. At most one task reads
// and one writes at a time.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "net/tls_context.h"
#include "runtime/loop.h"
#include "runtime/task.h"

namespace muster::net {

namespace detail {
class TlsChannel;
}

class TlsStream {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  /// The server's end. `handshake_max` covers everything up to the end of the
  /// handshake. A first byte that is not TLS is answered in plain HTTP where it looks
  /// like HTTP, and is an error in any case.
  static runtime::Task<core::Result<TlsStream>> accept(
      runtime::Loop& loop, Socket socket, std::shared_ptr<const TlsServerContext> context,
      core::Duration handshake_max);

  /// The client's end of a connected socket. Errors say which side refused what:
  /// expired certificate, foreign CA, wrong clock, missing certificate.
  static runtime::Task<core::Result<TlsStream>> connect(
      runtime::Loop& loop, Socket socket, std::shared_ptr<const TlsClientContext> context,
      core::Duration handshake_max);

  /// A connected socket as it is, without TLS: to a program on this machine, or one that the
  /// administrator trusts the way to. It has no certificate and no protocol.
  static TlsStream plain(runtime::Loop& loop, Socket socket);

  explicit TlsStream(std::unique_ptr<detail::TlsChannel> channel);
  TlsStream(TlsStream&&) noexcept;
  TlsStream& operator=(TlsStream&&) noexcept;
  ~TlsStream();

  /// At least one byte into `into`, or 0 when the peer has ended the stream in order.
  /// kTimeout after `at_most`, kUnavailable when the connection broke.
  runtime::Task<core::Result<std::size_t>> read_some(std::span<char> into, core::Duration at_most);
  /// All of `bytes`. `at_most` is for the whole; kTimeout leaves the stream unusable.
  runtime::Task<core::Status> write(std::string_view bytes, core::Duration at_most);
  /// Ends the stream in order as far as this side goes, then closes the socket.
  void close();
  /// The same, but reads on for at most `at_most` and throws away what comes: a peer that
  /// is still sending would otherwise lose the last answer.
  runtime::Task<void> finish(core::Duration at_most);
  /// Makes the waits of this stream fail with kCancelled.
  void cancel();

  /// Calls `on_gone` once when the peer ends or breaks the connection while nothing is
  /// read; ends by itself when the peer sends bytes. unwatch() before reading again.
  void watch(std::function<void()> on_gone);
  void unwatch();

  /// Nothing is to be read and the connection has not ended, as far as is known here.
  bool quiet();

  /// DER of the peer's verified leaf certificate; empty where it showed none.
  std::string peer_certificate() const;
  /// The negotiated protocol; empty where the client named none.
  std::string_view alpn() const;
  /// "192.0.2.7" or "2001:db8::7", without port.
  std::string remote_address() const;
  runtime::Loop& loop() const;

  /// For WebSocket, which takes the connection over.
  std::unique_ptr<detail::TlsChannel> release() &&;

 private:
  std::unique_ptr<detail::TlsChannel> channel_;
  std::shared_ptr<bool> watch_;  // whether the armed watch still counts
};

}  // namespace muster::net
