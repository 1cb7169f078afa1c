// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as the index of a pack, or as an index with its tables: refused, or one that writes
// nowhere but below its targets, and that is the same when it is written and read again.
#include <cstdint>

#include "content/layout.h"
#include "core/assert.h"
#include "packs/tables.h"

namespace {

using namespace muster;

void check_outline(const packs::Index& index) {
  std::uint64_t chunks = 0;
  for (const packs::Container& container : index.containers) {
    MUSTER_ASSERT(container.table < index.tables.size());
    chunks += container.count;
  }
  for (const packs::Entry& entry : index.entries) {
    MUSTER_ASSERT(entry.target <= index.steps());
    MUSTER_ASSERT(content::check_path(entry.path).has_value());
    for (const auto chunk : entry.chunks) MUSTER_ASSERT(chunk < chunks);
  }
  const auto again = packs::read_outline(packs::encode(index));
  MUSTER_ASSERT(again && *again == index);
}

void check_whole(const packs::Whole& whole) {
  const packs::Index& index = whole.index;
  for (const packs::Entry& entry : index.entries) {
    std::uint64_t bytes = 0;
    for (const auto chunk : entry.chunks) bytes += index.chunks.at(chunk).size;
    MUSTER_ASSERT(bytes == entry.size);
  }
  for (const packs::Chunk& chunk : index.chunks)
    MUSTER_ASSERT(chunk.offset + chunk.size <= index.containers.at(chunk.container).size);
  const auto again = packs::read_whole(packs::encode_whole(index, whole.encoded, whole.tables));
  MUSTER_ASSERT(again && again->index == index);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto index = packs::read_outline(bytes)) check_outline(*index);
  if (const auto whole = packs::read_whole(bytes)) check_whole(*whole);
  return 0;
}
