// SPDX-License-Identifier: Apache-2.0
//
// From message to frame and back: a big-endian 16-bit kind, then Protobuf.
//
// The kind is looked up in a fixed table first: an unknown number, or a body longer
// than its kind may have, is refused before Protobuf sees a byte.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/result.h"
#include "link.pb.h"
#include "region.pb.h"
#include "wire/limits.h"

namespace muster::wire {

/// The largest body that a frame of this kind may have; 0 for an unknown kind.
std::size_t body_bytes_max(FrameKind kind);
std::size_t body_bytes_max(RegionKind kind);

/// The kind of each message type.
template <typename Message>
struct KindOf;
#define MUSTER_WIRE_KIND(Message, kind_value) \
  template <>                                 \
  struct KindOf<Message> {                    \
    static constexpr auto kind = kind_value;  \
  }
MUSTER_WIRE_KIND(Goodbye, FRAME_GOODBYE);
MUSTER_WIRE_KIND(Heartbeat, FRAME_HEARTBEAT);
MUSTER_WIRE_KIND(HeartbeatAck, FRAME_HEARTBEAT_ACK);
MUSTER_WIRE_KIND(Hello, FRAME_HELLO);
MUSTER_WIRE_KIND(Started, FRAME_STARTED);
MUSTER_WIRE_KIND(Output, FRAME_OUTPUT);
MUSTER_WIRE_KIND(Announce, FRAME_ANNOUNCE);
MUSTER_WIRE_KIND(Chunk, FRAME_CHUNK);
MUSTER_WIRE_KIND(ContentRequest, FRAME_CONTENT_REQUEST);
MUSTER_WIRE_KIND(Upcall, FRAME_UPCALL);
MUSTER_WIRE_KIND(Welcome, FRAME_WELCOME);
MUSTER_WIRE_KIND(SignedInvoke, FRAME_INVOKE);
MUSTER_WIRE_KIND(Cancel, FRAME_CANCEL);
MUSTER_WIRE_KIND(Grant, FRAME_GRANT);
MUSTER_WIRE_KIND(ResultAck, FRAME_RESULT_ACK);
MUSTER_WIRE_KIND(ContentData, FRAME_CONTENT_DATA);
MUSTER_WIRE_KIND(UpcallReply, FRAME_UPCALL_REPLY);
MUSTER_WIRE_KIND(GatewayHello, REGION_GATEWAY_HELLO);
MUSTER_WIRE_KIND(LinkUp, REGION_LINK_UP);
MUSTER_WIRE_KIND(LinkDown, REGION_LINK_DOWN);
MUSTER_WIRE_KIND(Reports, REGION_REPORTS);
MUSTER_WIRE_KIND(UpcallUp, REGION_UPCALL);
MUSTER_WIRE_KIND(Notice, REGION_NOTICE);
MUSTER_WIRE_KIND(GatewayWelcome, REGION_GATEWAY_WELCOME);
MUSTER_WIRE_KIND(Admit, REGION_ADMIT);
MUSTER_WIRE_KIND(Dispatch, REGION_DISPATCH);
MUSTER_WIRE_KIND(CancelRun, REGION_CANCEL_RUN);
MUSTER_WIRE_KIND(Acks, REGION_ACKS);
MUSTER_WIRE_KIND(Kick, REGION_KICK);
MUSTER_WIRE_KIND(UpcallReplyDown, REGION_UPCALL_REPLY);
MUSTER_WIRE_KIND(ContentRequestUp, REGION_CONTENT_REQUEST);
MUSTER_WIRE_KIND(ContentDataDown, REGION_CONTENT_DATA);
MUSTER_WIRE_KIND(ChunksTaken, REGION_CHUNKS_TAKEN);
MUSTER_WIRE_KIND(IntakeUp, REGION_INTAKE);
MUSTER_WIRE_KIND(IntakeTaken, REGION_INTAKE_TAKEN);
MUSTER_WIRE_KIND(RepeatHello, REGION_REPEAT_HELLO);
MUSTER_WIRE_KIND(TunnelUp, REGION_TUNNEL_UP);
MUSTER_WIRE_KIND(RepeatWelcome, REGION_REPEAT_WELCOME);
MUSTER_WIRE_KIND(TunnelDown, REGION_TUNNEL_DOWN);
#undef MUSTER_WIRE_KIND

/// Appends the whole frame to `out`. The caller keeps within the limits: a body
/// that is too large is our mistake and asserts.
void append_frame(std::uint16_t kind, std::size_t body_max,
                  const google::protobuf::MessageLite& message, std::string& out);

/// The frame of `message`.
template <typename Message>
std::string encode(const Message& message) {
  std::string frame;
  append_frame(KindOf<Message>::kind, body_bytes_max(KindOf<Message>::kind), message, frame);
  return frame;
}

/// A frame taken apart: a known kind, and a body within that kind's limit.
template <typename Kind>
struct Frame {
  Kind kind{};
  std::string_view body;  ///< points into the received bytes
};

/// Takes a received frame apart. kInvalid: too short, or an unknown number (the
/// message names it); kLimit: too large for its kind.
core::Result<Frame<FrameKind>> split_link_frame(std::string_view bytes);
core::Result<Frame<RegionKind>> split_region_frame(std::string_view bytes);

/// The message in `body`; kInvalid where it is not well-formed Protobuf.
core::Status decode(std::string_view body, google::protobuf::MessageLite& message);

/// Decodes `body` as a Message and hands it to `handle`.
template <typename Message, typename Handle>
core::Status decoded(std::string_view body, Handle handle) {
  Message message;
  MUSTER_TRY(decode(body, message));
  handle(std::move(message));
  return {};
}

}  // namespace muster::wire
