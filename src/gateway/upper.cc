// SPDX-License-Identifier: Apache-2.0
#include "gateway/upper.h"

#include "core/bytes.h"
#include "core/log.h"
#include "wire/frame.h"

namespace muster::gateway {

using core::Code;
using core::fail;

Upper::Upper(runtime::Loop& loop, std::string self, std::unique_ptr<net::MessageSocket> socket)
    : loop_(loop), self_(std::move(self)), socket_(std::move(socket)) {
  socket_->start(*this);
}

Upper::~Upper() = default;

runtime::Task<core::Status> Upper::ask(core::Duration at_most) {
  const std::uint64_t seen = answered_.count();
  wire::RepeatHello hello;
  hello.set_version(wire::kVersion);
  hello.set_version_oldest(wire::kVersionOldest);
  (void)socket_->send(wire::encode(hello));
  (void)co_await answered_.wait(seen, at_most);
  if (welcomed_) co_return answer_;
  if (!why_.empty()) co_return fail(Code::kUnavailable, why_);
  co_return fail(Code::kTimeout, "the gateway does not answer");
}

core::Result<net::RawStream::Socket> Upper::open_tunnel() {
  if (!why_.empty()) return fail(Code::kUnavailable, why_);
  MUSTER_ASSIGN(auto ends, net::RawStream::pair(loop_));
  tunnel_ = std::make_unique<net::RawStream>(std::move(ends.first));
  tunnel_->start(*this);
  return std::move(ends.second);
}

void Upper::request_content(const wire::ContentRequestUp& request) {
  // What is not sent is asked for again.
  if (why_.empty()) (void)socket_->send(wire::encode(request));
}

void Upper::on_message(std::string_view message) {
  const auto received = receive(message);
  if (received) return;
  core::log(core::Level::kError, "gateway", "the gateway above broke the protocol",
            {{"why", received.error().message}});
  socket_->close(net::CloseCode::kProtocolError, received.error().message);
}

core::Status Upper::receive(std::string_view bytes) {
  MUSTER_ASSIGN(const auto frame, wire::split_region_frame(bytes));
  if (frame.kind == wire::REGION_REPEAT_WELCOME) return welcome(frame.body);
  if (!welcomed_ || !answer_) return fail(Code::kInvalid, "a frame before RepeatWelcome");
  switch (frame.kind) {
    case wire::REGION_TUNNEL_DOWN:
      return take(frame.body);
    case wire::REGION_CONTENT_DATA:
      return wire::decoded<wire::ContentDataDown>(frame.body, [&](auto m) {
        if (on_content_) on_content_(std::move(m));
      });
    default:
      return fail(Code::kInvalid,
                  "frame of kind " + std::to_string(frame.kind) + " is not an upper gateway's");
  }
}

core::Status Upper::welcome(std::string_view body) {
  wire::RepeatWelcome message;
  MUSTER_TRY(wire::decode(body, message));
  if (std::exchange(welcomed_, true)) return fail(Code::kInvalid, "a second RepeatWelcome");
  answer_ = check_welcome(message, self_);
  if (answer_) {
    above_.assign(message.above().begin(), message.above().end());
  } else if (answer_.error().code != Code::kInvalid) {
    waiting_ = waiting_of(message, self_);
  }
  answered_.notify();
  return {};
}

core::Status Upper::take(std::string_view body) {
  wire::TunnelDown message;
  MUSTER_TRY(wire::decode(body, message));
  if (!tunnel_) return {};  // it has ended: this crossed with the end
  if (!tunnel_->send(message.data())) return fail(Code::kLimit, "the tunnel is not read");
  if (tunnel_->queued_bytes() <= kTunnelAheadBytes) return {};
  socket_->pause_reading(true);
  tunnel_->notify_below(kTunnelResumeBytes);
  return {};
}

void Upper::on_bytes(std::string_view bytes) {
  while (!bytes.empty()) {
    wire::TunnelUp message;
    message.set_data(std::string(bytes.substr(0, wire::kChunkBytesMax)));
    bytes.remove_prefix(message.data().size());
    if (!socket_->send(wire::encode(message)))
      return socket_->close(net::CloseCode::kPolicy, "the gateway above does not read its link");
  }
  if (socket_->queued_bytes() <= kTunnelAheadBytes) return;
  tunnel_->pause_reading(true);
  socket_->notify_below(kTunnelResumeBytes);
}

void Upper::on_room() {
  socket_->pause_reading(false);
}

void Upper::on_drained() {
  if (tunnel_) tunnel_->pause_reading(false);
}

void Upper::on_ended(core::Error) {
  // This side has closed what it says to the server.
  tunnel_.reset();
  socket_->pause_reading(false);
  if (why_.empty()) socket_->close(net::CloseCode::kNormal, "the tunnel has ended");
}

void Upper::on_closed(core::Error why) {
  why_ = why.message.empty() ? "the gateway above is gone" : std::move(why.message);
  tunnel_.reset();  // whoever is at its other end finds it broken
  answered_.notify();
}

}  // namespace muster::gateway
