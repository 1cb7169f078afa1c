// SPDX-License-Identifier: Apache-2.0
//
// Chunker says where to cut bytes, so that what two versions of a file have in common is
// cut alike and travels once, also where something was inserted before it.
//
// A rolling hash over the last 64 bytes (gear) decides: a cut is where its highest bits are
// zero. Normalised as FastCDC does (Xia et al., "FastCDC", USENIX ATC 2016): a stricter
// mask before the average, a looser one behind it, so that sizes lie close together.
//
// The cuts are part of no format: a reader takes chunks as they come. Only how much two
// versions share depends on both having been cut by the same rule.
//
// Pure logic; streaming: how the bytes are split over calls changes no cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace muster::content {

/// The average is chosen by who cuts, a power of two between these; the smallest chunk is a
/// quarter of it, the largest four times as large.
inline constexpr std::size_t kChunkBytesAverageMin = 4 * 1024;
inline constexpr std::size_t kChunkBytesAverageMax = 64 * 1024;
inline constexpr std::size_t kChunkBytesMax = 4 * kChunkBytesAverageMax;

class Chunker {
 public:
  /// REQUIRES: a power of two within the limits.
  explicit Chunker(std::size_t average);
  /// How many of `bytes`, which go on where the last call ended, belong to the current chunk,
  /// which ends there and the next begins; nullopt: all of them do, and it goes on. What is
  /// left when the file ends is the last chunk.
  std::optional<std::size_t> next_cut(std::string_view bytes);
  /// Bytes of the current chunk so far.
  std::size_t pending() const { return size_; }
  /// The file has ended: what comes next begins a chunk.
  void reset();

 private:
  const std::size_t average_;
  // Two bits more than the average's before it, two less behind it.
  const int strict_shift_;
  const int loose_shift_;
  std::size_t size_ = 0;
  std::uint64_t hash_ = 0;
};

}  // namespace muster::content
