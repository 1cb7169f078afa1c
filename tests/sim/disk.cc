// SPDX-License-Identifier: Apache-2.0
#include "disk.h"

#include "clock.h"

namespace muster::sim {

void Disk::commit(const jobs::Batch& batch) {
  for (const auto& added : batch.runs) {
    Stored& stored = runs_[added.run.id];
    if (!stored.rows.empty()) violated("a run is stored twice", added.run.id.str());
    stored.run = added.run;
    for (const auto& row : added.targets) {
      stored.slots[row.endpoint] = static_cast<std::uint32_t>(stored.rows.size());
      stored.rows.push_back({row.endpoint, row.state, row.instance, {}});
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
    kept = {kept.endpoint, row.target.state, row.instance, row.target.started_at};
    stored.targets[row.slot] = row.target;
  }
  for (const auto& cancel : batch.cancels) runs_.at(cancel.run).run.cancelled_by = cancel.by;
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
