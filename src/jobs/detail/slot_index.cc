// SPDX-License-Identifier: Apache-2.0
#include "jobs/detail/slot_index.h"

#include <algorithm>
#include <string>
#include <vector>

#include "jobs/detail/rows.h"

namespace muster::jobs::detail {
namespace {

using store::Blob;

constexpr std::size_t kSlotBytes = 4;
constexpr std::size_t kEntryBytes = core::EndpointId::kBytes + kSlotBytes;
/// A block of this size lies in the table's page, without an overflow page of its own.
constexpr std::size_t kEntriesMax = 48;

void add_entry(std::string& block, const core::EndpointId& endpoint, std::uint32_t slot) {
  block += endpoint.bytes();
  for (int shift = 24; shift >= 0; shift -= 8) block += static_cast<char>(slot >> shift);
}

std::optional<std::int64_t> find_in(std::string_view block, const core::EndpointId& endpoint) {
  for (std::size_t at = 0; at + kEntryBytes <= block.size(); at += kEntryBytes) {
    if (block.substr(at, core::EndpointId::kBytes) != endpoint.bytes()) continue;
    std::int64_t slot = 0;
    for (const unsigned char byte : block.substr(at + core::EndpointId::kBytes, kSlotBytes))
      slot = slot << 8 | byte;
    return slot;
  }
  return std::nullopt;
}

}  // namespace

core::Status write_slots(store::Connection& connection, core::RunId run,
                         std::span<const NewRun::Row> targets) {
  std::vector<std::uint32_t> slots(targets.size());
  for (std::uint32_t slot = 0; slot < slots.size(); ++slot) slots[slot] = slot;
  std::ranges::sort(slots, {}, [&](std::uint32_t slot) { return targets[slot].endpoint; });
  std::string block;
  for (std::size_t first = 0; first < slots.size(); first += kEntriesMax) {
    block.clear();
    const std::size_t end = std::min(first + kEntriesMax, slots.size());
    for (std::size_t at = first; at < end; ++at)
      add_entry(block, targets[slots[at]].endpoint, slots[at]);
    MUSTER_TRY(
        connection.enqueue("INSERT INTO jobs_slots (run, first, entries) VALUES (?, ?, ?)",
                           {key(run), Blob{targets[slots[first]].endpoint.bytes()}, Blob{block}}));
  }
  return {};
}

core::Result<std::optional<std::int64_t>> find_slot(store::Connection& connection, core::RunId run,
                                                    const core::EndpointId& endpoint) {
  MUSTER_ASSIGN(auto found,
                connection.first("SELECT entries FROM jobs_slots WHERE run = ? AND first <= ? "
                                 "ORDER BY first DESC LIMIT 1",
                                 {key(run), Blob{endpoint.bytes()}}, [&](const store::Row& row) {
                                   return find_in(row.blob(0), endpoint);
                                 }));
  if (found) return *found;
  return connection.first("SELECT slot FROM jobs_targets WHERE run = ? AND endpoint = ?",
                          {key(run), Blob{endpoint.bytes()}},
                          [](const store::Row& row) { return row.integer(0); });
}

}  // namespace muster::jobs::detail
