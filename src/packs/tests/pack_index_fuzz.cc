// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as the index of a pack: refused, or one that writes nowhere but below its targets,
// and that is the same when it is written and read again.
#include <cstdint>

#include "content/layout.h"
#include "core/assert.h"
#include "packs/index.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster;
  const auto index = packs::read_index({reinterpret_cast<const char*>(data), size});
  if (!index) return 0;
  for (const packs::Entry& entry : index->entries) {
    MUSTER_ASSERT(entry.target <= index->steps());
    MUSTER_ASSERT(content::check_path(entry.path).has_value());
    std::uint64_t bytes = 0;
    for (const auto chunk : entry.chunks) bytes += index->chunks.at(chunk).size;
    MUSTER_ASSERT(bytes == entry.size);
  }
  for (const packs::Chunk& chunk : index->chunks)
    MUSTER_ASSERT(chunk.offset + chunk.size <= index->containers.at(chunk.container).size);
  const auto again = packs::read_index(packs::encode(*index));
  MUSTER_ASSERT(again && *again == *index);
  return 0;
}
