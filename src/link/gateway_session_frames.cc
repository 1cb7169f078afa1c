// SPDX-License-Identifier: Apache-2.0
//
// What an endpoint may say, and how each frame is checked before the port sees it.
#include <algorithm>

#include "link/clean.h"
#include "link/detail/transfers.h"
#include "link/gateway_session.h"
#include "wire/frame.h"

namespace muster::link {
namespace {

// What is wrong with a Hello; empty: nothing.
std::string objection(const wire::Hello& hello) {
  if (hello.instance().size() != 16) return "Hello.instance must have 16 bytes";
  if (hello.nonce().size() != 16) return "Hello.nonce must have 16 bytes";
  if (hello.held_size() > static_cast<int>(wire::kHeldRunsMax))
    return "Hello lists more than " + std::to_string(wire::kHeldRunsMax) + " held runs";
  for (const wire::HeldRun& held : hello.held())
    if (held.run() == 0 ||
        (held.state() != wire::HELD_RUNNING && held.state() != wire::HELD_FINISHED))
      return "Hello lists a held run without id or state";
  return {};
}

std::string objection(const wire::Announce& announce, std::size_t inline_bytes_max) {
  if (announce.run() == 0) return "Announce of run 0";
  if (announce.outcome() < wire::OUTCOME_SUCCEEDED || announce.outcome() > wire::OUTCOME_EXPIRED)
    return "Announce without a known outcome";
  if (announce.stdout_bytes() > wire::kOutputBytesCeiling ||
      announce.stderr_bytes() > wire::kOutputBytesCeiling)
    return "Announce of more output than a run may have";
  if (announce.is_inline())
    return announce.stdout_bytes() == announce.stdout_inline().size() &&
                   announce.stderr_bytes() == announce.stderr_inline().size() &&
                   announce.stdout_bytes() + announce.stderr_bytes() <= inline_bytes_max
               ? ""
               : "Announce whose inline output does not match its sizes or is too large";
  if (!announce.stdout_inline().empty() || !announce.stderr_inline().empty())
    return "Announce with inline output that says it is not inline";
  return announce.stdout_bytes() + announce.stderr_bytes() > 0
             ? ""
             : "Announce of an empty result that is not inline";
}

bool known(wire::Stream stream) {
  return stream == wire::STREAM_STDOUT || stream == wire::STREAM_STDERR;
}

}  // namespace

template <typename Message>
bool GatewaySession::read(std::string_view body, Message& message) {
  if (const core::Status decoded = wire::decode(body, message); !decoded) {
    protocol_error(decoded.error().message);
    return false;
  }
  return true;
}

void GatewaySession::dispatch(wire::FrameKind kind, std::string_view body) {
  switch (kind) {
    case wire::FRAME_HEARTBEAT:
      return on_heartbeat(body);
    case wire::FRAME_HEARTBEAT_ACK:
      return;  // the gateway had asked whether the endpoint lives: receive() noted that it does
    case wire::FRAME_STARTED:
      return on_started(body);
    case wire::FRAME_OUTPUT:
      return on_output(body);
    case wire::FRAME_ANNOUNCE:
      return on_announce(body);
    case wire::FRAME_CHUNK:
      return on_chunk(body);
    case wire::FRAME_CONTENT_REQUEST:
      return on_content_request(body);
    case wire::FRAME_UPCALL:
      return on_upcall(body);
    default:
      return protocol_error("frame of kind " + std::to_string(kind) + " is not an endpoint's");
  }
}

void GatewaySession::on_hello(std::string_view body) {
  wire::Hello hello;
  if (!read(body, hello)) return;
  if (hello.version() < wire::kVersionOldest || hello.version_oldest() > wire::kVersion)
    return goodbye(wire::GOODBYE_VERSION, "you speak protocol versions " +
                                              std::to_string(hello.version_oldest()) + " to " +
                                              std::to_string(hello.version()) + ", this gateway " +
                                              std::to_string(wire::kVersionOldest) + " to " +
                                              std::to_string(wire::kVersion));
  if (std::string reason = objection(hello); !reason.empty()) return protocol_error(reason);
  clean_facts(*hello.mutable_facts());
  version_ = static_cast<std::uint8_t>(std::min(hello.version(), wire::kVersion));
  state_ = State::kAsking;
  port_.hello(std::move(hello));
}

void GatewaySession::on_goodbye(std::string_view body) {
  wire::Goodbye said;
  if (!read(body, said)) return;
  close({.code = said.code(),
         .reason = clean_text(said.reason(), kReasonBytesMax),
         .retry_after_ms = said.retry_after_ms(),
         .by_peer = true});
}

void GatewaySession::on_heartbeat(std::string_view body) {
  wire::Heartbeat heartbeat;
  if (!read(body, heartbeat)) return;
  wire::HeartbeatAck ack;
  ack.set_sequence(heartbeat.sequence());
  const auto interval =
      static_cast<std::uint32_t>(shared_.heartbeat(last_heard_ - opened_at_).count());
  if (interval != interval_ms_) ack.set_heartbeat_ms(interval_ms_ = interval);
  port_.send(wire::encode(ack));
}

void GatewaySession::on_started(std::string_view body) {
  wire::Started started;
  if (!read(body, started)) return;
  if (started.run() == 0) return protocol_error("Started of run 0");
  port_.started(std::move(started));
}

void GatewaySession::on_output(std::string_view body) {
  wire::Output output;
  if (!read(body, output)) return;
  const bool progress = output.stream() == wire::STREAM_PROGRESS;
  if (output.run() == 0 || (!progress && !known(output.stream())) ||
      output.data().size() > (progress ? wire::kProgressTextBytesMax : wire::kChunkBytesMax) ||
      output.percent() > 100)
    return protocol_error("Output without run or stream, or with too many bytes");
  port_.output(std::move(output));
}

void GatewaySession::on_announce(std::string_view body) {
  wire::Announce announce;
  if (!read(body, announce)) return;
  if (std::string reason = objection(announce, shared_.inline_result_bytes_max); !reason.empty())
    return protocol_error(reason);
  clean_text_in_place(*announce.mutable_reason(), kReasonBytesMax);
  if (!announce.is_inline()) {
    if (!transfers_) transfers_ = std::make_unique<detail::Transfers>();
    std::string reason = transfers_->announced(announce, last_heard_);
    if (!reason.empty()) return protocol_error(reason);
    want_credit();
  }
  port_.announced(std::move(announce));
}

void GatewaySession::on_chunk(std::string_view body) {
  wire::Chunk chunk;
  if (!read(body, chunk)) return;
  if (!transfers_) return protocol_error("Chunk of a run that was not announced");
  detail::Transfers::Taken taken = transfers_->chunk(chunk, last_heard_);
  if (!taken.breach.empty()) return protocol_error(taken.breach);
  const bool settled = taken.settled;  // then its credit was given back already
  want_credit();
  drop_transfers_if_done();
  if (settled) return;
  const std::size_t bytes = chunk.data().size();
  CreditWindow& credit = shared_.credit;
  port_.chunk(std::move(chunk), taken.last);
  credit.returned(bytes);  // unless the port holds them
}

void GatewaySession::on_upcall(std::string_view body) {
  wire::Upcall upcall;
  if (!read(body, upcall)) return;
  if (upcall.id() == 0 || upcall.name().empty() || upcall.name().size() > kUpcallNameBytesMax ||
      upcall.body().size() > wire::kUpcallBytesMax)
    return protocol_error("Upcall without id or name, or too large");
  if (upcalls_ >= kUpcallsPendingMax) return protocol_error("too many upcalls at a time");
  ++upcalls_;
  clean_text_in_place(*upcall.mutable_name(), kUpcallNameBytesMax);
  port_.upcall(std::move(upcall));
}

void GatewaySession::on_content_request(std::string_view body) {
  wire::ContentRequest request;
  if (!read(body, request)) return;
  if (request.digest().size() != 32)
    return protocol_error("ContentRequest whose digest does not have 32 bytes");
  port_.content_request(std::move(request));
}

}  // namespace muster::link
