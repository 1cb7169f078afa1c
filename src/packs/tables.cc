// SPDX-License-Identifier: Apache-2.0
#include "packs/tables.h"

#include <algorithm>
#include <vector>

#include "content/chunker.h"
#include "pack.pb.h"
#include "packs/detail/index_check.h"

namespace muster::packs {
namespace {

using core::Code;
using core::fail;

constexpr std::size_t kDigestBytes = 32;

core::Result<wire::PackTable> read_table(std::string_view bytes, const Table& table) {
  if (core::ContentId::of(bytes) != table.id)
    return fail(Code::kCorrupt, "a table of chunks is not what the index says");
  wire::PackTable read;
  if (bytes.size() > kTableBytesMax ||
      !read.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      read.digests().size() != static_cast<std::size_t>(read.sizes_size()) * kDigestBytes)
    return fail(Code::kInvalid, "a table of chunks cannot be read");
  return read;
}

core::Status add_container(Index& index, std::uint32_t number, const wire::PackTable& table) {
  const Container& container = index.containers[number];
  const auto there = static_cast<std::uint32_t>(table.sizes_size());
  if (container.first > there || container.count > there - container.first)
    return fail(Code::kInvalid, "a container has chunks that its table has not");
  std::uint64_t offset = 0;
  for (std::uint32_t i = container.first; i < container.first + container.count; ++i) {
    const std::uint32_t size = table.sizes(static_cast<int>(i));
    if (size == 0 || size > content::kChunkBytesMax)
      return fail(Code::kLimit, "a chunk has an impossible size");
    MUSTER_ASSIGN(const auto id,
                  core::ContentId::from_bytes(
                      std::string_view(table.digests()).substr(i * kDigestBytes, kDigestBytes)));
    index.chunks.push_back({id, number, offset, size});
    offset += size;
  }
  if (offset == container.size) return {};
  return fail(Code::kInvalid, "a container is not as large as its chunks are");
}

}  // namespace

Tables make_tables(Index& index, std::size_t first) {
  Tables made;
  wire::PackTable table;
  const auto finish = [&] {
    if (table.sizes_size() == 0) return;
    std::string bytes = table.SerializeAsString();
    const auto id = core::ContentId::of(bytes);
    index.tables.push_back({id, bytes.size()});
    made.emplace(id, std::move(bytes));
    table.Clear();
  };
  for (const Chunk& chunk : index.chunks) {
    if (chunk.container < first) continue;
    Container& container = index.containers[chunk.container];
    if (container.count == 0) {
      if (static_cast<std::size_t>(table.sizes_size()) >= kTableChunks) finish();
      container.table = static_cast<std::uint32_t>(index.tables.size());
      container.first = static_cast<std::uint32_t>(table.sizes_size());
    }
    ++container.count;
    table.mutable_digests()->append(chunk.id.bytes());
    table.add_sizes(chunk.size);
  }
  finish();
  return made;
}

core::Status add_chunks(Index& outline, const Tables& tables) {
  std::vector<wire::PackTable> read;
  for (const Table& table : outline.tables) {
    const auto found = tables.find(table.id);
    if (found == tables.end()) return fail(Code::kNotFound, "a table of chunks is not there");
    MUSTER_ASSIGN(auto one, read_table(found->second, table));
    read.push_back(std::move(one));
  }
  outline.chunks.clear();
  for (std::uint32_t i = 0; i < outline.containers.size(); ++i)
    MUSTER_TRY(add_container(outline, i, read.at(outline.containers[i].table)));
  return detail::check_files(outline);
}

std::string encode_whole(const Index& index, std::string_view encoded, const Tables& tables) {
  wire::PackWhole message;
  message.set_index(std::string(encoded));
  for (const Table& table : index.tables) message.add_tables(tables.at(table.id));
  return message.SerializeAsString();
}

core::Result<Whole> read_whole(std::string_view bytes) {
  wire::PackWhole message;
  if (bytes.size() > kWholeBytesMax ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return fail(Code::kInvalid, "not the index of a file pack with its tables");
  Whole whole;
  whole.encoded = std::move(*message.mutable_index());
  MUSTER_ASSIGN(whole.index, read_outline(whole.encoded));
  for (std::string& table : *message.mutable_tables())
    whole.tables.emplace(core::ContentId::of(table), std::move(table));
  MUSTER_TRY(add_chunks(whole.index, whole.tables));
  return whole;
}

}  // namespace muster::packs
