// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a frame, from an endpoint or from a gateway: refused or decoded,
// never worse; and what decodes is encoded again within its limits.
#include <cstdint>

#include "core/assert.h"
#include "wire/frame.h"

namespace {

template <typename Message, typename Frame>
void try_kind(const Frame& frame) {
  if (static_cast<int>(frame.kind) != static_cast<int>(muster::wire::KindOf<Message>::kind)) return;
  Message message;
  if (!muster::wire::decode(frame.body, message)) return;
  Message again;
  MUSTER_ASSERT(again.ParseFromString(message.SerializeAsString()));
}

template <typename... Messages, typename Frame>
void try_all(const Frame& frame) {
  (try_kind<Messages>(frame), ...);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster::wire;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto frame = split_link_frame(bytes))
    try_all<Goodbye, Heartbeat, HeartbeatAck, Hello, Started, Output, Announce, Chunk,
            ContentRequest, Upcall, Welcome, SignedInvoke, Cancel, Grant, ResultAck, ContentData,
            UpcallReply>(*frame);
  if (const auto frame = split_region_frame(bytes))
    try_all<GatewayHello, LinkUp, LinkDown, Reports, UpcallUp, GatewayWelcome, Admit, Dispatch,
            CancelRun, Acks, Kick, UpcallReplyDown, RepeatHello, TunnelUp, RepeatWelcome,
            TunnelDown>(*frame);
  return 0;
}
