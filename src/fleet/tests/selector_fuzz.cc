// SPDX-License-Identifier: Apache-2.0
//
// Any text as a selector: refused with a column inside or just behind it, or compiled
// and matched, never worse.
#include <cstdint>

#include "core/assert.h"
#include "fleet/selector.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto selector = fleet::Selector::parse(text);
  if (!selector) {
    MUSTER_ASSERT(selector.error().column >= 1 && selector.error().column <= size + 1);
    return 0;
  }
  static const core::EndpointId id = core::EndpointId::of_public_key("key");
  static const fleet::Platform platform{"linux", "debian", "12", "6.1", "x86_64", "0.1.0", {"a"}};
  static const fleet::Labels labels = {{"role", "db"}, {"site", "a"}};
  fleet::Subject subject;
  subject.id = &id;
  subject.name = "web07";
  subject.platform = &platform;
  subject.labels = labels;
  const bool first = selector->matches(subject);
  MUSTER_ASSERT(selector->matches(subject) == first);
  if (text.size() + 6 <= fleet::kSelectorBytesMax) {
    // Whatever was accepted is accepted in parentheses, and negated it means the opposite.
    const auto negated = fleet::Selector::parse("not (" + std::string(text) + ")");
    if (negated) MUSTER_ASSERT(negated->matches(subject) != first);
  }
  return 0;
}
