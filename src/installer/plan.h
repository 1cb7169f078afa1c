// SPDX-License-Identifier: Apache-2.0
//
// What a switch to a version consists of, before anything is made.
#pragma once

#include <optional>
#include <vector>

#include "installer/installer.h"

namespace muster::installer {

struct Installer::Plan {
  packs::Index index;               ///< what is to be installed
  std::optional<packs::Index> old;  ///< what is
  core::ContentId id;
  std::optional<Ground> ground;
  wire::PackSwitch swaps;
  std::vector<bool> whole;  ///< by target of `index`: it is made anew as a whole
  /// By swap of a shared target: the entry that its slot holds; null: nothing.
  std::vector<const packs::Entry*> made;
};

/// The targets of `first`, then those of `second` that are others.
std::vector<packs::Target> both(const std::vector<packs::Target>& first,
                                const std::vector<packs::Target>& second);

}  // namespace muster::installer
