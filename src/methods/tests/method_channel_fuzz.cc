// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as what a method writes to its channel, in pieces: the first byte says how large.
#include <algorithm>
#include <cstdint>

#include "core/assert.h"
#include "core/bytes.h"
#include "methods/channel.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster;
  if (size == 0) return 0;
  const std::size_t step = data[0] % 64 + 1;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  methods::Channel channel;
  core::MonoTime now{};
  std::size_t pending = 0;
  while (!bytes.empty()) {
    const auto heard = channel.receive(bytes.substr(0, step), now);
    bytes.remove_prefix(std::min(step, bytes.size()));
    now += std::chrono::milliseconds(10);
    pending += heard.calls.size();
    MUSTER_ASSERT(pending <= methods::kChannelCallsPendingMax);
    MUSTER_ASSERT(heard.replies.empty() || heard.replies.ends_with("}\n"));
    for (const auto& call : heard.calls) {
      MUSTER_ASSERT(!call.name.empty() && core::is_utf8(call.name));
      if (call.id % 2 == 0) continue;  // its reply never comes
      --pending;
      const std::string line = channel.reply(call.id, call.body);
      MUSTER_ASSERT(line.find('\n') == line.size() - 1);
    }
    if (const auto progress = channel.take_progress(now)) {
      MUSTER_ASSERT(progress->percent.value_or(0) <= 100);
      MUSTER_ASSERT(core::is_utf8(progress->text));
    }
  }
  return 0;
}
