// SPDX-License-Identifier: Apache-2.0
#include "orders/merkle.h"

#include <algorithm>

#include "core/assert.h"

namespace muster::orders {
namespace {

constexpr std::size_t kBytes = sizeof(core::Digest);

core::Digest node_of(std::string_view left, std::string_view right) {
  char text[1 + 2 * kBytes];
  text[0] = 1;
  left.copy(text + 1, kBytes);
  right.copy(text + 1 + kBytes, kBytes);
  return core::sha256_digest({text, sizeof text});
}

}  // namespace

core::Digest leaf_of(std::string_view endpoint, std::string_view instance, core::RunId run) {
  constexpr std::size_t kId = core::EndpointId::kBytes, kInstance = 16;
  char text[1 + kId + kInstance + 8] = {};
  MUSTER_ASSERT(endpoint.size() == kId && instance.size() == kInstance);
  endpoint.copy(text + 1, kId);
  instance.copy(text + 1 + kId, kInstance);
  for (std::size_t i = 0; i < 8; ++i)
    text[1 + kId + kInstance + i] = static_cast<char>(run.value() >> (56 - 8 * i));
  return core::sha256_digest({text, sizeof text});
}

Tree::Tree(std::vector<core::Digest> leaves) {
  MUSTER_ASSERT(!leaves.empty() && leaves.size() <= kLeavesMax);
  levels_.push_back(std::move(leaves));
  while (levels_.back().size() > 1) {
    const auto& below = levels_.back();
    std::vector<core::Digest> level;
    level.reserve((below.size() + 1) / 2);
    for (std::size_t i = 0; i + 1 < below.size(); i += 2)
      level.push_back(node_of(core::view(below[i]), core::view(below[i + 1])));
    if (below.size() % 2 == 1) level.push_back(below.back());
    levels_.push_back(std::move(level));
  }
}

core::Result<Tree> Tree::of(std::string_view leaves) {
  if (leaves.empty() || leaves.size() % kBytes != 0 || leaves.size() / kBytes > kLeavesMax)
    return core::fail(core::Code::kInvalid, "not a list of leaves");
  std::vector<core::Digest> list(leaves.size() / kBytes);
  leaves.copy(reinterpret_cast<char*>(list.data()), leaves.size());
  return Tree(std::move(list));
}

std::string Tree::proof(std::size_t index) const {
  std::string proof;
  for (const auto& level : levels_) {
    if (const std::size_t neighbour = index ^ 1; neighbour < level.size())
      proof += core::view(level[neighbour]);
    index /= 2;
  }
  return proof;
}

bool is_included(const core::Digest& leaf, std::size_t index, std::size_t leaves,
                 std::string_view proof, std::string_view root) {
  if (index >= leaves || leaves > kLeavesMax) return false;
  core::Digest node = leaf;
  for (; leaves > 1; leaves = (leaves + 1) / 2, index /= 2) {
    if ((index ^ 1) >= leaves) continue;  // handed up unchanged
    if (proof.size() < kBytes) return false;
    const std::string_view neighbour = proof.substr(0, kBytes);
    node = index % 2 == 0 ? node_of(core::view(node), neighbour)
                          : node_of(neighbour, core::view(node));
    proof.remove_prefix(kBytes);
  }
  return proof.empty() && core::view(node) == root;
}

}  // namespace muster::orders
