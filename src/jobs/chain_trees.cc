// SPDX-License-Identifier: Apache-2.0
#include "jobs/chain_trees.h"

#include <algorithm>

namespace muster::jobs {

using core::Code;
using core::fail;

core::RunId ChainTrees::root_of(core::RunId run, const Chain& chain) {
  return chain.is_child() ? chain.above.front().run : run;
}

void ChainTrees::restore(core::RunId run, std::shared_ptr<const Chain> chain, bool finished) {
  const core::RunId root = root_of(run, *chain);
  Tree& tree = trees_[root];
  if (chain->is_child()) {
    const ChainLink& parent = chain->parent();
    ++tree.runs;
    ++tree.by_target[{parent.run, parent.endpoint}];
    if (!finished) {
      by_parent_.insert({parent.run, run});
      children_[run] = std::move(chain);
    }
  }
  if (!finished) tree.open.insert(run);
}

std::vector<ChainTrees::Cancel> ChainTrees::sweep() const {
  std::vector<Cancel> orphans;
  for (const auto& [run, chain] : children_)
    if (!is_running_(chain->parent().run, chain->parent().endpoint))
      orphans.push_back(cancel_of(run, chain->parent(), ""));
  return orphans;
}

core::Status ChainTrees::reserve(const Chain& child, core::MonoTime now) {
  const auto found = trees_.find(root_of({}, child));
  if (found == trees_.end())
    return fail(Code::kDenied, "the tree of this run is over; nothing more can be started in it");
  Tree& tree = found->second;
  if (tree.runs >= kTreeRunsMax)
    return fail(Code::kLimit, "this tree has started " + std::to_string(kTreeRunsMax) +
                                  " runs, which is as many as one may have");
  const std::pair target(child.parent().run, child.parent().endpoint);
  const auto count = tree.by_target.find(target);
  if (count != tree.by_target.end() && count->second >= kChildrenOfTargetMax)
    return fail(Code::kLimit, "the method on this host has started " +
                                  std::to_string(kChildrenOfTargetMax) +
                                  " runs, which is as many as it may");
  const core::MonoTime paced = std::max(tree.paced_until, now);
  if (paced - now >= kStartsAtOnce * kStartPace)
    return fail(Code::kUnavailable, "this tree starts runs too fast; try again in a second");
  tree.paced_until = paced + kStartPace;
  ++tree.runs;
  ++tree.by_target[target];
  return {};
}

void ChainTrees::give_back(const Chain& child) {
  const auto found = trees_.find(root_of({}, child));
  if (found == trees_.end()) return;
  Tree& tree = found->second;
  const auto count = tree.by_target.find({child.parent().run, child.parent().endpoint});
  if (count == tree.by_target.end()) return;
  --tree.runs;
  if (--count->second == 0) tree.by_target.erase(count);
}

ChainTrees::Cancel ChainTrees::cancel_of(core::RunId child, const ChainLink& parent,
                                         const std::string& by) const {
  // Who cancelled the parent has cancelled the child; else nobody but the rule did.
  return {child, by.empty() ? "system" : by,
          by.empty() ? "the method that started it has ended (run " + parent.run.str() + ")"
                     : "the run that started it was cancelled (" + parent.run.str() + ")"};
}

std::vector<ChainTrees::Cancel> ChainTrees::changed(const News& news) {
  std::vector<Cancel> cancels;
  const core::RunId root = root_of(news.run, *news.chain);
  if (!news.finished) {
    trees_[root].open.insert(news.run);
    if (news.chain->is_child() && children_.try_emplace(news.run, news.chain).second) {
      const ChainLink& parent = news.chain->parent();
      by_parent_.insert({parent.run, news.run});
      if (news.cancelled_by.empty() && !is_running_(parent.run, parent.endpoint))
        cancels.push_back(cancel_of(news.run, parent, ""));
    }
  }
  for (auto at = by_parent_.lower_bound({news.run, core::RunId()});
       at != by_parent_.end() && at->first == news.run; ++at) {
    const ChainLink& parent = children_.at(at->second)->parent();
    const bool over = news.finished || !news.cancelled_by.empty() ||
                      std::ranges::find(news.ended, parent.endpoint) != news.ended.end();
    if (over) cancels.push_back(cancel_of(at->second, parent, news.cancelled_by));
  }
  if (news.finished) {
    if (news.chain->is_child() && children_.erase(news.run) > 0)
      by_parent_.erase({news.chain->parent().run, news.run});
    if (const auto tree = trees_.find(root); tree != trees_.end())
      tree->second.open.erase(news.run);
    forget_if_over(root);
  }
  return cancels;
}

void ChainTrees::forget_if_over(core::RunId root) {
  const auto tree = trees_.find(root);
  if (tree != trees_.end() && tree->second.open.empty()) trees_.erase(tree);
}

std::vector<core::RunId> ChainTrees::open_children(core::RunId parent,
                                                   const core::EndpointId& target) const {
  std::vector<core::RunId> list;
  for (auto at = by_parent_.lower_bound({parent, core::RunId()});
       at != by_parent_.end() && at->first == parent; ++at)
    if (children_.at(at->second)->parent().endpoint == target) list.push_back(at->second);
  return list;
}

}  // namespace muster::jobs
