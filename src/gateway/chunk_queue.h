// SPDX-License-Identifier: Apache-2.0
//
// ChunkQueue holds the pieces of large results that wait for their way to the server.
//
// A server's disk is slower than two hundred endpoints. What the gateway sent on at once
// would fill the connection, and then the server's memory, and every small answer would
// wait behind it. So only kChunksAheadBytesMax go ahead of what the server says it has
// taken; the rest waits here, and what is small passes by. How much can wait is bounded
// by the credit that the gateway grants (link::CreditWindow).
//
// Pure logic; belongs to the gateway's loop.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "core/ids.h"
#include "link.pb.h"
#include "link/limits.h"

namespace muster::gateway {

class ChunkQueue {
 public:
  struct Item {
    std::uint64_t link;
    core::EndpointId endpoint;
    wire::Chunk chunk;
  };

  explicit ChunkQueue(std::uint64_t ahead_bytes_max = link::kChunksAheadBytesMax)
      : ahead_max_(ahead_bytes_max) {}

  void push(std::uint64_t link, const core::EndpointId& endpoint, wire::Chunk chunk);
  /// The next one, in the order of their coming, while there is room ahead; then it counts
  /// as ahead.
  std::optional<Item> next();
  /// The server has taken so many bytes. Returns how many of them were ahead.
  std::uint64_t taken(std::uint64_t bytes);
  /// Throws away what waits of a link that has ended, or of one of its runs. Returns the
  /// bytes.
  std::uint64_t drop(std::uint64_t link, std::optional<std::uint64_t> run = {});

  std::uint64_t ahead_bytes() const { return ahead_; }

 private:
  std::deque<Item> waiting_;
  std::uint64_t ahead_max_;
  std::uint64_t ahead_ = 0;
};

}  // namespace muster::gateway
