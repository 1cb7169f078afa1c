// SPDX-License-Identifier: Apache-2.0
//
// State is what a machine remembers of one pack: which version is installed, which one was
// before, and, while a switch is under way, the journal of it.
//
//   BASE/NAME/installed       PackInstalled
//   BASE/NAME/journal         PackSwitch; only while a switch is under way
//   BASE/NAME/index-<16 hex>  of the versions that `installed` names, with their tables
//   BASE/NAME/steps-<16 hex>  their steps
//   BASE/NAME/lock
//
// All of it is a cache: without it the next installation compares what is there, and there is
// nothing to go back to. Only the journal is needed, by the machine that died in mid-switch.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "core/ids.h"
#include "installer/folder.h"
#include "pack.pb.h"
#include "packs/index.h"
#include "packs/tables.h"

namespace muster::installer {

class State {
 public:
  /// Makes the folder, and holds its lock while it lives. kConflict: somebody else has it.
  static core::Result<State> open(const std::filesystem::path& base, const std::string& pack);

  /// Nothing where the pack is not installed, or what was noted cannot be read.
  std::optional<wire::PackInstalled> installed() const;
  core::Status set_installed(const wire::PackInstalled& installed);

  /// kCorrupt where there is one that cannot be read.
  core::Result<std::optional<wire::PackSwitch>> journal() const;
  core::Status set_journal(const wire::PackSwitch& journal);
  core::Status clear_journal();

  /// `id`: of the index; `whole`: the index with its tables (packs::encode_whole).
  core::Status keep_index(const core::ContentId& id, std::string_view whole);
  /// Nothing where it is not here, or damaged.
  std::optional<packs::Whole> whole(const core::ContentId& id) const;
  std::optional<packs::Index> index(const core::ContentId& id) const;
  /// The folder of this version's steps.
  core::Result<Folder> steps(const core::ContentId& index) const;
  std::filesystem::path steps_path(const core::ContentId& index) const;
  /// Removes indexes and steps that `installed` does not name.
  void forget_others(const wire::PackInstalled& installed);

 private:
  State(std::filesystem::path path, Folder folder, runtime::Descriptor lock)
      : path_(std::move(path)), folder_(std::move(folder)), lock_(std::move(lock)) {}
  std::filesystem::path path_;
  Folder folder_;
  runtime::Descriptor lock_;
};

}  // namespace muster::installer
