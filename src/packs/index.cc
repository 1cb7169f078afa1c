// SPDX-License-Identifier: Apache-2.0
#include "packs/index.h"

#include <algorithm>
#include <tuple>

#include "core/bytes.h"
#include "pack.pb.h"
#include "packs/detail/index_check.h"

namespace muster::packs {
namespace {

using core::Code;
using core::fail;

constexpr std::uint32_t kFormat = 2;

wire::PackKind to_wire(Kind kind) {
  switch (kind) {
    case Kind::kFile:
      return wire::PACK_FILE;
    case Kind::kDirectory:
      return wire::PACK_DIRECTORY;
    case Kind::kSymlink:
      return wire::PACK_SYMLINK;
  }
  return wire::PACK_NONE;
}

core::Result<Kind> from_wire(wire::PackKind kind) {
  switch (kind) {
    case wire::PACK_FILE:
      return Kind::kFile;
    case wire::PACK_DIRECTORY:
      return Kind::kDirectory;
    case wire::PACK_SYMLINK:
      return Kind::kSymlink;
    default:
      return fail(Code::kInvalid, "an entry is of an unknown kind");
  }
}

/// The chunks that `runs` name; `uses` is what may still be named.
core::Result<std::vector<std::uint32_t>> read_runs(const wire::PackEntry& from,
                                                   std::uint32_t chunks, std::size_t& uses) {
  std::vector<std::uint32_t> all;
  if (from.runs_size() % 2 != 0) return fail(Code::kInvalid, "a file names half of its chunks");
  for (int i = 0; i < from.runs_size(); i += 2) {
    const std::uint32_t first = from.runs(i), count = from.runs(i + 1);
    if (first >= chunks || count > chunks - first || count == 0)
      return fail(Code::kInvalid,
                  "the file '" + core::printable(from.path(), 200) + "' names a chunk of none");
    if (count > uses) return fail(Code::kLimit, "the pack's files repeat too much");
    uses -= count;
    for (std::uint32_t k = 0; k < count; ++k) all.push_back(first + k);
  }
  return all;
}

void write_runs(const std::vector<std::uint32_t>& chunks, wire::PackEntry& to) {
  for (std::size_t i = 0; i < chunks.size();) {
    std::size_t end = i + 1;
    while (end < chunks.size() && chunks[end] == chunks[end - 1] + 1) ++end;
    to.add_runs(chunks[i]);
    to.add_runs(static_cast<std::uint32_t>(end - i));
    i = end;
  }
}

core::Result<Entry> read_entry(wire::PackEntry& from, std::uint32_t chunks, std::size_t& uses) {
  Entry entry;
  entry.target = from.target();
  entry.path = std::move(*from.mutable_path());
  MUSTER_ASSIGN(entry.kind, from_wire(from.kind()));
  entry.mode = from.mode();
  entry.owner = std::move(*from.mutable_owner());
  entry.group = std::move(*from.mutable_group());
  entry.size = from.size();
  if (entry.kind == Kind::kFile) {
    MUSTER_ASSIGN(entry.sha256, core::ContentId::from_bytes(from.sha256()));
  }
  MUSTER_ASSIGN(entry.chunks, read_runs(from, chunks, uses));
  entry.link = std::move(*from.mutable_link());
  return entry;
}

core::Status check_counts(const wire::PackIndex& message) {
  const auto limited = [](int count, std::size_t most, std::string_view what) -> core::Status {
    if (static_cast<std::size_t>(count) <= most) return {};
    return fail(Code::kLimit, "the pack has " + std::to_string(count) + " " + std::string(what) +
                                  "; " + std::to_string(most) + " are allowed");
  };
  MUSTER_TRY(limited(message.targets_size(), kTargetsMax, "targets"));
  MUSTER_TRY(limited(message.entries_size(), kEntriesMax, "files and folders"));
  MUSTER_TRY(limited(message.tables_size(), kContainersMax, "tables"));
  return limited(message.containers_size(), kContainersMax, "containers");
}

}  // namespace

const Entry* Index::find(std::uint32_t target, std::string_view path) const {
  const auto found = std::ranges::lower_bound(
      entries, std::tuple(target, path), std::ranges::less(),
      [](const Entry& entry) { return std::tuple(entry.target, std::string_view(entry.path)); });
  return found != entries.end() && found->target == target && found->path == path ? &*found
                                                                                  : nullptr;
}

std::uint64_t Index::bytes() const {
  std::uint64_t sum = 0;
  for (const Entry& entry : entries) sum += entry.size;
  return sum;
}

std::string encode(const Index& index) {
  wire::PackIndex message;
  message.set_format(kFormat);
  message.set_name(index.name);
  message.set_version(index.version);
  message.set_description(index.description);
  for (const Target& target : index.targets) {
    auto& to = *message.add_targets();
    to.set_path(target.path);
    to.set_owned(target.owned);
  }
  for (const Entry& entry : index.entries) {
    auto& to = *message.add_entries();
    to.set_target(entry.target);
    to.set_path(entry.path);
    to.set_kind(to_wire(entry.kind));
    to.set_mode(entry.mode);
    to.set_owner(entry.owner);
    to.set_group(entry.group);
    to.set_size(entry.size);
    if (entry.kind == Kind::kFile) to.set_sha256(std::string(entry.sha256.bytes()));
    write_runs(entry.chunks, to);
    to.set_link(entry.link);
  }
  for (const Container& container : index.containers) {
    auto& to = *message.add_containers();
    to.set_sha256(std::string(container.id.bytes()));
    to.set_size(container.size);
    to.set_table(container.table);
    to.set_first(container.first);
    to.set_count(container.count);
  }
  for (const Table& table : index.tables) {
    auto& to = *message.add_tables();
    to.set_sha256(std::string(table.id.bytes()));
    to.set_size(table.size);
  }
  message.set_chunk_bytes(index.chunk_bytes);
  message.set_pre(index.pre);
  message.set_post(index.post);
  return message.SerializeAsString();  // fields by number, no maps: one encoding
}

core::Result<Index> read_outline(std::string_view bytes) {
  if (bytes.size() > kIndexBytesMax)
    return fail(Code::kLimit, "the pack's index has " + std::to_string(bytes.size()) + " bytes; " +
                                  std::to_string(kIndexBytesMax) + " are allowed");
  wire::PackIndex message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return fail(Code::kInvalid, "not the index of a file pack");
  // What came before it was never released.
  if (message.format() != kFormat)
    return fail(Code::kInvalid, "the pack is of format " + std::to_string(message.format()) +
                                    "; this version reads " + std::to_string(kFormat));
  MUSTER_TRY(check_counts(message));
  Index index;
  index.name = message.name();
  index.version = message.version();
  index.description = message.description();
  for (const auto& from : message.targets()) index.targets.push_back({from.path(), from.owned()});
  for (const auto& from : message.tables()) {
    MUSTER_ASSIGN(const auto id, core::ContentId::from_bytes(from.sha256()));
    index.tables.push_back({id, from.size()});
  }
  for (const auto& from : message.containers()) {
    MUSTER_ASSIGN(const auto id, core::ContentId::from_bytes(from.sha256()));
    index.containers.push_back({id, from.size(), from.table(), from.first(), from.count()});
  }
  MUSTER_ASSIGN(const std::uint32_t chunks, detail::check_containers(index));
  std::size_t uses = kChunkUsesMax;
  index.entries.reserve(static_cast<std::size_t>(message.entries_size()));
  for (auto& from : *message.mutable_entries()) {
    MUSTER_ASSIGN(Entry entry, read_entry(from, chunks, uses));
    index.entries.push_back(std::move(entry));
  }
  index.chunk_bytes = message.chunk_bytes();
  index.pre = message.pre();
  index.post = message.post();
  MUSTER_TRY(detail::check_outline(index));
  return index;
}

}  // namespace muster::packs
