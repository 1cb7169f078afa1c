// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as frames, cut at any place: the same events come out, within the limit.
// The first byte chooses the role and the cut.
#include <cstdint>
#include <string>

#include "core/assert.h"
#include "net/detail/websocket_frame.h"

namespace {

using muster::net::detail::FrameReader;
constexpr std::size_t kMessageMax = 1000;

std::string events(std::string bytes, bool masked, std::size_t step) {
  FrameReader reader(masked, kMessageMax);
  std::string seen;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    std::string piece = bytes.substr(at, step);
    std::span<char> rest(piece);
    for (;;) {
      const auto event = reader.next(rest);
      if (event == FrameReader::Step::kNeedMore) break;
      MUSTER_ASSERT(reader.payload().size() <= kMessageMax);
      seen += std::to_string(static_cast<int>(event)) + ":" + std::string(reader.payload()) + ";";
      if (event == FrameReader::Step::kBroken) return seen;
    }
    MUSTER_ASSERT(rest.empty());
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool masked = (data[0] & 1) != 0;
  const std::size_t step = 1 + (data[0] >> 1);
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  MUSTER_ASSERT(events(bytes, masked, step) == events(bytes, masked, bytes.size() + 1));
  return 0;
}
