// SPDX-License-Identifier: Apache-2.0
#include "installer/ground.h"

#include <algorithm>

namespace muster::installer {
namespace {

using core::Code;
using core::fail;

/// Where a target's slots lie, so that a swap stays on one file system.
std::string beside(const packs::Target& target) {
  if (!target.owned) return target.path;
  return target.path.substr(0, target.path.rfind('/'));  // never empty: packs::check_target()
}

core::Result<bool> has_happened(const Place& slot, const Place& place, const wire::PackSwap& swap) {
  if (swap.inode() != 0) {
    MUSTER_ASSIGN(const auto there, place.inode());
    return there == swap.inode();
  }
  MUSTER_ASSIGN(const auto kept, slot.inode());
  return kept == swap.old_inode();
}

}  // namespace

core::Result<Ground> Ground::open(const std::string& pack, const std::string& generation,
                                  const std::vector<packs::Target>& targets, bool make) {
  Ground ground;
  ground.generation_ = generation;
  ground.targets_ = targets;
  for (const packs::Target& target : targets) {
    const std::string where = beside(target);
    if (ground.beside_.contains(where)) continue;
    MUSTER_ASSIGN(const Folder folder,
                  make ? Folder::make_path(where, 0755) : Folder::open_path(where));
    // Made where missing in any case: a target that came with a later version has none yet.
    MUSTER_ASSIGN(Folder all, folder.make_private(".muster-pack." + pack));
    MUSTER_ASSIGN(Folder slots, all.make_private(generation));
    ground.beside_.emplace(where, Beside{std::move(all), std::move(slots)});
  }
  return ground;
}

const Folder& Ground::slots(std::uint32_t target) const {
  return beside_.at(beside(targets_.at(target))).slots;
}

core::Result<Place> Ground::slot(const wire::PackSwap& swap) const {
  return slots(swap.target()).place(swap.slot());
}

core::Result<Place> Ground::place(const wire::PackSwap& swap, bool make) const {
  const packs::Target& target = targets_.at(swap.target());
  MUSTER_ASSIGN(const Folder folder, Folder::open_path(beside(target)));
  if (target.owned) return folder.place(target.path.substr(target.path.rfind('/') + 1));
  return make ? folder.make_place(swap.path()) : folder.place(swap.path());
}

core::Status Ground::sync() const {
  for (const auto& [where, folders] : beside_) MUSTER_TRY(folders.all.sync_all());
  return {};
}

core::Status Ground::remove() const {
  for (const auto& [where, folders] : beside_) MUSTER_TRY(folders.all.remove_tree(generation_));
  return {};
}

core::Status Ground::remove_others() const {
  for (const auto& [where, folders] : beside_) {
    MUSTER_ASSIGN(const auto names, folders.all.names());
    for (const std::string& name : names)
      if (name != generation_) MUSTER_TRY(folders.all.remove_tree(name));
  }
  return {};
}

core::Status note_inodes(const Ground& ground, wire::PackSwitch& plan) {
  for (wire::PackSwap& swap : *plan.mutable_swaps()) {
    MUSTER_ASSIGN(const Place slot, ground.slot(swap));
    MUSTER_ASSIGN(const Place place, ground.place(swap, true));
    MUSTER_ASSIGN(const auto fresh, slot.inode());
    MUSTER_ASSIGN(const auto old, place.inode());
    if (fresh == 0 && old == 0)
      return fail(Code::kConflict, "there is neither " + slot.shown() + " nor " + place.shown() +
                                       ": somebody removed both");
    swap.set_inode(fresh);
    swap.set_old_inode(old);
  }
  return {};
}

core::Status do_swaps(const Ground& ground, const wire::PackSwitch& plan,
                      const Checkpoint& checkpoint) {
  for (const wire::PackSwap& swap : plan.swaps()) {
    checkpoint("swap");
    MUSTER_ASSIGN(const Place slot, ground.slot(swap));
    MUSTER_ASSIGN(const Place place, ground.place(swap, true));
    MUSTER_ASSIGN(const auto fresh, slot.inode());
    MUSTER_ASSIGN(const auto old, place.inode());
    if (fresh != swap.inode() || old != swap.old_inode())
      return fail(Code::kConflict,
                  place.shown() + " was changed by somebody while it was switched");
    MUSTER_TRY(exchange(slot, place));
  }
  checkpoint("swapped");
  return {};
}

core::Status undo_swaps(const Ground& ground, const wire::PackSwitch& plan,
                        const Checkpoint& checkpoint) {
  for (int i = plan.swaps_size(); i-- > 0;) {
    checkpoint("undo");
    const wire::PackSwap& swap = plan.swaps(i);
    MUSTER_ASSIGN(const Place slot, ground.slot(swap));
    auto place = ground.place(swap, false);
    if (!place && place.error().code == Code::kNotFound) continue;  // never came so far
    if (!place) return std::unexpected(std::move(place.error()));
    MUSTER_ASSIGN(const bool happened, has_happened(slot, *place, swap));
    if (happened) MUSTER_TRY(exchange(slot, *place));
  }
  return ground.sync();
}

}  // namespace muster::installer
