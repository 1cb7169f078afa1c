// SPDX-License-Identifier: Apache-2.0
#include "net/detail/websocket_core.h"

#include <algorithm>
#include <utility>

#include "core/assert.h"
#include "core/bytes.h"

namespace muster::net::detail {
namespace {

using namespace std::chrono_literals;
using core::Code;
using core::Error;
using Io = TlsChannel::Io;

constexpr int kReadsPerTurn = 16;  // then other links get their turn
constexpr std::size_t kCompactBytes = 64 * 1024;
constexpr std::size_t kReasonBytesMax = kControlBytesMax - 2;
constexpr core::Duration kCloseTimeMax = 5s;
constexpr core::Duration kLingerTimeMax = 1s;

// One TLS record. Nothing that reads runs inside a callback, so one a thread is enough.
std::span<char> scratch() {
  static thread_local std::array<char, 16 * 1024> buffer;
  return buffer;
}

// Below TLS a mask hides nothing; it must only be there.
std::array<char, 4> make_mask_key() {
  static thread_local core::Random random = core::random_seeded();
  const std::uint64_t value = random.next();
  std::array<char, 4> key;
  std::copy_n(reinterpret_cast<const char*>(&value), key.size(), key.data());
  return key;
}

Error closed_here() {
  return {Code::kCancelled, "the link was closed by this side"};
}

}  // namespace

WebSocketCore::WebSocketCore(std::unique_ptr<TlsChannel> channel, bool server,
                             std::shared_ptr<const WebSocketLimits> limits, std::string received)
    : channel_(std::move(channel)),
      limits_(std::move(limits)),
      received_(received.empty() ? nullptr : std::make_unique<std::string>(std::move(received))),
      reader_(server, limits_->message_bytes_max),
      server_(server) {}

void WebSocketCore::start(WebSocketHandler& handler) {
  MUSTER_ASSERT(!started_);
  started_ = true;
  handler_ = &handler;
  ticket_ = Poller::of(channel_->loop()).add(channel_->leave_asio(), shared_from_this());
  if (ticket_ == Poller::kNone && !why_)
    why_ = std::make_unique<Error>(Code::kUnavailable, "the system can watch no further link");
  read_later();
}

void WebSocketCore::read_later() {
  if (std::exchange(read_pending_, true)) return;
  channel_->loop().post([self = shared_from_this()] {
    if (self->why_ && !self->told_) return self->end(*self->why_);
    self->on_readable();
  });
}

bool WebSocketCore::send(std::string_view message) {
  if (why_ || close_sent_) return false;
  if (queued_bytes() + message.size() + kFrameHeaderMax > limits_->queue_bytes_max) {
    refused_ = true;
    return false;
  }
  queue(Opcode::kBinary, message);
  schedule_flush();
  return true;
}

void WebSocketCore::close(std::uint16_t code, std::string_view reason) {
  if (why_ || close_sent_) return;
  queue_close(code, reason);
  schedule_flush();
  start_timer(kCloseTimeMax);
  pause_reading(false);  // the peer's close frame must be seen
}

void WebSocketCore::pause_reading(bool paused) {
  paused_ = paused;
  if (!paused && !shut_ && started_) read_later();
}

void WebSocketCore::detach() {
  detached_ = true;
  handler_ = nullptr;
  if (shut_ || lingering_) return;
  if (!why_) why_ = std::make_unique<Error>(Code::kCancelled, "the link was dropped");
  flush();  // what fits now: a goodbye queued just before gets through
  shut();
}

void WebSocketCore::on_ready(Poller::Ready ready) {
  if (ready.readable) channel_->ready(ready.ended);
  if (std::exchange(write_waits_, false)) flush();
  const bool read = std::exchange(read_waits_, false) || ready.readable;
  if (read && !read_pending_) on_readable();
}

void WebSocketCore::on_readable() {
  const auto self = shared_from_this();
  read_pending_ = false;
  if (received_ && !shut_) {
    const auto bytes = std::move(received_);
    if (!consume(*bytes)) return;
  }
  for (int i = 0; i < kReadsPerTurn; ++i) {
    if (shut_ || (paused_ && !lingering_)) return;
    std::size_t got = 0;
    const Io io = channel_->read(scratch(), got);
    switch (io) {
      case Io::kDone:
        if (!consume(scratch().first(got))) return;
        break;
      case Io::kWaitRead:
        return;
      case Io::kWaitWrite:
        read_waits_ = true;
        return;
      case Io::kEnd:
        return end(close_sent_ ? closed_here()
                               : Error{Code::kUnavailable, "the peer ended the connection"});
      case Io::kFailed:
        return end(close_sent_ ? closed_here() : channel_->error());
    }
  }
  read_later();
}

bool WebSocketCore::consume(std::span<char> bytes) {
  while (!lingering_) {
    const FrameReader::Step step = reader_.next(bytes);
    if (step == FrameReader::Step::kNeedMore) return true;
    if (!on_step(step)) return false;
  }
  return true;
}

bool WebSocketCore::on_step(FrameReader::Step step) {
  switch (step) {
    case FrameReader::Step::kMessage:
      if (handler_ != nullptr) handler_->on_message(reader_.payload());
      break;
    case FrameReader::Step::kPing:
      // A peer that asks faster than it reads gets fewer answers.
      if (!close_sent_ && queued_bytes() < limits_->queue_bytes_max) {
        queue(Opcode::kPong, reader_.payload());
        schedule_flush();
      }
      break;
    case FrameReader::Step::kClose:
      on_close_frame(reader_.payload());
      break;
    case FrameReader::Step::kBroken:
      end_politely(reader_.close_code(),
                   {reader_.close_code() == 1009 ? Code::kLimit : Code::kInvalid,
                    "the peer broke the WebSocket protocol: " + std::string(reader_.complaint())});
      return !shut_;
    default:
      break;
  }
  return !shut_;
}

void WebSocketCore::on_close_frame(std::string_view payload) {
  if (close_sent_) {
    if (!why_) end(closed_here());
    return;
  }
  std::string text = "the peer closed the link";
  if (payload.size() >= 2) {
    const auto code = static_cast<unsigned>(static_cast<unsigned char>(payload[0])) << 8 |
                      static_cast<unsigned char>(payload[1]);
    text += " (" + std::to_string(code) + ")";
    if (payload.size() > 2) text += ": " + core::printable(payload.substr(2));
  }
  queue(Opcode::kClose, payload.substr(0, std::min<std::size_t>(payload.size(), 2)));
  close_sent_ = true;
  flush();
  end({Code::kUnavailable, std::move(text)});
}

void WebSocketCore::queue(Opcode opcode, std::string_view payload) {
  if (sent_ >= kCompactBytes && sent_ >= out_.size() / 2) {
    out_.erase(0, sent_);
    sent_ = 0;
  }
  if (server_) return append_frame(out_, opcode, payload, nullptr);
  const auto key = make_mask_key();
  append_frame(out_, opcode, payload, &key);
}

void WebSocketCore::queue_close(std::uint16_t code, std::string_view reason) {
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  payload += reason.substr(0, kReasonBytesMax);
  queue(Opcode::kClose, payload);
  close_sent_ = true;
}

void WebSocketCore::schedule_flush() {
  if (write_waits_ || std::exchange(flush_pending_, true)) return;
  Poller::of(channel_->loop()).flush_later(shared_from_this());
}

void WebSocketCore::on_flush() {
  flush_pending_ = false;
  flush();
}

void WebSocketCore::flush() {
  if (shut_ || write_waits_) return;
  while (sent_ < out_.size()) {
    std::size_t put = 0;
    const Io io = channel_->write(std::string_view(out_).substr(sent_), put);
    if (io == Io::kDone) {
      sent_ += put;
      continue;
    }
    if (io == Io::kEnd || io == Io::kFailed) return end(channel_->error());
    write_waits_ = true;
    break;
  }
  if (sent_ == out_.size()) {
    std::string().swap(out_);
    sent_ = 0;
  }
  if (handler_ == nullptr || why_) return;
  const bool has_room = refused_ && queued_bytes() <= limits_->queue_bytes_max / 4;
  const bool is_below = notify_ && queued_bytes() <= notify_below_;
  if (has_room) refused_ = false;
  if (is_below) notify_ = false;
  if (has_room || is_below) handler_->on_drained();
}

void WebSocketCore::notify_below(std::uint32_t bytes) {
  notify_ = true;
  notify_below_ = bytes;
  schedule_flush();
}

void WebSocketCore::start_timer(core::Duration after) {
  if (!timer_) timer_ = std::make_unique<runtime::Timer>(channel_->loop());
  timer_->start(after, [this] { on_timer(); });
}

void WebSocketCore::on_timer() {
  const auto self = shared_from_this();
  if (lingering_) return shut();
  end({Code::kCancelled, "the link was closed by this side; the peer did not answer in time"});
}

void WebSocketCore::end_politely(std::uint16_t code, Error why) {
  if (!close_sent_) queue_close(code, reader_.complaint());
  lingering_ = true;
  why_ = std::make_unique<Error>(why);
  flush();
  if (shut_) return tell(std::move(why));
  if (queued_bytes() == 0) channel_->end_writing();
  start_timer(kLingerTimeMax);
  tell(std::move(why));
}

void WebSocketCore::end(Error why) {
  if (!why_) why_ = std::make_unique<Error>(why);
  shut();
  tell(*why_);
}

void WebSocketCore::tell(Error why) {
  if (told_ || handler_ == nullptr) return;  // without a handler start() will tell
  told_ = true;
  WebSocketHandler* handler = std::exchange(handler_, nullptr);
  handler->on_closed(std::move(why));
}

void WebSocketCore::shut() {
  if (shut_) return;
  shut_ = true;
  timer_.reset();
  std::string().swap(out_);
  sent_ = 0;
  if (ticket_ != Poller::kNone)
    Poller::of(channel_->loop()).remove(channel_->descriptor(), ticket_);
  channel_->close();
}

}  // namespace muster::net::detail
