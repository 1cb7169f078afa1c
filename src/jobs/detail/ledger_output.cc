// SPDX-License-Identifier: Apache-2.0
//
// Large results arrive in chunks and leave for the disk in blocks of a fixed size, so
// that memory holds one block of each at most and equal outputs have equal digests
// however they were cut on the way. A target is final when its last block is stored. What
// fits in the row stays in memory until whole.
#include <algorithm>

#include "core/assert.h"
#include "core/bytes.h"
#include "core/log.h"
#include "jobs/detail/ledger_core.h"

namespace muster::jobs {

using detail::after;
using detail::Assembly;
using detail::Membership;
using detail::Node;
using detail::OpenRun;

bool Ledger::Core::refuse_bytes(const Node& node, std::size_t bytes) {
  if (pending_bytes() + bytes <= settings.pending_bytes_max) return false;
  ++stats.results_refused;
  if (node.online())
    sink.kick(gateways[node.gateway], node.id, "too many results wait for the server's disk");
  return true;
}

void Ledger::Core::begin_assembly(OpenRun& run, std::uint32_t slot, wire::Announce& announce,
                                  Now now) {
  drop_assembly(run, slot);
  auto assembly = std::make_unique<Assembly>();
  assembly->serial = ++last_assembly;
  assembly->announce = std::move(announce);
  assembly->apart =
      assembly->announce.stdout_bytes() + assembly->announce.stderr_bytes() > kRowOutputBytesMax;
  run.assemblies[slot] = std::move(assembly);
  auto& member = run.members[slot];
  member.overdue = false;
  set_deadline(run, member, after(now.mono, run.patience + settings.grace));
}

void Ledger::Core::drop_assembly(OpenRun& run, std::uint32_t slot) {
  if (run.assemblies.empty()) return;
  const auto found = run.assemblies.find(slot);
  if (found == run.assemblies.end()) return;
  assembling_bytes -= found->second->block.size() + found->second->out.size();
  run.assemblies.erase(found);
}

void Ledger::Core::chunk(Node& node, const wire::Chunk& chunk, Now now) {
  Membership* m = membership(node, chunk.run());
  if (!m || is_final(m->run->members[m->slot].state)) return;
  OpenRun& run = *m->run;
  const auto found = run.assemblies.find(m->slot);
  if (found == run.assemblies.end()) return;  // refused or interrupted: it is announced again
  Assembly& assembly = *found->second;
  const bool is_out = chunk.stream() == wire::STREAM_STDOUT;
  const std::uint64_t total =
      is_out ? assembly.announce.stdout_bytes() : assembly.announce.stderr_bytes();
  std::uint64_t& received = is_out ? assembly.out_received : assembly.err_received;
  const bool in_order = is_out || assembly.out_received == assembly.announce.stdout_bytes();
  if ((!is_out && chunk.stream() != wire::STREAM_STDERR) || !in_order || chunk.data().empty() ||
      chunk.offset() != received || chunk.data().size() > total - received) {
    drop_assembly(run, m->slot);
    return protocol_error(node, "a piece of a result is out of place");
  }
  if (refuse_bytes(node, chunk.data().size())) return drop_assembly(run, m->slot);
  received += chunk.data().size();
  add_bytes(run, m->slot, assembly, chunk.stream(), chunk.data());
  if (received == total) end_block(run, m->slot, assembly, chunk.stream());
  auto& member = run.members[m->slot];
  set_deadline(run, member, std::max(member.deadline, after(now.mono, 2 * settings.grace)));
  if (assembly.received() < assembly.announce.stdout_bytes() + assembly.announce.stderr_bytes())
    return;

  assembly.target = std::make_unique<Target>(target_of(assembly.announce));
  assembly.target->is_stored_apart = assembly.apart;
  if (assembly.apart) {
    gathering_output->whole.push_back({run.run.id, m->slot, assembly.serial});
    return;
  }
  assembly.target->err = assembly.out.substr(assembly.target->out_bytes);
  assembly.target->out = assembly.out.substr(0, assembly.target->out_bytes);
  landed(run, m->slot, now);
}

void Ledger::Core::landed(OpenRun& run, std::uint32_t slot, Now now) {
  Assembly& assembly = *run.assemblies.at(slot);
  const auto target = std::move(assembly.target);
  std::string digest = std::move(assembly.digest);
  ++stats.results;
  run.members[slot].answered = true;
  finish(run, slot, std::move(*target), now);
  write_row(run, slot).output_digest = std::move(digest);
}

bool Ledger::Core::is_landing(const OpenRun& run, std::uint32_t slot) const {
  const auto found = run.assemblies.find(slot);
  return found != run.assemblies.end() && found->second->target;
}

std::size_t Ledger::Core::storing_bytes() const {
  return gathering_output->bytes + (storing ? storing->bytes : 0);
}

std::size_t Ledger::Core::pending_bytes() const {
  return gathering->bytes + (in_flight ? in_flight->bytes : 0) + storing_bytes() + assembling_bytes;
}

void Ledger::Core::store_gathered() {
  if (storing || gathering_output->empty()) return;
  storing = std::move(gathering_output);
  gathering_output = std::make_unique<OutputBatch>();
  sink.store(storing);
}

void Ledger::Core::stored(core::Status outcome, Now now) {
  MUSTER_ASSERT(storing);
  if (!outcome) {
    ++stats.write_failures;
    const bool known = !std::exchange(output_error, std::move(outcome.error().message)).empty();
    if (!known)  // once, not at every attempt
      core::log(core::Level::kError, "jobs", "cannot keep large results; they wait",
                {{"why", output_error}});
    store_again_at = after(now.mono, settings.retry_after);
    return;
  }
  if (!std::exchange(output_error, {}).empty())
    core::log(core::Level::kInfo, "jobs", "large results are kept again");
  const auto batch = std::move(storing);
  storing.reset();
  for (const OutputBatch::Whole& whole : batch->whole) {
    OpenRun* run = find(whole.run);
    if (!run || !is_landing(*run, whole.slot)) continue;
    if (run->assemblies.at(whole.slot)->serial == whole.serial) landed(*run, whole.slot, now);
  }
  flush(now);
}

void Ledger::Core::add_bytes(OpenRun& run, std::uint32_t slot, Assembly& assembly,
                             wire::Stream stream, std::string_view data) {
  if (!assembly.apart) {
    assembly.out += data;
    assembling_bytes += data.size();
    return;
  }
  while (!data.empty()) {
    const std::size_t take = std::min(data.size(), kOutputBlockBytes - assembly.block.size());
    assembly.block += data.substr(0, take);
    assembling_bytes += take;
    data.remove_prefix(take);
    if (assembly.block.size() == kOutputBlockBytes) end_block(run, slot, assembly, stream);
  }
}

void Ledger::Core::end_block(OpenRun& run, std::uint32_t slot, Assembly& assembly,
                             wire::Stream stream) {
  if (assembly.block.empty()) return;
  assembly.digest = core::sha256(assembly.digest + static_cast<char>(stream) + assembly.block);
  std::uint32_t& next = stream == wire::STREAM_STDOUT ? assembly.out_blocks : assembly.err_blocks;
  gathering_output->bytes += assembly.block.size();
  assembling_bytes -= assembly.block.size();
  gathering_output->blocks.push_back({run.run.id, slot, stream, next++, std::move(assembly.block)});
  assembly.block.clear();
}

}  // namespace muster::jobs
