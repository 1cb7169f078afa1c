// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as what a method tells: refused, or within its limits and read again alike.
#include <cstdint>

#include "core/assert.h"
#include "core/bytes.h"
#include "intake/items.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster::intake;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto event = read_event(bytes)) {
    MUSTER_ASSERT(event->text.size() <= 4 * kEventTextBytesMax &&
                  muster::core::is_utf8(event->text));
    MUSTER_ASSERT(!event->kind.empty() && event->kind.size() <= kNameBytesMax);
    MUSTER_ASSERT(event->data.size() <= kEventDataBytesMax);
  }
  if (const auto report = read_inventory(bytes)) {
    MUSTER_ASSERT(report->data.size() <= kInventoryBytesMax);
    MUSTER_ASSERT(
        read_inventory("{\"table\":\"" + report->table + "\",\"data\":" + report->data + "}"));
  }
  return 0;
}
