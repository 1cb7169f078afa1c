// SPDX-License-Identifier: Apache-2.0
//
// Any text as a pack.toml: refused with a place, or a description that names nothing outside of
// its folder.
#include <cstdint>

#include "content/layout.h"
#include "core/assert.h"
#include "packs/description.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster;
  const auto read = packs::read_description({reinterpret_cast<const char*>(data), size});
  if (!read) {
    MUSTER_ASSERT(!read.error().message.empty());
    return 0;
  }
  MUSTER_ASSERT(packs::check_name(read->name).has_value());
  for (const auto& target : read->targets) {
    MUSTER_ASSERT(content::check_path(target.from).has_value());
    MUSTER_ASSERT(packs::check_target(target.to).has_value());
  }
  return 0;
}
