// SPDX-License-Identifier: Apache-2.0
//
// OrderFrames turns one Dispatch into a frame for each of its targets: what is common is
// encoded once, the target's place in the tree is appended (Protobuf reads fields in any
// order, so a message may be put together from pieces).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "link.pb.h"
#include "orders/merkle.h"
#include "region.pb.h"

namespace muster::orders {

class OrderFrames {
 public:
  /// kInvalid where its lists are not as long as each other; kLimit where the work is
  /// too large for a frame. Takes `invoke`, `order` and `signature` out of the message.
  static core::Result<OrderFrames> of(wire::Dispatch& message);

  /// The frame of target `index`; valid until the next call.
  std::string_view frame(std::size_t index);

 private:
  OrderFrames() = default;
  std::optional<Tree> tree_;  ///< none: the work needs no order
  std::string frame_;
  std::size_t common_bytes_ = 0;
};

}  // namespace muster::orders
