// SPDX-License-Identifier: Apache-2.0
#include "net/raw_stream.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <string>

namespace muster::net {
namespace {

namespace asio = boost::asio;
using core::Code;

constexpr std::size_t kReadBytes = 64 * 1024;
/// What was sent is cut off the queue from here on.
constexpr std::size_t kCompactBytes = 64 * 1024;

}  // namespace

/// Kept alive by what it waits for; without a handler it does nothing any more.
struct RawStream::Core : std::enable_shared_from_this<Core> {
  explicit Core(Socket with) : socket(std::move(with)) {}

  std::size_t queued() const { return out.size() - sent; }

  void read() {
    if (reading || paused || ended || handler == nullptr) return;
    reading = true;
    socket.async_wait(Socket::wait_read,
                      [self = shared_from_this()](const boost::system::error_code& failed) {
                        self->reading = false;
                        self->readable(failed);
                      });
  }

  void readable(boost::system::error_code failed) {
    if (handler == nullptr || ended || paused) return;
    // One for all of this thread: on_bytes() does not come back here.
    static thread_local std::array<char, kReadBytes> buffer;
    std::size_t got = 0;
    if (!failed) got = socket.read_some(asio::buffer(buffer), failed);
    if (failed == asio::error::would_block) return read();
    if (failed)
      return end(failed == asio::error::eof ? "the other side has ended the connection"
                                            : "the connection broke: " + failed.message());
    handler->on_bytes({buffer.data(), got});
    read();
  }

  void write() {
    boost::system::error_code failed;
    while (queued() > 0 && !failed)
      sent += socket.write_some(asio::buffer(out.data() + sent, queued()), failed);
    if (queued() == 0 || sent >= kCompactBytes) {
      out.erase(0, sent);
      sent = 0;
    }
    if (!failed) return;
    if (failed != asio::error::would_block) {
      broken = "the connection broke: " + failed.message();
      return later();
    }
    if (std::exchange(writing, true)) return;
    socket.async_wait(Socket::wait_write,
                      [self = shared_from_this()](const boost::system::error_code& error) {
                        self->writing = false;
                        if (self->handler == nullptr || self->ended || error) return;
                        self->write();
                        self->tell();
                      });
  }

  /// tell() in a turn of its own, since no callback comes from inside a call.
  void later() {
    asio::post(socket.get_executor(), [self = shared_from_this()] { self->tell(); });
  }

  void tell() {
    if (handler == nullptr || ended) return;
    if (!broken.empty()) return end(std::move(broken));
    if (!notify || queued() > notify_below) return;
    notify = false;
    handler->on_room();
  }

  void end(std::string why) {
    if (std::exchange(ended, true)) return;
    close();
    if (handler != nullptr)
      std::exchange(handler, nullptr)->on_ended({Code::kUnavailable, std::move(why)});
  }

  void close() {
    boost::system::error_code ignored;
    socket.close(ignored);
  }

  Socket socket;
  RawStreamHandler* handler = nullptr;
  std::string out;
  std::size_t sent = 0;  // of out
  std::size_t notify_below = 0;
  std::string broken;  // why, while nobody was told
  bool notify = false;
  bool reading = false;
  bool writing = false;
  bool paused = false;
  bool ended = false;
};

RawStream::RawStream(Socket socket) : core_(std::make_shared<Core>(std::move(socket))) {
  boost::system::error_code ignored;
  core_->socket.non_blocking(true, ignored);
}

RawStream::~RawStream() {
  core_->handler = nullptr;
  core_->ended = true;
  core_->close();
}

core::Result<std::pair<RawStream::Socket, RawStream::Socket>> RawStream::pair(runtime::Loop& loop) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    return core::fail(Code::kUnavailable,
                      "no further connection can be made: " + std::string(std::strerror(errno)));
  // Asio asks no socket of what family it is.
  const auto protocol = asio::ip::tcp::v4();
  return std::pair(Socket(loop.context(), protocol, ends[0]),
                   Socket(loop.context(), protocol, ends[1]));
}

void RawStream::start(RawStreamHandler& handler) {
  core_->handler = &handler;
  core_->read();
  if (core_->queued() > 0) core_->write();
}

bool RawStream::send(std::string_view bytes) {
  if (core_->ended || core_->queued() + bytes.size() > kQueueBytesMax) return false;
  core_->out.append(bytes);
  if (!core_->writing) core_->write();
  return true;
}

void RawStream::pause_reading(bool paused) {
  core_->paused = paused;
  if (!paused) core_->read();
}

void RawStream::notify_below(std::size_t bytes) {
  core_->notify = true;
  core_->notify_below = bytes;
  if (core_->queued() <= bytes) core_->later();
}

std::size_t RawStream::queued_bytes() const {
  return core_->queued();
}

}  // namespace muster::net
