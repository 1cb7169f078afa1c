// SPDX-License-Identifier: Apache-2.0
#include "net/tls_stream.h"

#include <sys/socket.h>

#include <array>

#include "net/detail/tls_channel.h"

namespace muster::net {
namespace {

using boost::asio::socket_base;
using core::Code;
using core::Result;
using core::Status;
using detail::TlsChannel;
using runtime::Task;
using Io = TlsChannel::Io;

constexpr char kTlsHandshakeRecord = 0x16;
constexpr std::size_t kDroppedBytesMax = 4 * 1024 * 1024;
constexpr std::string_view kPlainAnswer =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 40\r\n"
    "Connection: close\r\n\r\nThis port speaks HTTPS, not plain HTTP.\n";

Status io_error(const TlsChannel& channel, Io io) {
  if (io == Io::kEnd) return core::fail(Code::kUnavailable, "the peer closed the connection");
  return core::fail(channel.error());
}

Task<Status> wait_for(TlsChannel& channel, Io io, core::MonoTime deadline) {
  return detail::wait_ready(channel.loop(), channel.socket(),
                            io == Io::kWaitWrite ? socket_base::wait_write : socket_base::wait_read,
                            deadline);
}

Task<Status> shake_hands(TlsChannel& channel, core::MonoTime deadline) {
  for (;;) {
    const Io io = channel.handshake();
    if (io == Io::kDone) co_return Status{};
    if (io == Io::kEnd || io == Io::kFailed) co_return io_error(channel, io);
    if (auto waited = co_await wait_for(channel, io, deadline); !waited)
      co_return std::unexpected(std::move(waited.error()).while_doing("TLS handshake"));
  }
}

// A person who typed http:// learns it; everybody else who does not speak TLS is cut.
Task<Status> expect_tls(runtime::Loop& loop, TlsStream::Socket& socket, core::MonoTime deadline) {
  MUSTER_CO_TRY(co_await detail::wait_ready(loop, socket, socket_base::wait_read, deadline));
  char first = 0;
  const ssize_t got = ::recv(socket.native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got <= 0) co_return core::fail(Code::kUnavailable, "the peer closed the connection");
  if (first == kTlsHandshakeRecord) co_return Status{};
  if (first >= 'A' && first <= 'Z') {
    char dropped[4096];  // closing with unread bytes would destroy the answer on its way
    ::recv(socket.native_handle(), dropped, sizeof dropped, MSG_DONTWAIT);
    ::send(socket.native_handle(), kPlainAnswer.data(), kPlainAnswer.size(),
           MSG_DONTWAIT | MSG_NOSIGNAL);
    co_return core::fail(Code::kInvalid, "the client spoke plain HTTP");
  }
  co_return core::fail(Code::kInvalid, "the client does not speak TLS");
}

}  // namespace

TlsStream::TlsStream(std::unique_ptr<TlsChannel> channel) : channel_(std::move(channel)) {}
TlsStream::TlsStream(TlsStream&&) noexcept = default;
TlsStream& TlsStream::operator=(TlsStream&&) noexcept = default;
TlsStream::~TlsStream() {
  if (watch_) *watch_ = false;
}

Task<Result<TlsStream>> TlsStream::accept(runtime::Loop& loop, Socket socket,
                                          std::shared_ptr<const TlsServerContext> context,
                                          core::Duration handshake_max) {
  const core::MonoTime deadline = core::mono_now() + handshake_max;
  MUSTER_CO_TRY(co_await expect_tls(loop, socket, deadline));
  detail::SslOwner ssl(SSL_new(context->current().get()));
  if (!ssl) co_return detail::fail_openssl(Code::kUnavailable, "making a TLS connection");
  SSL_set_accept_state(ssl.get());
  auto channel = std::make_unique<TlsChannel>(loop, std::move(socket), std::move(ssl));
  MUSTER_CO_TRY(co_await shake_hands(*channel, deadline));
  co_return TlsStream(std::move(channel));
}

Task<Result<TlsStream>> TlsStream::connect(runtime::Loop& loop, Socket socket,
                                           std::shared_ptr<const TlsClientContext> context,
                                           core::Duration handshake_max) {
  const core::MonoTime deadline = core::mono_now() + handshake_max;
  detail::SslOwner ssl(SSL_new(context->context().get()));
  if (!ssl) co_return detail::fail_openssl(Code::kUnavailable, "making a TLS connection");
  SSL_set_connect_state(ssl.get());
  auto channel = std::make_unique<TlsChannel>(loop, std::move(socket), std::move(ssl));
  MUSTER_CO_TRY(co_await shake_hands(*channel, deadline));
  MUSTER_CO_TRY(context->check_peer(channel->peer_certificate()));
  co_return TlsStream(std::move(channel));
}

TlsStream TlsStream::plain(runtime::Loop& loop, Socket socket) {
  return TlsStream(std::make_unique<TlsChannel>(loop, std::move(socket), nullptr));
}

Task<Result<std::size_t>> TlsStream::read_some(std::span<char> into, core::Duration at_most) {
  const core::MonoTime deadline = core::mono_now() + at_most;
  for (;;) {
    std::size_t got = 0;
    const Io io = channel_->read(into, got);
    if (io == Io::kDone) co_return got;
    if (io == Io::kEnd) co_return std::size_t{0};
    if (io == Io::kFailed) co_return std::unexpected(channel_->error());
    MUSTER_CO_TRY(co_await wait_for(*channel_, io, deadline));
  }
}

Task<Status> TlsStream::write(std::string_view bytes, core::Duration at_most) {
  const core::MonoTime deadline = core::mono_now() + at_most;
  while (!bytes.empty()) {
    std::size_t put = 0;
    const Io io = channel_->write(bytes, put);
    if (io == Io::kDone) {
      bytes.remove_prefix(put);
      continue;
    }
    if (io == Io::kEnd || io == Io::kFailed) co_return io_error(*channel_, io);
    MUSTER_CO_TRY(co_await wait_for(*channel_, io, deadline));
  }
  co_return Status{};
}

void TlsStream::close() {
  channel_->close();
}

Task<void> TlsStream::finish(core::Duration at_most) {
  unwatch();
  channel_->end_writing();
  const core::MonoTime deadline = core::mono_now() + at_most;
  std::array<char, 4096> dropped;
  for (std::size_t total = 0; total < kDroppedBytesMax;) {
    const auto got = co_await read_some(dropped, deadline - core::mono_now());
    if (!got || *got == 0) break;
    total += *got;
  }
  close();
}

void TlsStream::cancel() {
  boost::system::error_code ignored;
  channel_->socket().cancel(ignored);
}

void TlsStream::watch(std::function<void()> on_gone) {
  unwatch();
  watch_ = std::make_shared<bool>(true);
  channel_->socket().async_wait(socket_base::wait_read,
                                [armed = watch_, channel = channel_.get(),
                                 on_gone = std::move(on_gone)](boost::system::error_code failed) {
                                  if (!*armed || failed) return;  // `channel` lives while armed
                                  const Io io = channel->peek();
                                  if (io == Io::kEnd || io == Io::kFailed) on_gone();
                                });
}

void TlsStream::unwatch() {
  if (!watch_) return;
  *watch_ = false;
  watch_.reset();
  cancel();
}

bool TlsStream::quiet() {
  return channel_->peek() == Io::kWaitRead;
}

std::string TlsStream::peer_certificate() const {
  return channel_->peer_certificate();
}

std::string_view TlsStream::alpn() const {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  if (channel_->ssl() == nullptr) return {};
  SSL_get0_alpn_selected(channel_->ssl(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::string TlsStream::remote_address() const {
  return channel_->remote().to_string();
}

runtime::Loop& TlsStream::loop() const {
  return channel_->loop();
}

std::unique_ptr<TlsChannel> TlsStream::release() && {
  unwatch();
  return std::move(channel_);
}

}  // namespace muster::net
