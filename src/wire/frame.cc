// SPDX-License-Identifier: Apache-2.0
#include "wire/frame.h"

#include <google/protobuf/stubs/logging.h>

#include "core/assert.h"

namespace muster::wire {
namespace {

constexpr std::size_t kKindBytes = 2;
constexpr std::size_t kSmall = 4 * 1024;
constexpr std::size_t kPayload = kChunkBytesMax + 256;
// A piece, or the sentence why there is none.
constexpr std::size_t kContent = kChunkBytesMax + 2 * 1024;

template <typename Kind>
core::Result<Frame<Kind>> split(std::string_view bytes, const char* link) {
  if (bytes.size() < kKindBytes)
    return core::fail(core::Code::kInvalid, std::string(link) + " frame without a kind");
  const auto number = static_cast<unsigned>(static_cast<unsigned char>(bytes[0]) << 8 |
                                            static_cast<unsigned char>(bytes[1]));
  const auto kind = static_cast<Kind>(number);
  const std::size_t limit = body_bytes_max(kind);
  if (limit == 0)
    return core::fail(core::Code::kInvalid,
                      std::string(link) + " frame of unknown kind " + std::to_string(number));
  bytes.remove_prefix(kKindBytes);
  if (bytes.size() > limit)
    return core::fail(core::Code::kLimit, std::string(link) + " frame of kind " +
                                              std::to_string(number) + " has " +
                                              std::to_string(bytes.size()) + " bytes, " +
                                              std::to_string(limit) + " are allowed");
  return Frame<Kind>{kind, bytes};
}

}  // namespace

std::size_t body_bytes_max(FrameKind kind) {
  switch (kind) {
    case FRAME_GOODBYE:
    case FRAME_WELCOME:
    case FRAME_CANCEL:
      return kSmall;
    case FRAME_HEARTBEAT:
    case FRAME_HEARTBEAT_ACK:
    case FRAME_STARTED:
    case FRAME_GRANT:
    case FRAME_CONTENT_REQUEST:
      return 128;
    case FRAME_HELLO:
      return 32 * 1024;
    case FRAME_OUTPUT:
    case FRAME_CHUNK:
      return kPayload;
    case FRAME_CONTENT_DATA:
      return kContent;
    case FRAME_ANNOUNCE:
      return kInlineResultBytesMax + kSmall;
    case FRAME_UPCALL:
    case FRAME_UPCALL_REPLY:
      return kUpcallBytesMax + kSmall;
    case FRAME_INVOKE:
      return kCommandBytesMax + kSmall;
    case FRAME_RESULT_ACK:
      return kHeldRunsMax * 8 + 16;
    case FRAME_NONE:
    default:
      return 0;
  }
}

std::size_t body_bytes_max(RegionKind kind) {
  switch (kind) {
    case REGION_GATEWAY_HELLO:
    case REGION_GATEWAY_WELCOME:
    case REGION_LINK_DOWN:
    case REGION_NOTICE:
    case REGION_ADMIT:
    case REGION_KICK:
    case REGION_PING:
    case REGION_PONG:
    case REGION_CONTENT_REQUEST:
    case REGION_CHUNKS_TAKEN:
    case REGION_INTAKE_TAKEN:
    case REGION_REPEAT_HELLO:
    case REGION_REPEAT_WELCOME:
      return 2 * kSmall;
    case REGION_TUNNEL_UP:
    case REGION_TUNNEL_DOWN:
      return kPayload;
    case REGION_CONTENT_DATA:
      return kContent + 16;
    case REGION_LINK_UP:
      return body_bytes_max(FRAME_HELLO) + kSmall;
    case REGION_UPCALL:
    case REGION_UPCALL_REPLY:
      return body_bytes_max(FRAME_UPCALL) + kSmall;
    case REGION_REPORTS:
    case REGION_INTAKE:
    case REGION_DISPATCH:
    case REGION_CANCEL_RUN:
    case REGION_ACKS:
      return kRegionFrameBytesMax - kKindBytes;
    case REGION_NONE:
    default:
      return 0;
  }
}

void append_frame(std::uint16_t kind, std::size_t body_max,
                  const google::protobuf::MessageLite& message, std::string& out) {
  const std::size_t size = message.ByteSizeLong();
  MUSTER_ASSERT(size <= body_max);
  const std::size_t start = out.size();
  out.resize(start + kKindBytes + size);
  out[start] = static_cast<char>(kind >> 8);
  out[start + 1] = static_cast<char>(kind & 255);
  message.SerializeWithCachedSizesToArray(
      reinterpret_cast<std::uint8_t*>(out.data() + start + kKindBytes));
}

core::Result<Frame<FrameKind>> split_link_frame(std::string_view bytes) {
  return split<FrameKind>(bytes, "link");
}

core::Result<Frame<RegionKind>> split_region_frame(std::string_view bytes) {
  return split<RegionKind>(bytes, "region");
}

core::Status decode(std::string_view body, google::protobuf::MessageLite& message) {
  // Protobuf would write a line to standard error for every string that is not UTF-8: a
  // hostile peer could fill a disk. The error that we return says it once.
  [[maybe_unused]] static const auto loud = google::protobuf::SetLogHandler(nullptr);
  if (!message.ParseFromArray(body.data(), static_cast<int>(body.size())))
    return core::fail(core::Code::kInvalid, "malformed " + message.GetTypeName());
  return {};
}

}  // namespace muster::wire
