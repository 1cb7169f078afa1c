// SPDX-License-Identifier: Apache-2.0
//
// A table says of which chunks containers are made: digests and sizes, in order. It is an
// object of content of its own, one for what was published together, so that the index of a
// version that changes little is little, however large the pack is.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "packs/index.h"

namespace muster::packs {

/// Chunks that a table gets before the next one begins.
inline constexpr std::size_t kTableChunks = 262'144;
inline constexpr std::uint64_t kTableBytesMax = 16ULL << 20;

/// Tables by their digest.
using Tables = std::map<core::ContentId, std::string>;

/// Gives the containers from `first` on, whose chunks stand in the index, tables; their bytes.
Tables make_tables(Index& index, std::size_t first);

/// Adds what an outline lacks. kNotFound: a table is not there; kCorrupt: it is not what the
/// index says; kInvalid, kLimit: what it says is impossible.
core::Status add_chunks(Index& outline, const Tables& tables);

/// An index with all that it needs (wire::PackWhole).
struct Whole {
  std::string encoded;
  Index index;
  Tables tables;
};
/// REQUIRES: `tables` has all of the index.
std::string encode_whole(const Index& index, std::string_view encoded, const Tables& tables);
core::Result<Whole> read_whole(std::string_view bytes);
inline constexpr std::size_t kWholeBytesMax = kIndexBytesMax + (128ULL << 20);

}  // namespace muster::packs
