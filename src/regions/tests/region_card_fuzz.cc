// SPDX-License-Identifier: Apache-2.0
//
// Any text as a region's card: refused, or read, bounded, and written back as the same.
#include <cstdint>

#include "core/assert.h"
#include "regions/card.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster::regions;
  const auto card = Card::parse({reinterpret_cast<const char*>(data), size});
  if (!card) {
    MUSTER_ASSERT(!card.error().message.empty());
    return 0;
  }
  MUSTER_ASSERT(is_valid_region_name(card->name));
  MUSTER_ASSERT(!card->addresses.empty() && card->addresses.size() <= Card::kAddressesMax);
  MUSTER_ASSERT(card->fingerprint().size() == 32 && card->region().size() == 26);
  const auto again = Card::parse(card->str());
  MUSTER_ASSERT(again && again->str() == card->str());
  return 0;
}
