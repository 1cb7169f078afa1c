// SPDX-License-Identifier: Apache-2.0
#include "content/chunker.h"

#include <algorithm>
#include <array>
#include <bit>

#include "core/assert.h"

namespace muster::content {
namespace {

/// Bytes that the hash remembers: older ones have left its 64 bits.
constexpr std::size_t kWindow = 64;

/// 256 random numbers, the same in every build (splitmix64).
constexpr std::array<std::uint64_t, 256> make_gear() {
  std::array<std::uint64_t, 256> gear{};
  std::uint64_t state = 0x4d75737465722031;  // "Muster 1"
  for (std::uint64_t& number : gear) {
    std::uint64_t mixed = (state += 0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    number = mixed ^ (mixed >> 31);
  }
  return gear;
}
constexpr std::array<std::uint64_t, 256> kGear = make_gear();

}  // namespace

Chunker::Chunker(std::size_t average)
    : average_(average),
      strict_shift_(64 - std::countr_zero(average) - 2),
      loose_shift_(64 - std::countr_zero(average) + 2) {
  MUSTER_ASSERT(std::has_single_bit(average) && average >= kChunkBytesAverageMin &&
                average <= kChunkBytesAverageMax);
}

std::optional<std::size_t> Chunker::next_cut(std::string_view bytes) {
  const std::size_t smallest = average_ / 4, largest = average_ * 4;
  std::size_t at = 0;
  // No cut comes before the minimum, and what is older than the window leaves no trace.
  if (size_ + kWindow < smallest) at = std::min(bytes.size(), smallest - kWindow - size_);
  const std::size_t before = size_;
  std::uint64_t hash = hash_;
  const auto run = [&](std::size_t until, std::size_t least, int shift) {
    const std::size_t end = until > before ? std::min(bytes.size(), until - before) : 0;
    while (at < end) {
      hash = (hash << 1) + kGear[static_cast<unsigned char>(bytes[at++])];
      if ((hash >> shift) == 0 && before + at >= least) return true;
    }
    return false;
  };
  const bool cut = run(smallest, smallest, strict_shift_) ||
                   run(average_, smallest, strict_shift_) || run(largest, smallest, loose_shift_);
  if (cut || before + at >= largest) {
    reset();
    return at;
  }
  size_ = before + at;
  hash_ = hash;
  return std::nullopt;
}

void Chunker::reset() {
  size_ = 0;
  hash_ = 0;
}

}  // namespace muster::content
