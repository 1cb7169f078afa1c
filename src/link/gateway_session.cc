// SPDX-License-Identifier: Apache-2.0
#include "link/gateway_session.h"

#include <algorithm>

#include "link/clean.h"
#include "link/detail/transfers.h"
#include "wire/frame.h"

namespace muster::link {
namespace {

std::uint16_t kind_of(std::string_view frame) {
  if (frame.size() < 2) return 0;
  return static_cast<std::uint16_t>(static_cast<unsigned char>(frame[0]) << 8 |
                                    static_cast<unsigned char>(frame[1]));
}

}  // namespace

GatewayShared::GatewayShared(std::string region_name, std::string gateway_name)
    : region(std::move(region_name)),
      gateway(std::move(gateway_name)),
      inline_result_bytes_max(wire::kInlineResultBytesMax) {}

std::chrono::milliseconds GatewayShared::heartbeat(core::Duration link_age) const {
  const std::chrono::milliseconds base =
      link_age < kHeartbeatYoung ? kHeartbeatFirst : kHeartbeatIdle;
  const std::chrono::milliseconds scaled =
      base * std::max<std::size_t>(links, kHeartbeatLinks) / kHeartbeatLinks;
  return std::min<std::chrono::milliseconds>(scaled, kHeartbeatCeiling);
}

GatewaySession::GatewaySession(GatewayPort& port, GatewayShared& shared, core::MonoTime now)
    : port_(port), shared_(shared), opened_at_(now), last_heard_(now) {}

GatewaySession::~GatewaySession() {
  release_credit();
}

void GatewaySession::receive(std::string_view frame, core::MonoTime now) {
  if (state_ == State::kClosed) return;
  last_heard_ = shared_.now = now;
  const auto split = wire::split_link_frame(frame);
  if (!split) return protocol_error(split.error().message);
  if (split->kind == wire::FRAME_GOODBYE) return on_goodbye(split->body);
  const bool is_hello = split->kind == wire::FRAME_HELLO;
  if (state_ == State::kWaitHello && is_hello) return on_hello(split->body);
  if (state_ != State::kOpen || is_hello)
    return protocol_error("frame of kind " + std::to_string(split->kind) +
                          (state_ == State::kWaitHello ? " before Hello"
                           : state_ == State::kAsking  ? " before Welcome"
                                                       : " on an open link"));
  dispatch(split->kind, split->body);
}

void GatewaySession::admit(wire::SignedTicket ticket, core::WallTime wall, core::MonoTime now,
                           const std::vector<std::string>& others) {
  if (state_ != State::kAsking) return;
  state_ = State::kOpen;
  last_heard_ = now;  // its patience begins with Welcome
  interval_ms_ = static_cast<std::uint32_t>(shared_.heartbeat(now - opened_at_).count());
  wire::Welcome welcome;
  welcome.set_version(version_);
  welcome.set_region(shared_.region);
  welcome.set_gateway(shared_.gateway);
  welcome.set_heartbeat_ms(interval_ms_);
  welcome.set_inline_result_bytes_max(shared_.inline_result_bytes_max);
  welcome.set_wall_clock_unix_ms(core::unix_ms(wall));
  *welcome.mutable_ticket() = std::move(ticket);
  for (const std::string& other : others) welcome.add_gateways(other);
  clean_addresses(*welcome.mutable_gateways(), kOtherGatewaysMax);
  port_.send(wire::encode(welcome));
}

bool GatewaySession::pass(std::string_view frame) {
  if (state_ != State::kOpen) return false;
  const std::uint16_t kind = kind_of(frame);
  if (kind == wire::FRAME_UPCALL_REPLY && upcalls_ > 0) --upcalls_;
  port_.send(frame);
  wire::ResultAck ack;
  if (kind == wire::FRAME_RESULT_ACK && transfers_ && wire::decode(frame.substr(2), ack)) {
    std::uint64_t unused = 0;
    for (const std::uint64_t run : ack.runs()) unused += transfers_->settle(run, shared_.now);
    drop_transfers_if_done();
    if (unused > 0) shared_.credit.returned(unused);
  }
  return true;
}

core::Status GatewaySession::check_and_send(wire::FrameKind kind,
                                            const google::protobuf::MessageLite& message) {
  if (state_ != State::kOpen)
    return core::fail(core::Code::kConflict, "the link to this endpoint is not open");
  const std::size_t limit = wire::body_bytes_max(kind);
  if (message.ByteSizeLong() > limit)
    return core::fail(core::Code::kLimit, message.GetTypeName() + " has " +
                                              std::to_string(message.ByteSizeLong()) +
                                              " bytes, a link carries " + std::to_string(limit));
  std::string frame;
  wire::append_frame(static_cast<std::uint16_t>(kind), limit, message, frame);
  pass(frame);
  return {};
}

void GatewaySession::tick(core::MonoTime now) {
  if (now < deadline()) return;
  shared_.now = now;
  switch (state_) {
    case State::kWaitHello:
      return goodbye(wire::GOODBYE_SILENT,
                     "no Hello within " + core::to_text(wire::kHelloDeadline));
    case State::kAsking:
      return goodbye(wire::GOODBYE_BUSY, "the server has not decided about this login", 5000);
    case State::kOpen:
      if (transfers_ && transfers_->stalled(now))
        return protocol_error("credit was granted " + core::to_text(kCreditStall) +
                              " ago and no chunk came");
      drop_transfers_if_done();
      if (now >= silent_at())
        goodbye(wire::GOODBYE_SILENT, "nothing heard for " + core::to_text(now - last_heard_));
      return;
    case State::kClosed:
      return;
  }
}

core::MonoTime GatewaySession::silent_at() const {
  return last_heard_ + std::chrono::milliseconds(interval_ms_) * kSilentIntervals + kSilentGrace;
}

core::MonoTime GatewaySession::deadline() const {
  switch (state_) {
    case State::kWaitHello:
      return opened_at_ + wire::kHelloDeadline;
    case State::kAsking:
      return last_heard_ + kAdmitDeadline;
    case State::kOpen:
      return transfers_ ? std::min(silent_at(), transfers_->deadline()) : silent_at();
    default:
      return core::MonoTime::max();
  }
}

void GatewaySession::goodbye(wire::GoodbyeCode code, std::string_view reason,
                             std::uint32_t retry_after_ms) {
  wire::Goodbye said;
  said.set_code(code);
  said.set_reason(std::string(reason));
  said.set_retry_after_ms(retry_after_ms);
  goodbye(std::move(said));
}

void GatewaySession::goodbye(wire::Goodbye said) {
  if (state_ == State::kClosed) return;
  clean_text_in_place(*said.mutable_reason(), kReasonBytesMax);
  clean_addresses(*said.mutable_gateways(), kMovedGatewaysMax);
  port_.send(wire::encode(said));
  close({.code = said.code(), .reason = said.reason(), .retry_after_ms = said.retry_after_ms()});
}

void GatewaySession::broken(std::string reason) {
  if (state_ != State::kClosed) close({.reason = std::move(reason)});
}

void GatewaySession::protocol_error(std::string_view reason) {
  goodbye(wire::GOODBYE_PROTOCOL, reason);
}

void GatewaySession::close(Ending ending) {
  state_ = State::kClosed;
  release_credit();
  port_.closed(ending);
}

// --- credit

void GatewaySession::want_credit() {
  if (!transfers_->enter(shared_.credit.slice_bytes())) return;
  shared_.credit.enter(*this);
}

std::uint64_t GatewaySession::take_credit(std::uint64_t bytes_max) {
  const detail::Transfers::Grant grant = transfers_->grant(bytes_max, shared_.now);
  if (grant.bytes > 0) {
    wire::Grant message;
    message.set_run(grant.run);
    message.set_bytes(grant.bytes);
    port_.send(wire::encode(message));
  }
  want_credit();
  return grant.bytes;
}

void GatewaySession::release_credit() {
  if (!transfers_) return;
  shared_.credit.leave(*this);
  const std::uint64_t unused = transfers_->unused();
  transfers_.reset();
  if (unused > 0) shared_.credit.returned(unused);
}

void GatewaySession::drop_transfers_if_done() {
  if (!transfers_ || transfers_->size() > 0) return;
  shared_.credit.leave(*this);
  transfers_.reset();
}

std::size_t GatewaySession::transfers() const {
  return transfers_ ? transfers_->size() : 0;
}

}  // namespace muster::link
