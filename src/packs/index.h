// SPDX-License-Identifier: Apache-2.0
//
// Index is what a file pack's version consists of: where its files go, each with its owner,
// mode and digest, and of which chunks they are made (docs/formats/file-pack.md).
//
// Chunks do not travel one by one: they lie in containers, which are objects of content. A
// new version names the containers of older ones as far as it still needs them, and adds
// its own with what is new; so its difference is what travels. For the same reason digests
// of chunks are not in the index: tables (tables.h) have them, and a new version adds one.
//
// The index is an object of a signed method package. Whoever reads it relies on read_outline()
// for all that is checked here: no path leaves its target, and nothing lies behind a link.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/result.h"

namespace muster::packs {

inline constexpr std::size_t kEntriesMax = 100'000;
inline constexpr std::size_t kTargetsMax = 16;
inline constexpr std::size_t kChunksMax = 4'000'000;
inline constexpr std::size_t kContainersMax = 2'000;
/// How often all files together may name a chunk: what is repeated is named again.
inline constexpr std::size_t kChunkUsesMax = 10'000'000;
inline constexpr std::uint64_t kContainerBytesMax = 64ULL << 20;
inline constexpr std::uint64_t kPackBytesMax = 64ULL << 30;
inline constexpr std::size_t kIndexBytesMax = 60ULL << 20;
inline constexpr std::size_t kNameBytesMax = 60;
inline constexpr std::size_t kVersionBytesMax = 64;
inline constexpr std::size_t kDescriptionBytesMax = 1024;

struct Target {
  std::string path;    ///< absolute
  bool owned = false;  ///< the whole folder is the pack's
  auto operator<=>(const Target&) const = default;
};

enum class Kind { kFile, kDirectory, kSymlink };

struct Entry {
  std::uint32_t target = 0;  ///< index into targets, or Index::steps()
  std::string path;          ///< below the target
  Kind kind = Kind::kFile;
  std::uint32_t mode = 0;  ///< permission bits; 0 of a symlink
  std::string owner;       ///< empty: who installs
  std::string group;
  std::uint64_t size = 0;             ///< of a file
  core::ContentId sha256;             ///< of a file
  std::vector<std::uint32_t> chunks;  ///< of a file, in order: indices into Index::chunks
  std::string link;                   ///< of a symlink
  bool operator==(const Entry&) const = default;
};

struct Chunk {
  core::ContentId id;
  std::uint32_t container = 0;
  std::uint64_t offset = 0;
  std::uint32_t size = 0;
  bool operator==(const Chunk&) const = default;
};

struct Table {
  core::ContentId id;
  std::uint64_t size = 0;
  bool operator==(const Table&) const = default;
};

struct Container {
  core::ContentId id;
  std::uint64_t size = 0;
  std::uint32_t table = 0;  ///< index into Index::tables
  std::uint32_t first = 0;  ///< its first chunk in the table
  std::uint32_t count = 0;  ///< of its chunks
  bool operator==(const Container&) const = default;
};

struct Index {
  std::string name;
  std::string version;
  std::string description;
  std::vector<Target> targets;
  std::vector<Entry> entries;  ///< sorted by target, then path
  /// All chunks of all containers, in their order, needed or not; empty in an outline.
  std::vector<Chunk> chunks;
  std::vector<Container> containers;
  std::vector<Table> tables;
  std::uint32_t chunk_bytes = 0;  ///< what they were meant to have on average
  std::string pre;                ///< path of a step; empty: none
  std::string post;               ///< the same
  bool operator==(const Index&) const = default;

  /// The target that steps are said to have: they lie nowhere on the machine.
  std::uint32_t steps() const { return static_cast<std::uint32_t>(targets.size()); }
  const Entry* find(std::uint32_t target, std::string_view path) const;
  /// Of all files.
  std::uint64_t bytes() const;
};

/// The index's bytes: the same for the same index, always. Chunks are not among them.
std::string encode(const Index& index);

/// Reads foreign bytes and checks all that installing relies on but the chunks, which
/// add_chunks() adds and checks. kInvalid or kLimit with the reason.
core::Result<Index> read_outline(std::string_view bytes);

/// A pack's name: lower-case letters, digits and '_', a letter first.
core::Status check_name(std::string_view name);
core::Status check_version(std::string_view version);
/// A folder that a pack may write into. An owned one lies at least two levels deep, so that
/// no pack replaces /etc.
core::Status check_target(const Target& target);
/// A link's text that stays within its target, seen from where the link lies.
core::Status check_link(const Target& target, std::string_view path, std::string_view link);

}  // namespace muster::packs
