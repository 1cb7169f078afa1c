// SPDX-License-Identifier: Apache-2.0
//
// A Merkle tree over the targets of an order: one signature covers all of them, and
// each is shown its own place with one hash per level.
//
// Leaves and inner nodes are hashed with different first bytes, so that none passes for
// the other (RFC 6962, 2.1). A level with an odd number of nodes hands its last one up
// unchanged. The number of leaves is signed beside the root.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/ids.h"

namespace muster::orders {

inline constexpr std::size_t kLeavesMax = 1 << 20;

/// One endpoint (16 bytes of id), one instance of its agent (16 bytes), one run.
core::Digest leaf_of(std::string_view endpoint, std::string_view instance, core::RunId run);

class Tree {
 public:
  /// REQUIRES: at least one leaf, at most kLeavesMax.
  explicit Tree(std::vector<core::Digest> leaves);
  /// `leaves`: 32 bytes each, concatenated.
  static core::Result<Tree> of(std::string_view leaves);

  const core::Digest& root() const { return levels_.back().front(); }
  std::size_t leaves() const { return levels_.front().size(); }
  /// 32 bytes a level, the leaf's neighbour first.
  std::string proof(std::size_t index) const;

 private:
  std::vector<std::vector<core::Digest>> levels_;  ///< leaves first
};

/// True where `proof` leads from this leaf at this place to `root`.
bool is_included(const core::Digest& leaf, std::size_t index, std::size_t leaves,
                 std::string_view proof, std::string_view root);

}  // namespace muster::orders
