// SPDX-License-Identifier: Apache-2.0
#include "orders/order_frames.h"

#include "wire/frame.h"

namespace muster::orders {
namespace {

/// Of `index` and `proof`: 20 levels and their headers.
constexpr std::size_t kPlaceBytesMax = 1024;

}  // namespace

core::Result<OrderFrames> OrderFrames::of(wire::Dispatch& message) {
  using core::Code;
  const std::size_t targets = message.targets().size() / core::EndpointId::kBytes;
  if (static_cast<std::size_t>(message.links_size()) != targets)
    return core::fail(Code::kInvalid, "the order does not name a link for each target");
  OrderFrames frames;
  if (!message.order().empty()) {
    MUSTER_ASSIGN(frames.tree_, Tree::of(message.leaves()));
    if (frames.tree_->leaves() != targets)
      return core::fail(Code::kInvalid, "the order has not one leaf for each target");
  }
  wire::SignedInvoke common;
  common.set_invoke(std::move(*message.mutable_invoke()));
  common.set_order(std::move(*message.mutable_order()));
  common.set_signature(std::move(*message.mutable_signature()));
  if (common.ByteSizeLong() + kPlaceBytesMax > wire::body_bytes_max(wire::FRAME_INVOKE))
    return core::fail(Code::kLimit, "the work is too large for a link");
  frames.frame_ = wire::encode(common);
  frames.common_bytes_ = frames.frame_.size();
  return frames;
}

std::string_view OrderFrames::frame(std::size_t index) {
  if (!tree_) return frame_;
  frame_.resize(common_bytes_);
  wire::SignedInvoke place;
  place.set_index(static_cast<std::uint32_t>(index));
  place.set_proof(tree_->proof(index));
  place.AppendToString(&frame_);
  return frame_;
}

}  // namespace muster::orders
