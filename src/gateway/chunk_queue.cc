// SPDX-License-Identifier: Apache-2.0
#include "gateway/chunk_queue.h"

#include <algorithm>

namespace muster::gateway {

void ChunkQueue::push(std::uint64_t link, const core::EndpointId& endpoint, wire::Chunk chunk) {
  waiting_.push_back({link, endpoint, std::move(chunk)});
}

std::optional<ChunkQueue::Item> ChunkQueue::next() {
  if (waiting_.empty()) return std::nullopt;
  const std::uint64_t bytes = waiting_.front().chunk.data().size();
  if (ahead_ > 0 && ahead_ + bytes > ahead_max_) return std::nullopt;
  std::optional<Item> item = std::move(waiting_.front());
  waiting_.pop_front();
  ahead_ += bytes;
  return item;
}

std::uint64_t ChunkQueue::taken(std::uint64_t bytes) {
  const std::uint64_t were_ahead = std::min(bytes, ahead_);
  ahead_ -= were_ahead;
  return were_ahead;
}

std::uint64_t ChunkQueue::drop(std::uint64_t link, std::optional<std::uint64_t> run) {
  std::uint64_t bytes = 0;
  std::erase_if(waiting_, [&](const Item& item) {
    if (item.link != link || (run && item.chunk.run() != *run)) return false;
    bytes += item.chunk.data().size();
    return true;
  });
  return bytes;
}

}  // namespace muster::gateway
