// SPDX-License-Identifier: Apache-2.0
#include "net/detail/tls_channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace muster::net::detail {

using Io = TlsChannel::Io;

// OpenSSL's way to the socket. Its own one cannot tell that a short read has emptied the
// socket, and would find that out by a further system call for every message.
struct SocketBio {
  static int read(BIO* bio, char* into, std::size_t size, std::size_t* got) {
    auto& channel = *static_cast<TlsChannel*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    ssize_t count = -1;
    if (!channel.drained_) {
      do count = ::recv(channel.descriptor_, into, size, 0);
      while (count < 0 && errno == EINTR);
      const bool empty = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
      const bool took_all = count > 0 && static_cast<std::size_t>(count) < size && !channel.ended_;
      channel.drained_ = channel.polled_ && (empty || took_all);
      if (count == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
      if (count < 0 && !empty) return 0;
    }
    if (count < 0) BIO_set_retry_read(bio);
    *got = count > 0 ? static_cast<std::size_t>(count) : 0;
    return count > 0 ? 1 : 0;
  }

  static int write(BIO* bio, const char* bytes, std::size_t size, std::size_t* put) {
    const auto& channel = *static_cast<TlsChannel*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    ssize_t count;
    do count = ::send(channel.descriptor_, bytes, size, MSG_NOSIGNAL);
    while (count < 0 && errno == EINTR);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_write(bio);
    *put = count > 0 ? static_cast<std::size_t>(count) : 0;
    return count > 0 ? 1 : 0;
  }

  static long control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static BIO* make(TlsChannel& channel) {
    static BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
      BIO_meth_set_read_ex(made, read);
      BIO_meth_set_write_ex(made, write);
      BIO_meth_set_ctrl(made, control);
      return made;
    }();
    BIO* bio = BIO_new(method);
    BIO_set_data(bio, &channel);
    BIO_set_init(bio, 1);
    return bio;
  }
};

TlsChannel::TlsChannel(runtime::Loop& loop, Socket socket, SslOwner ssl)
    : loop_(loop),
      socket_(std::move(socket)),
      descriptor_(socket_.native_handle()),
      ssl_(std::move(ssl)) {
  boost::system::error_code failed;
  remote_ = socket_.remote_endpoint(failed).address();
  socket_.non_blocking(true, failed);
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), failed);
  if (!ssl_) return;
  BIO* bio = SocketBio::make(*this);
  SSL_set_bio(ssl_.get(), bio, bio);
}

TlsChannel::~TlsChannel() {
  if (polled_ && descriptor_ >= 0) ::close(descriptor_);
}

int TlsChannel::leave_asio() {
  if (polled_ || !socket_.is_open()) return descriptor_;
  boost::system::error_code failed;
  polled_ = true;
  socket_.release(failed);
  return descriptor_;
}

void TlsChannel::ready(bool ended) {
  drained_ = false;
  ended_ |= ended;
}

bool TlsChannel::nothing_to_read() const {
  return ssl_ && drained_ && SSL_has_pending(ssl_.get()) == 0;
}

Io TlsChannel::handshake() {
  if (error_) return Io::kFailed;
  if (!ssl_) return Io::kDone;
  ERR_clear_error();
  errno = 0;
  const int returned = SSL_do_handshake(ssl_.get());
  return returned == 1 ? Io::kDone : result(returned, errno);
}

// What recv() or send() returned, on a connection without TLS.
Io TlsChannel::plain_result(ssize_t count) {
  if (count > 0) return Io::kDone;
  if (count == 0) return Io::kEnd;
  if (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK) return Io::kWaitRead;
  error_ = std::make_unique<core::Error>(core::Error{
      core::Code::kUnavailable, "the connection broke: " + std::string(std::strerror(errno))});
  return Io::kFailed;
}

Io TlsChannel::read(std::span<char> into, std::size_t& got) {
  if (error_) return Io::kFailed;
  if (!ssl_) {
    const ssize_t count = ::recv(descriptor_, into.data(), into.size(), 0);
    got = count > 0 ? static_cast<std::size_t>(count) : 0;
    return plain_result(count);
  }
  if (nothing_to_read()) return Io::kWaitRead;
  ERR_clear_error();
  errno = 0;
  const int returned = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
  return returned == 1 ? Io::kDone : result(returned, errno);
}

Io TlsChannel::peek() {
  if (error_) return Io::kFailed;
  if (!ssl_) {
    char byte = 0;
    return plain_result(::recv(descriptor_, &byte, 1, MSG_PEEK));
  }
  ERR_clear_error();
  errno = 0;
  char byte;
  std::size_t got;
  const int returned = SSL_peek_ex(ssl_.get(), &byte, 1, &got);
  return returned == 1 ? Io::kDone : result(returned, errno);
}

Io TlsChannel::write(std::string_view bytes, std::size_t& put) {
  if (error_) return Io::kFailed;
  if (!ssl_) {
    const ssize_t count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    put = count > 0 ? static_cast<std::size_t>(count) : 0;
    const Io io = plain_result(count);
    return io == Io::kWaitRead ? Io::kWaitWrite : io;
  }
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
  if (!error_ && ssl_ && SSL_is_init_finished(ssl_.get()) != 0) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  ::shutdown(descriptor_, SHUT_WR);
}

void TlsChannel::close() {
  if (descriptor_ < 0) return;
  end_writing();
  boost::system::error_code failed;
  if (polled_)
    ::close(descriptor_);
  else
    socket_.close(failed);
  descriptor_ = -1;
  error_ = std::make_unique<core::Error>(
      core::Error{core::Code::kCancelled, "the connection was closed by this side"});
}

X509* TlsChannel::peer_certificate_native() const {
  return forgotten_ || !ssl_ ? nullptr : SSL_get0_peer_certificate(ssl_.get());
}

std::string TlsChannel::peer_certificate() const {
  X509* certificate = peer_certificate_native();
  return certificate == nullptr ? std::string{} : to_der(certificate);
}

void TlsChannel::forget_peer_certificate() {
  if (X509* certificate = peer_certificate_native()) shrink(certificate);
  forgotten_ = true;
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
