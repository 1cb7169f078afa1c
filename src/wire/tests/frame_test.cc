// SPDX-License-Identifier: Apache-2.0
#include "wire/frame.h"

#include <gtest/gtest.h>

namespace muster::wire {
namespace {

TEST(Frame, RoundTrip) {
  Announce announce;
  announce.set_run(42);
  announce.set_outcome(OUTCOME_FAILED);
  announce.set_exit_code(-3);
  announce.set_stdout_inline(std::string("\xff\x00x", 3));
  const std::string bytes = encode(announce);
  const auto frame = split_link_frame(bytes);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->kind, FRAME_ANNOUNCE);
  Announce back;
  ASSERT_TRUE(decode(frame->body, back));
  EXPECT_EQ(back.SerializeAsString(), announce.SerializeAsString());
}

TEST(Frame, RefusesUnknownShortAndOversized) {
  EXPECT_EQ(split_link_frame("").error().code, core::Code::kInvalid);
  EXPECT_EQ(split_link_frame("\x01").error().code, core::Code::kInvalid);
  const auto unknown = split_link_frame(std::string("\x7f\x01", 2));
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("32513"), std::string::npos) << unknown.error().message;
  std::string heartbeat = encode(Heartbeat{});
  heartbeat.append(1000, 'x');
  EXPECT_EQ(split_link_frame(heartbeat).error().code, core::Code::kLimit);
}

TEST(Frame, RefusesMalformedProtobuf) {
  Hello hello;
  EXPECT_EQ(decode("\xff\xff\xff", hello).error().code, core::Code::kInvalid);
}

TEST(Frame, EveryKindOfTheSchemaHasALimit) {
  for (int kind = FrameKind_MIN; kind <= FrameKind_MAX; ++kind) {
    if (!FrameKind_IsValid(kind) || kind == FRAME_NONE) continue;
    EXPECT_GT(body_bytes_max(static_cast<FrameKind>(kind)), 0U) << kind;
    EXPECT_LE(body_bytes_max(static_cast<FrameKind>(kind)) + 2, kFrameBytesMax) << kind;
  }
  for (int kind = RegionKind_MIN; kind <= RegionKind_MAX; ++kind) {
    if (!RegionKind_IsValid(kind) || kind == REGION_NONE) continue;
    EXPECT_GT(body_bytes_max(static_cast<RegionKind>(kind)), 0U) << kind;
    EXPECT_LE(body_bytes_max(static_cast<RegionKind>(kind)) + 2, kRegionFrameBytesMax) << kind;
  }
}

TEST(Frame, TheLargestPieceOfContentFitsBothWays) {
  ContentData data;
  data.set_digest(std::string(32, 'd'));
  data.set_offset(1ULL << 40);
  data.set_total_bytes(1ULL << 41);
  data.set_data(std::string(kChunkBytesMax, 'x'));
  ContentDataDown down;
  *down.mutable_data() = data;
  EXPECT_TRUE(split_link_frame(encode(data)));
  EXPECT_TRUE(split_region_frame(encode(down)));
}

}  // namespace
}  // namespace muster::wire
