// SPDX-License-Identifier: Apache-2.0
#include "disk.h"

#include "clock.h"

namespace muster::sim {

namespace {

bool is_under_way(jobs::TargetState state) {
  return state == jobs::TargetState::kSent || state == jobs::TargetState::kRunning;
}

}  // namespace

void Disk::set_row(Stored& stored, std::uint32_t slot, jobs::StoredRun::Row row) {
  auto& kept = stored.rows.at(slot);
  stored.under_way -= is_under_way(kept.state);
  stored.under_way += is_under_way(row.state);
  kept = std::move(row);
}

/// After a commit in which `last_sent` was the last slot that may leave.
void Disk::check_rollout(const Stored& stored, std::uint32_t last_sent) {
  const auto& rollout = stored.run.rollout;
  if (!rollout) return;
  const std::uint32_t ceiling = rollout->plan.parallel_max;
  if (ceiling > 0 && stored.under_way > ceiling)
    violated("more under way than its ceiling", stored.run.id.str() + ": " +
                                                    std::to_string(stored.under_way) + " of " +
                                                    std::to_string(ceiling));
  const std::uint32_t begin = rollout->begin_of(rollout->wave_of(last_sent));
  for (std::uint32_t slot = 0; slot < begin; ++slot)
    if (!jobs::is_final(stored.rows[slot].state))
      violated("a wave began before the one before it was final", stored.run.id.str());
}

void Disk::store(const jobs::OutputBatch& output) {
  for (const auto& block : output.blocks)
    runs_.at(block.run).blocks[block.slot][{block.stream, block.block}] = block.data.size();
  for (const auto& whole : output.whole) runs_.at(whole.run).whole.insert(whole.slot);
}

void Disk::check_output(const Stored& stored, const jobs::TargetRow& row) {
  std::size_t bytes = 0;
  if (const auto found = stored.blocks.find(row.slot); found != stored.blocks.end())
    for (const auto& [place, size] : found->second) bytes += size;
  if (!stored.whole.contains(row.slot) || bytes < row.target.out_bytes + row.target.err_bytes)
    violated("final before its output is kept", row.run.str() + " " + std::to_string(row.slot));
}

void Disk::commit(const jobs::Batch& batch) {
  std::map<core::RunId, std::uint32_t> last_sent;
  for (const auto& added : batch.runs) {
    Stored& stored = runs_[added.run.id];
    if (!stored.rows.empty()) violated("a run is stored twice", added.run.id.str());
    stored.run = added.run;
    for (const auto& row : added.targets) {
      stored.slots[row.endpoint] = static_cast<std::uint32_t>(stored.rows.size());
      stored.rows.push_back({row.endpoint, jobs::TargetState::kQueued, 0, {}});
      const auto slot = static_cast<std::uint32_t>(stored.rows.size() - 1);
      set_row(stored, slot, {row.endpoint, row.state, row.instance, {}});
      if (is_under_way(row.state)) last_sent[added.run.id] = slot;
      jobs::Target target;
      target.endpoint = row.endpoint;
      target.state = row.state;
      stored.targets.push_back(std::move(target));
    }
  }
  for (const auto& row : batch.rows) {
    if (!row.run) continue;
    Stored& stored = runs_.at(row.run);
    auto& kept = stored.rows.at(row.slot);
    if (jobs::is_final(kept.state))
      violated("a final state is written over", row.run.str() + " " + kept.endpoint.str() + " " +
                                                    std::string(jobs::name(kept.state)) + " by " +
                                                    std::string(jobs::name(row.target.state)));
    set_row(stored, row.slot,
            {kept.endpoint, row.target.state, row.instance, row.target.started_at, row.restarts});
    if (row.target.state == jobs::TargetState::kSent)
      last_sent[row.run] = std::max(last_sent[row.run], row.slot);
    if (row.target.is_stored_apart) check_output(stored, row);
    stored.targets[row.slot] = row.target;
  }
  for (const auto& cancel : batch.cancels) runs_.at(cancel.run).run.cancelled_by = cancel.by;
  for (const auto& step : batch.steps) runs_.at(step.run).run.progress = step.progress;
  for (const auto& [run, slot] : last_sent) check_rollout(runs_.at(run), slot);
  for (const auto& end : batch.ends) {
    Stored& stored = runs_.at(end.run);
    for (const auto& row : stored.rows)
      if (!jobs::is_final(row.state)) violated("a run ended before its targets", end.run.str());
    stored.run.finished_at = end.finished_at;
  }
}

std::vector<jobs::StoredRun> Disk::open_runs() const {
  std::vector<jobs::StoredRun> open;
  for (const auto& [id, stored] : runs_)
    if (!stored.run.finished()) open.push_back({stored.run, stored.rows});
  return open;
}

const jobs::Target* Disk::find(core::RunId run, const core::EndpointId& endpoint) const {
  const auto stored = runs_.find(run);
  if (stored == runs_.end()) return nullptr;
  const auto slot = stored->second.slots.find(endpoint);
  return slot == stored->second.slots.end() ? nullptr : &stored->second.targets[slot->second];
}

}  // namespace muster::sim
