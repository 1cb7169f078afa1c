// SPDX-License-Identifier: Apache-2.0
//
// The virtual disk: what a batch says becomes true at its commit or not at all, and a
// crash forgets what was not committed. It checks on the way that a final state stays, and
// that what may have left keeps to its run's waves and ceiling.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "jobs/batch.h"
#include "jobs/ledger.h"

namespace muster::sim {

class Disk {
 public:
  void commit(const jobs::Batch& batch);
  /// Large output: a power cut leaves what is whole.
  void store(const jobs::OutputBatch& output);
  std::vector<jobs::StoredRun> open_runs() const;
  /// Null where there is no such target.
  const jobs::Target* find(core::RunId run, const core::EndpointId& endpoint) const;

  struct Stored {
    jobs::Run run;
    std::vector<jobs::StoredRun::Row> rows;
    std::vector<jobs::Target> targets;
    std::map<core::EndpointId, std::uint32_t> slots;
    std::map<std::uint32_t, std::map<std::pair<int, std::uint32_t>, std::size_t>>
        blocks;                     ///< bytes
    std::set<std::uint32_t> whole;  ///< slots whose large output is kept
    std::uint32_t under_way = 0;    ///< rows that are sent or running
  };
  const std::map<core::RunId, Stored>& runs() const { return runs_; }

 private:
  void set_row(Stored& stored, std::uint32_t slot, jobs::StoredRun::Row row);
  static void check_output(const Stored& stored, const jobs::TargetRow& row);
  static void check_rollout(const Stored& stored, std::uint32_t last_sent);

  std::map<core::RunId, Stored> runs_;
};

}  // namespace muster::sim
