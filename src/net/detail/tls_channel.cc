// SPDX-License-Identifier: Apache-2.0
#include "net/detail/tls_channel.h"

#include <cerrno>

namespace muster::net::detail {

using Io = TlsChannel::Io;

TlsChannel::TlsChannel(runtime::Loop& loop, Socket socket, SslOwner ssl)
    : loop_(loop), socket_(std::move(socket)), ssl_(std::move(ssl)) {
  boost::system::error_code failed;
  remote_ = socket_.remote_endpoint(failed).address();
  socket_.non_blocking(true, failed);
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), failed);
  SSL_set_fd(ssl_.get(), socket_.native_handle());
}

TlsChannel::~TlsChannel() = default;

Io TlsChannel::handshake() {
  if (error_) return Io::kFailed;
  ERR_clear_error();
  errno = 0;
  const int returned = SSL_do_handshake(ssl_.get());
  return returned == 1 ? Io::kDone : result(returned, errno);
}

Io TlsChannel::read(std::span<char> into, std::size_t& got) {
  if (error_) return Io::kFailed;
  ERR_clear_error();
  errno = 0;
  const int returned = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
  return returned == 1 ? Io::kDone : result(returned, errno);
}

Io TlsChannel::peek() {
  if (error_) return Io::kFailed;
  ERR_clear_error();
  errno = 0;
  char byte;
  std::size_t got;
  const int returned = SSL_peek_ex(ssl_.get(), &byte, 1, &got);
  return returned == 1 ? Io::kDone : result(returned, errno);
}

Io TlsChannel::write(std::string_view bytes, std::size_t& put) {
  if (error_) return Io::kFailed;
  ERR_clear_error();
  errno = 0;
  const int returned = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &put);
  return returned == 1 ? Io::kDone : result(returned, errno);
}

Io TlsChannel::result(int returned, int errno_value) {
  const int code = SSL_get_error(ssl_.get(), returned);
  switch (code) {
    case SSL_ERROR_WANT_READ:
      return Io::kWaitRead;
    case SSL_ERROR_WANT_WRITE:
      return Io::kWaitWrite;
    case SSL_ERROR_ZERO_RETURN:
      return Io::kEnd;
    default:
      error_ = std::make_unique<core::Error>(tls_error(ssl_.get(), code, errno_value));
      return Io::kFailed;
  }
}

core::Error TlsChannel::error() const {
  return error_ ? *error_ : core::Error{core::Code::kInternal, "no TLS error"};
}

void TlsChannel::end_writing() {
  if (!error_ && SSL_is_init_finished(ssl_.get()) != 0) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  boost::system::error_code failed;
  socket_.shutdown(Socket::shutdown_send, failed);
}

void TlsChannel::close() {
  if (!socket_.is_open()) return;
  end_writing();
  boost::system::error_code failed;
  socket_.close(failed);
  error_ = std::make_unique<core::Error>(
      core::Error{core::Code::kCancelled, "the connection was closed by this side"});
}

std::string TlsChannel::peer_certificate() const {
  X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  return certificate == nullptr ? std::string{} : to_der(certificate);
}

runtime::Task<core::Status> wait_ready(runtime::Loop& loop, boost::asio::ip::tcp::socket& socket,
                                       boost::asio::socket_base::wait_type which,
                                       core::MonoTime deadline) {
  const auto left = deadline - core::mono_now();
  if (left <= core::Duration::zero())
    co_return core::fail(core::Code::kTimeout, "the peer took too long");
  bool timed_out = false;
  runtime::Timer timer(loop);
  timer.start(left, [&] {
    timed_out = true;
    boost::system::error_code ignored;
    socket.cancel(ignored);
  });
  const auto [failed] = co_await socket.async_wait(which, runtime::kAwait);
  if (!failed) co_return core::Status{};
  if (timed_out) co_return core::fail(core::Code::kTimeout, "the peer took too long");
  if (failed == boost::asio::error::operation_aborted)
    co_return core::fail(core::Code::kCancelled, "the connection is being closed by this side");
  co_return core::fail(core::Code::kUnavailable, "the connection broke: " + failed.message());
}

}  // namespace muster::net::detail
