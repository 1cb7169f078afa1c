// SPDX-License-Identifier: Apache-2.0
//
// TlsChannel is one OpenSSL connection on a non-blocking socket, without waiting: each
// call does what can be done now and says what it waits for. TlsStream waits in
// coroutines, WebSocket in callbacks.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"
#include "net/detail/openssl.h"
#include "runtime/loop.h"

namespace muster::net::detail {

class TlsChannel {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  enum class Io {
    kDone,
    kWaitRead,   ///< Again when the socket is readable.
    kWaitWrite,  ///< Again when the socket is writable.
    kEnd,        ///< The peer has ended its side in order.
    kFailed,     ///< See error(); nothing works any more.
  };

  /// Without `ssl` the bytes go as they are.
  TlsChannel(runtime::Loop& loop, Socket socket, SslOwner ssl);
  ~TlsChannel();
  TlsChannel(const TlsChannel&) = delete;
  TlsChannel& operator=(const TlsChannel&) = delete;

  Io handshake();
  Io read(std::span<char> into, std::size_t& got);
  /// Whether anything is to be read, without reading it.
  Io peek();
  Io write(std::string_view bytes, std::size_t& put);
  /// Why the last call failed.
  core::Error error() const;
  /// Ends our side in order, if that is possible now; the peer's may still be read.
  void end_writing();
  /// Says goodbye if that is possible now, and closes the socket.
  void close();

  /// From here on a Poller tells of readiness, by ready(): the socket is no longer
  /// Asio's, and socket() must not be used. Returns its descriptor.
  int leave_asio();
  /// The socket may have something to read; `ended`: what it has, ends.
  void ready(bool ended);

  Socket& socket() { return socket_; }
  int descriptor() const { return descriptor_; }
  /// Null where nothing is encrypted.
  SSL* ssl() { return ssl_.get(); }
  runtime::Loop& loop() { return loop_; }
  const boost::asio::ip::address& remote() const { return remote_; }
  std::string peer_certificate() const;
  /// Null where the peer showed none, or it was forgotten.
  X509* peer_certificate_native() const;
  /// Nobody will ask for it again.
  void forget_peer_certificate();

 private:
  friend struct SocketBio;
  Io result(int returned, int errno_value);
  Io plain_result(ssize_t count);
  bool nothing_to_read() const;

  runtime::Loop& loop_;
  Socket socket_;
  int descriptor_;
  bool polled_ = false;     // leave_asio() was called
  bool drained_ = false;    // a read took all there was; until ready()
  bool forgotten_ = false;  // the peer's certificate was
  bool ended_ = false;      // as ready() said: nothing will tell again, so read to the end
  SslOwner ssl_;
  boost::asio::ip::address remote_;
  std::unique_ptr<core::Error> error_;
};

/// Readiness of `which`, until `deadline`: kTimeout, kCancelled, or ready.
runtime::Task<core::Status> wait_ready(runtime::Loop& loop, boost::asio::ip::tcp::socket& socket,
                                       boost::asio::socket_base::wait_type which,
                                       core::MonoTime deadline);

}  // namespace muster::net::detail
