// SPDX-License-Identifier: Apache-2.0
#include "link/endpoint_session.h"

#include <algorithm>

#include "core/assert.h"
#include "link/clean.h"
#include "wire/frame.h"

namespace muster::link {

EndpointSession::EndpointSession(EndpointPort& port, EndpointRuns& runs, OrderPort& orders,
                                 std::uint64_t random_seed)
    : port_(port), runs_(runs), orders_(orders), random_(random_seed) {}

EndpointSession::~EndpointSession() {
  if (state_ == State::kOpen) runs_.observe(nullptr);
}

void EndpointSession::start(Identity identity, core::MonoTime now) {
  MUSTER_ASSERT(state_ == State::kNew);
  now_ = last_heard_ = hello_at_ = now;
  nonce_ = std::move(identity.nonce);
  answer_by_ = now + kWelcomeDeadline;
  state_ = State::kHelloSent;
  wire::Hello hello;
  hello.set_version(wire::kVersion);
  hello.set_version_oldest(wire::kVersionOldest);
  hello.set_instance(std::move(identity.instance));
  *hello.mutable_facts() = std::move(identity.facts);
  clean_facts(*hello.mutable_facts());
  for (wire::HeldRun& run : runs_.held()) *hello.add_held() = run;
  hello.set_wall_clock_unix_ms(identity.wall_clock_unix_ms);
  hello.set_nonce(nonce_);
  hello.set_follows(identity.follows);
  send(hello);
}

void EndpointSession::send_frame(std::string_view frame) {
  port_.send(frame);
  plan_heartbeat();
}

void EndpointSession::plan_heartbeat() {
  // Up to a fifth early, so that a fleet does not beat in step.
  heartbeat_at_ = now_ + interval_ - interval_ / 1024 * static_cast<int>(random_.below(205));
}

template <typename Message>
bool EndpointSession::read(std::string_view body, Message& message) {
  if (const core::Status decoded = wire::decode(body, message); !decoded) {
    protocol_error(decoded.error().message);
    return false;
  }
  return true;
}

void EndpointSession::receive(std::string_view frame, core::MonoTime now) {
  if (state_ == State::kClosed || state_ == State::kNew) return;
  now_ = last_heard_ = now;
  awaiting_sign_ = false;
  const auto split = wire::split_link_frame(frame);
  if (!split) return protocol_error(split.error().message);
  const bool early = split->kind == wire::FRAME_WELCOME || split->kind == wire::FRAME_GOODBYE;
  if (state_ == State::kHelloSent && !early)
    return protocol_error("frame of kind " + std::to_string(split->kind) + " before Welcome");
  dispatch(split->kind, split->body);
}

void EndpointSession::dispatch(wire::FrameKind kind, std::string_view body) {
  switch (kind) {
    case wire::FRAME_WELCOME:
      return on_welcome(body);
    case wire::FRAME_GOODBYE:
      return on_goodbye(body);
    case wire::FRAME_HEARTBEAT:
      return on_heartbeat(body);
    case wire::FRAME_HEARTBEAT_ACK:
      return on_heartbeat_ack(body);
    case wire::FRAME_INVOKE:
      return on_invoke(body);
    case wire::FRAME_CANCEL:
      return on_cancel(body);
    case wire::FRAME_GRANT:
      return on_grant(body);
    case wire::FRAME_RESULT_ACK:
      return on_result_ack(body);
    case wire::FRAME_CONTENT_DATA:
      return on_content(body);
    case wire::FRAME_UPCALL_REPLY:
      return on_upcall_reply(body);
    default:
      return protocol_error("frame of kind " + std::to_string(kind) + " is not a gateway's");
  }
}

void EndpointSession::on_welcome(std::string_view body) {
  wire::Welcome welcome;
  if (state_ != State::kHelloSent) return protocol_error("second Welcome");
  if (!read(body, welcome)) return;
  if (welcome.version() < wire::kVersionOldest || welcome.version() > wire::kVersion)
    return goodbye(wire::GOODBYE_VERSION,
                   "the gateway wants to speak version " + std::to_string(welcome.version()));
  if (const auto taken = orders_.take_ticket(welcome.ticket(), nonce_, hello_at_, now_); !taken)
    return protocol_error(taken.error().message);
  clean_text_in_place(*welcome.mutable_region(), kFactBytesMax);
  clean_text_in_place(*welcome.mutable_gateway(), kFactBytesMax);
  clean_addresses(*welcome.mutable_gateways(), kOtherGatewaysMax);
  state_ = State::kOpen;
  inline_bytes_max_ = static_cast<std::uint32_t>(
      std::min<std::size_t>(welcome.inline_result_bytes_max(), wire::kInlineResultBytesMax));
  set_heartbeat(welcome.heartbeat_ms());
  runs_.observe(this);
  for (const auto& [id, run] : runs_.all())
    if (run.state == EndpointRuns::State::kFinished) announce(id);
  port_.welcomed(welcome);
}

void EndpointSession::on_goodbye(std::string_view body) {
  wire::Goodbye said;
  if (!read(body, said)) return;
  Ending ending{.code = said.code(),
                .reason = clean_text(said.reason(), kReasonBytesMax),
                .retry_after_ms = said.retry_after_ms(),
                .by_peer = true};
  clean_addresses(*said.mutable_gateways(), kMovedGatewaysMax);
  ending.gateways.assign(said.gateways().begin(), said.gateways().end());
  close(std::move(ending));
}

void EndpointSession::on_heartbeat(std::string_view body) {
  wire::Heartbeat heartbeat;
  if (!read(body, heartbeat)) return;
  wire::HeartbeatAck ack;
  ack.set_sequence(heartbeat.sequence());
  send(ack);
}

void EndpointSession::on_heartbeat_ack(std::string_view body) {
  wire::HeartbeatAck ack;
  if (read(body, ack) && ack.heartbeat_ms() > 0) set_heartbeat(ack.heartbeat_ms());
}

void EndpointSession::on_invoke(std::string_view body) {
  wire::SignedInvoke message;
  wire::Invoke invoke;
  if (!read(body, message) || !read(message.invoke(), invoke)) return;
  if (invoke.run() == 0) return protocol_error("Invoke of run 0");
  const auto until = orders_.check(message, invoke, now_);
  if (!until) return runs_.refuse(core::RunId{invoke.run()}, until.error());
  runs_.invoke(std::move(invoke), *until, now_);
}

void EndpointSession::on_cancel(std::string_view body) {
  wire::Cancel cancel;
  if (!read(body, cancel)) return;
  if (cancel.run() == 0) return protocol_error("Cancel of run 0");
  runs_.cancel(core::RunId{cancel.run()}, clean_text(cancel.reason(), kReasonBytesMax), now_);
}

void EndpointSession::on_grant(std::string_view body) {
  wire::Grant grant;
  if (!read(body, grant)) return;
  const auto transfer = transfers_.find(core::RunId{grant.run()});
  if (transfer == transfers_.end()) return;  // it crossed with the end of the transfer
  const std::uint64_t left = transfer->second.total - transfer->second.sent;
  transfer->second.credit = std::min(left, transfer->second.credit + std::min(left, grant.bytes()));
  pump();
}

void EndpointSession::on_result_ack(std::string_view body) {
  wire::ResultAck ack;
  if (!read(body, ack)) return;
  for (const std::uint64_t id : ack.runs()) {
    const core::RunId run{id};
    transfers_.erase(run);
    runs_.acknowledged(run);
  }
}

void EndpointSession::on_content(std::string_view body) {
  wire::ContentData data;
  if (!read(body, data)) return;
  if (data.digest().size() != 32 || data.data().size() > wire::kChunkBytesMax)
    return protocol_error("ContentData with a digest or a piece of the wrong size");
  clean_text_in_place(*data.mutable_error(), kReasonBytesMax);
  port_.content(data);
}

void EndpointSession::on_upcall_reply(std::string_view body) {
  wire::UpcallReply reply;
  if (!read(body, reply)) return;
  const auto pending = upcalls_.find(reply.id());
  if (pending == upcalls_.end()) return;  // its deadline has passed
  const UpcallDone done = std::move(pending->second.done);
  upcalls_.erase(pending);
  if (reply.error_code().empty()) return done(std::move(*reply.mutable_body()));
  done(core::fail(core::code_from_name(reply.error_code()),
                  clean_text(reply.error(), kReasonBytesMax)));
}

void EndpointSession::drained(core::MonoTime now) {
  if (state_ != State::kOpen) return;
  now_ = now;
  pump();
}

void EndpointSession::tick(core::MonoTime now) {
  if (state_ == State::kClosed || now < deadline()) return;
  now_ = now;
  if (state_ == State::kHelloSent) {
    if (now >= answer_by_)
      goodbye(wire::GOODBYE_SILENT, "no answer to Hello within " + core::to_text(kWelcomeDeadline));
    return;
  }
  if (awaiting_sign_ && now >= answer_by_)
    return goodbye(wire::GOODBYE_SILENT,
                   "nothing heard from the gateway for " + core::to_text(now - last_heard_));
  if (now >= heartbeat_at_ || (!awaiting_sign_ && now >= last_heard_ + interval_)) send_heartbeat();
  fail_upcalls(now);
}

void EndpointSession::send_heartbeat() {
  wire::Heartbeat heartbeat;
  heartbeat.set_sequence(++heartbeat_sequence_);
  send(heartbeat);
  if (awaiting_sign_) return;
  awaiting_sign_ = true;
  answer_by_ = now_ + interval_ * kSilentIntervals;
}

core::MonoTime EndpointSession::deadline() const {
  switch (state_) {
    case State::kHelloSent:
      return answer_by_;
    case State::kOpen: {
      core::MonoTime first =
          std::min(heartbeat_at_, awaiting_sign_ ? answer_by_ : last_heard_ + interval_);
      for (const auto& [id, pending] : upcalls_) first = std::min(first, pending.deadline);
      return first;
    }
    default:
      return core::MonoTime::max();
  }
}

void EndpointSession::broken(std::string reason) {
  close({.reason = std::move(reason)});
}

void EndpointSession::goodbye(wire::GoodbyeCode code, std::string reason) {
  if (state_ == State::kClosed) return;
  wire::Goodbye said;
  said.set_code(code);
  said.set_reason(clean_text(reason, kReasonBytesMax));
  send(said);
  close({.code = code, .reason = std::move(reason)});
}

void EndpointSession::protocol_error(std::string reason) {
  goodbye(wire::GOODBYE_PROTOCOL, "the gateway broke the protocol: " + reason);
}

void EndpointSession::close(Ending ending) {
  if (state_ == State::kClosed) return;
  if (state_ == State::kOpen) runs_.observe(nullptr);
  state_ = State::kClosed;
  transfers_.clear();
  fail_upcalls(core::MonoTime::max());
  port_.closed(ending);
}

void EndpointSession::set_heartbeat(std::uint32_t ms) {
  interval_ = std::clamp(std::chrono::milliseconds(ms), kHeartbeatMin, kHeartbeatMax);
  plan_heartbeat();
}

}  // namespace muster::link
