// SPDX-License-Identifier: Apache-2.0
#include "link/detail/transfers.h"

#include <algorithm>

#include "link/limits.h"
#include "wire/limits.h"

namespace muster::link::detail {

std::string Transfers::announced(const wire::Announce& announce, core::MonoTime now) {
  const auto same = std::ranges::find(list_, announce.run(), &Transfer::run);
  if (same != list_.end()) {
    if (!same->settled) return "Announce of a run whose transfer is not complete";
    list_.erase(same);
  }
  if (list_.size() >= wire::kHeldRunsMax) return "too many results announced at a time";
  list_.push_back({.run = announce.run(),
                   .stdout_bytes = announce.stdout_bytes(),
                   .total = announce.stdout_bytes() + announce.stderr_bytes(),
                   .moved_at = now});
  return {};
}

Transfers::Taken Transfers::chunk(const wire::Chunk& chunk, core::MonoTime now) {
  const auto at = std::ranges::find(list_, chunk.run(), &Transfer::run);
  if (at == list_.end()) return {.breach = "Chunk of a run that was not announced"};
  const std::uint64_t size = chunk.data().size();
  if (size == 0 || size > wire::kChunkBytesMax) return {.breach = "Chunk of a wrong size"};
  if (size > at->unused()) return {.breach = "Chunk beyond its credit"};
  const bool out = at->received < at->stdout_bytes;
  const std::uint64_t offset = out ? at->received : at->received - at->stdout_bytes;
  const std::uint64_t end = out ? at->stdout_bytes : at->total - at->stdout_bytes;
  if (chunk.stream() != (out ? wire::STREAM_STDOUT : wire::STREAM_STDERR) ||
      chunk.offset() != offset || offset + size > end)
    return {.breach = "Chunk out of order"};
  at->received += size;
  at->moved_at = now;
  const Taken taken{.breach = {}, .last = at->received == at->total, .settled = at->settled};
  if (at->settled ? at->unused() == 0 : taken.last) list_.erase(at);
  return taken;
}

std::uint64_t Transfers::settle(std::uint64_t run, core::MonoTime now) {
  const auto at = std::ranges::find(list_, run, &Transfer::run);
  if (at == list_.end() || at->settled) return 0;
  const std::uint64_t unused = at->unused();
  at->settled = true;
  at->moved_at = now;
  if (unused == 0) list_.erase(at);
  return unused;
}

bool Transfers::enter(std::uint64_t slice_bytes) {
  if (queued_ || unused() > slice_bytes || std::ranges::none_of(list_, &Transfer::wants))
    return false;
  return queued_ = true;
}

Transfers::Grant Transfers::grant(std::uint64_t bytes_max, core::MonoTime now) {
  queued_ = false;
  const auto at = std::ranges::find_if(list_, &Transfer::wants);
  if (at == list_.end()) return {};
  const std::uint64_t bytes = std::min(bytes_max, at->total - at->granted);
  if (at->unused() == 0) at->moved_at = now;
  at->granted += bytes;
  return {at->run, bytes};
}

std::uint64_t Transfers::unused() const {
  std::uint64_t sum = 0;
  for (const Transfer& transfer : list_)
    if (!transfer.settled) sum += transfer.unused();
  return sum;
}

bool Transfers::stalled(core::MonoTime now) {
  std::erase_if(list_, [&](const Transfer& transfer) {
    return transfer.settled && now >= transfer.moved_at + kCreditStall;
  });
  return std::ranges::any_of(list_, [&](const Transfer& transfer) {
    return transfer.unused() > 0 && !transfer.settled && now >= transfer.moved_at + kCreditStall;
  });
}

core::MonoTime Transfers::deadline() const {
  core::MonoTime first = core::MonoTime::max();
  for (const Transfer& transfer : list_)
    if (transfer.unused() > 0) first = std::min(first, transfer.moved_at + kCreditStall);
  return first;
}

}  // namespace muster::link::detail
