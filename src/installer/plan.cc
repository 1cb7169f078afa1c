// SPDX-License-Identifier: Apache-2.0
#include "installer/plan.h"

#include <algorithm>

#include "core/bytes.h"

namespace muster::installer {
namespace {

using packs::Entry;
using packs::Index;
using packs::Kind;
using packs::Target;

wire::PackSwap& add_swap(wire::PackSwitch& swaps, std::uint32_t target, const std::string& path) {
  wire::PackSwap& swap = *swaps.add_swaps();
  swap.set_target(target);
  swap.set_path(path);
  swap.set_slot("s" + std::to_string(swaps.swaps_size()));
  return swap;
}

/// True where an owned folder holds what the index says, and nothing else.
core::Result<bool> is_whole(const Folder& folder, const Index& index, std::uint32_t target,
                            const std::string& below) {
  MUSTER_ASSIGN(const auto names, folder.names());
  for (const std::string& name : names) {
    const std::string path = below.empty() ? name : below + "/" + name;
    const Entry* entry = index.find(target, path);
    if (!entry) return false;
    MUSTER_ASSIGN(const bool there, is_there(Place{*folder.open("."), name}, *entry));
    if (!there) return false;
    if (entry->kind != Kind::kDirectory) continue;
    MUSTER_ASSIGN(const Folder inner, folder.open(name));
    MUSTER_ASSIGN(const bool whole, is_whole(inner, index, target, path));
    if (!whole) return false;
  }
  return true;
}

core::Result<bool> is_complete(const Folder& folder, const Index& index, std::uint32_t target) {
  for (const Entry& entry : index.entries) {
    if (entry.target != target) continue;
    auto place = folder.place(entry.path);
    if (!place) return false;
    MUSTER_ASSIGN(const auto found, place->look());
    if (!found) return false;
  }
  return is_whole(folder, index, target, "");
}

std::uint32_t number_of(const Ground& ground, const Target& target) {
  for (std::uint32_t i = 0; i < ground.targets(); ++i)
    if (ground.target(i) == target) return i;
  return static_cast<std::uint32_t>(ground.targets());
}

}  // namespace

std::vector<Target> both(const std::vector<Target>& first, const std::vector<Target>& second) {
  std::vector<Target> all = first;
  for (const Target& target : second)
    if (std::ranges::find(all, target) == all.end()) all.push_back(target);
  return all;
}

core::Result<Installer::Plan> Installer::plan_apply(Index index, const core::ContentId& id) {
  Plan plan;
  plan.index = std::move(index);
  plan.id = id;
  plan.old = index_now();
  const auto targets =
      both(plan.index.targets, plan.old ? plan.old->targets : std::vector<Target>());
  plan.swaps.set_generation(fresh_generation(id));
  for (const Target& target : targets) {
    auto& noted = *plan.swaps.add_targets();
    noted.set_path(target.path);
    noted.set_owned(target.owned);
  }
  MUSTER_ASSIGN(plan.ground, Ground::open(pack_, plan.swaps.generation(), targets, true));
  plan.whole.assign(plan.index.targets.size(), false);
  for (std::uint32_t i = 0; i < plan.index.targets.size(); ++i) MUSTER_TRY(plan_target(plan, i));
  plan_leftovers(plan);
  return plan;
}

/// A version without files: all of the old one is left over.
core::Result<Installer::Plan> Installer::plan_remove(const Index& index,
                                                     const core::ContentId& id) {
  Plan plan;
  plan.old = index;
  plan.swaps.set_generation(fresh_generation(id));
  for (const Target& target : index.targets) {
    auto& noted = *plan.swaps.add_targets();
    noted.set_path(target.path);
    noted.set_owned(target.owned);
  }
  MUSTER_ASSIGN(plan.ground, Ground::open(pack_, plan.swaps.generation(), index.targets, true));
  plan_leftovers(plan);
  return plan;
}

core::Status Installer::plan_target(Plan& plan, std::uint32_t target) {
  const Target& to = plan.index.targets[target];
  if (to.owned) {
    auto folder = Folder::open_path(to.path);
    if (!folder && folder.error().code != core::Code::kNotFound)
      return std::unexpected(std::move(folder.error()));
    if (folder) {
      MUSTER_ASSIGN(const bool complete, is_complete(*folder, plan.index, target));
      if (complete) return {};
    }
    plan.whole[target] = true;
    add_swap(plan.swaps, target, "");
    plan.made.push_back(nullptr);
    return {};
  }
  MUSTER_ASSIGN(const Folder folder, Folder::open_path(to.path));
  for (const Entry& entry : plan.index.entries) {
    if (entry.target != target) continue;
    if (entry.kind == Kind::kDirectory) {
      MUSTER_TRY(folder.make(entry.path, 0755));
      continue;
    }
    MUSTER_ASSIGN(const Place place, folder.make_place(entry.path));
    MUSTER_ASSIGN(const auto found, place.look());
    if (found && S_ISDIR(found->st_mode))
      return core::fail(core::Code::kConflict,
                        place.shown() + " is a folder; the pack has a file of this name");
    MUSTER_ASSIGN(const bool there, is_there(place, entry));
    if (there) continue;
    add_swap(plan.swaps, target, entry.path);
    plan.made.push_back(&entry);
  }
  return {};
}

/// What the old version has and the new one has not.
void Installer::plan_leftovers(Plan& plan) {
  if (!plan.old) return;
  for (std::uint32_t i = 0; i < plan.old->targets.size(); ++i) {
    const Target& target = plan.old->targets[i];
    const std::uint32_t number = number_of(*plan.ground, target);
    const bool goes_on = number < plan.index.targets.size();
    const auto is_present = [&](const wire::PackSwap& swap) {
      const auto place = plan.ground->place(swap, false);
      const auto inode = place ? place->inode() : core::Result<std::uint64_t>(0);
      return inode.value_or(0) != 0;
    };
    const auto take_away = [&](const std::string& path) {
      wire::PackSwap& swap = add_swap(plan.swaps, number, path);
      if (is_present(swap))
        plan.made.push_back(nullptr);
      else
        plan.swaps.mutable_swaps()->RemoveLast();
    };
    if (target.owned) {
      if (!goes_on) take_away("");
      continue;
    }
    for (const Entry& entry : plan.old->entries)
      if (entry.target == i && entry.kind != Kind::kDirectory &&
          !(goes_on && plan.index.find(number, entry.path)))
        take_away(entry.path);
  }
}

}  // namespace muster::installer
