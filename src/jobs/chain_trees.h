// SPDX-License-Identifier: Apache-2.0
//
// ChainTrees knows the trees of runs that go on: how much each has started, and which children
// must end because what asked for them has ended.
//
// A child lives no longer than its parent's target: when the method that asked for it ends,
// however that was, or its run is cancelled, the child is cancelled. A tree is forgotten when
// its first run has finished and nothing of it is open; no run can join it any more.
//
// Pure logic: no I/O, no clock. Events may come in any order: a child that becomes known after
// its parent has ended is cancelled at once. Belongs to one loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/clock.h"
#include "jobs/chain.h"
#include "jobs/types.h"

namespace muster::jobs {

class ChainTrees {
 public:
  /// Starts of one tree: so many at once, then one in this time.
  static constexpr int kStartsAtOnce = 100;
  static constexpr core::Duration kStartPace = std::chrono::milliseconds(200);

  /// What is told of a run with a chain when something about it became durable.
  struct News {
    core::RunId run;
    std::shared_ptr<const Chain> chain;
    bool finished = false;
    std::string cancelled_by;             ///< empty: it is not cancelled
    std::vector<core::EndpointId> ended;  ///< targets that have their final state
  };
  struct Cancel {
    core::RunId run;
    std::string by;
    std::string reason;
  };
  /// Whether this run is not cancelled and its target there is under way.
  using IsRunning = std::function<bool(core::RunId, const core::EndpointId&)>;

  explicit ChainTrees(IsRunning is_running) : is_running_(std::move(is_running)) {}

  /// After a restart, for each run of each tree with an open run, finished ones included:
  /// they count. Then sweep().
  void restore(core::RunId run, std::shared_ptr<const Chain> chain, bool finished);
  /// The open children whose parents ended while nobody looked.
  std::vector<Cancel> sweep() const;

  /// Takes a place in the tree for a child that is about to be ordered. kLimit: it has none,
  /// or asks too fast.
  core::Status reserve(const Chain& child, core::MonoTime now);
  /// The child was not started after all.
  void give_back(const Chain& child);

  /// What has to be cancelled now. The same child may be named again later.
  std::vector<Cancel> changed(const News& news);

  /// The open children that the method on this target started, oldest first.
  std::vector<core::RunId> open_children(core::RunId parent, const core::EndpointId& target) const;
  std::size_t trees() const { return trees_.size(); }
  std::size_t open_children() const { return children_.size(); }

 private:
  struct Tree {
    std::size_t runs = 1;  ///< in its life, with its first
    std::map<std::pair<core::RunId, core::EndpointId>, std::size_t> by_target;
    std::set<core::RunId> open;
    core::MonoTime paced_until{};
  };

  static core::RunId root_of(core::RunId run, const Chain& chain);
  Cancel cancel_of(core::RunId child, const ChainLink& parent, const std::string& by) const;
  void forget_if_over(core::RunId root);

  const IsRunning is_running_;
  std::map<core::RunId, Tree> trees_;                             ///< by their first runs
  std::map<core::RunId, std::shared_ptr<const Chain>> children_;  ///< open ones
  std::set<std::pair<core::RunId, core::RunId>> by_parent_;       ///< open ones: parent, child
};

}  // namespace muster::jobs
