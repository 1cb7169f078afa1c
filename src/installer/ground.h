// SPDX-License-Identifier: Apache-2.0
//
// Ground is where a switch happens: the folders of a pack's targets, and beside them, on the
// same file systems, the folders in which the new version is made and the old one kept.
//
//   target owned:   /opt/webapp        /opt/.muster-pack.NAME/GENERATION/SLOT
//   target shared:  /etc               /etc/.muster-pack.NAME/GENERATION/SLOT
//
// A switch is a list of swaps of a slot with its place. Swapping again undoes it, so the
// journal is this list, with the inode of what comes and of what was: whether a swap has
// happened can be seen, also after the machine died in the middle.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "installer/folder.h"
#include "pack.pb.h"
#include "packs/index.h"

namespace muster::installer {

class Ground {
 public:
  /// `make`: what is missing is made, but for owned targets; else it must be there.
  static core::Result<Ground> open(const std::string& pack, const std::string& generation,
                                   const std::vector<packs::Target>& targets, bool make);

  const packs::Target& target(std::uint32_t number) const { return targets_[number]; }
  std::size_t targets() const { return targets_.size(); }
  /// The generation's folder beside this target.
  const Folder& slots(std::uint32_t target) const;
  core::Result<Place> slot(const wire::PackSwap& swap) const;
  /// `make`: the folders above it, where missing.
  core::Result<Place> place(const wire::PackSwap& swap, bool make) const;

  core::Status sync() const;
  /// Removes this generation; what its slots hold is gone.
  core::Status remove() const;
  /// Removes all generations but this one.
  core::Status remove_others() const;

 private:
  struct Beside {
    Folder all;    // .muster-pack.NAME
    Folder slots;  // the generation
  };
  std::string generation_;
  std::vector<packs::Target> targets_;
  std::map<std::string, Beside> beside_;  // by the folder that they lie in
};

/// Called at each step of a switch with its name: for logs, and for tests that end there.
using Checkpoint = std::function<void(std::string_view)>;

/// Notes what is in each slot and at its place. kConflict where both are nothing.
core::Status note_inodes(const Ground& ground, wire::PackSwitch& plan);
/// kConflict where something changed since note_inodes(); what was swapped by then stays so.
core::Status do_swaps(const Ground& ground, const wire::PackSwitch& plan,
                      const Checkpoint& checkpoint);
/// Swaps back what was swapped, the last first. Harmless where nothing was.
core::Status undo_swaps(const Ground& ground, const wire::PackSwitch& plan,
                        const Checkpoint& checkpoint);

}  // namespace muster::installer
