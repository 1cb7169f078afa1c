// SPDX-License-Identifier: Apache-2.0
//
// Installer brings a pack's version to its place on this machine, takes it back, or away
// (docs/formats/file-pack.md).
//
//   make the new version in the staging folders · run the pre step · write the journal ·
//   swap · run the post step · commit · remove what is two versions old
//
// Until the swaps nothing of what people use has changed. From the journal on a failure, or
// the death of the machine, is undone: by this run, else by the next one that works on the
// pack. Once committed it goes forward.
//
// Blocking; one pack at a time, held by a lock. Runs as whoever may write the targets.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "installer/ground.h"
#include "installer/stage.h"
#include "installer/state.h"

namespace muster::installer {

struct Options {
  std::filesystem::path state = "/var/lib/muster-packs";
  std::function<void(std::string_view doing, std::uint64_t done, std::uint64_t all)> progress;
  std::function<bool()> stopped;
  Checkpoint checkpoint;
};

struct Report {
  std::string outcome;     ///< installed, unchanged, rolled_back, removed, absent, intact, changed
  std::string version;     ///< what is installed now; empty: nothing
  std::string before;      ///< what a roll-back leads to
  bool recovered = false;  ///< an interrupted switch was put right first
  StageCounts counts;
  std::vector<std::string> changed;  ///< of verify(): what is not as it should be; some of it
  std::uint64_t changed_count = 0;
};

class Installer {
 public:
  /// Puts right what an interrupted switch has left.
  static core::Result<Installer> open(const std::string& pack, Options options);

  /// Installs this version, or repairs it where it is installed. `index` as published.
  core::Result<Report> apply(std::string_view index, Containers& containers);
  /// Back to the version before. kNotFound where there is none.
  core::Result<Report> roll_back();
  /// Takes the files away; a roll-back brings them again. kCorrupt where it is not known any more
  /// which files they are, as of verify().
  core::Result<Report> remove();
  /// Compares what is there with what was installed. Changes nothing.
  core::Result<Report> verify();

 private:
  struct Plan;

  Installer(State state, std::string pack, Options options)
      : state_(std::move(state)), pack_(std::move(pack)), options_(std::move(options)) {}
  core::Status recover();
  std::optional<packs::Index> index_now() const;
  /// Where that is nothing: "absent", or kCorrupt while something is installed.
  core::Result<Report> without_index() const;
  core::Result<packs::Tables> tables_of(const packs::Index& index, Containers& containers) const;
  std::string fresh_generation(const core::ContentId& id) const;

  core::Result<Plan> plan_apply(packs::Index index, const core::ContentId& id);
  core::Result<Plan> plan_remove(const packs::Index& index, const core::ContentId& id);
  core::Status plan_target(Plan& plan, std::uint32_t target);
  void plan_leftovers(Plan& plan);
  struct Sources;
  Sources add_sources(const Plan& plan, Stage& staged) const;
  core::Result<StageCounts> stage(const Plan& plan, Containers& containers);
  /// Which version a step belongs to.
  struct Post;
  core::Status switch_over(const Ground& ground, wire::PackSwitch journal, const Post& post);
  core::Status commit(const Ground& ground, const wire::PackInstalled& installed);
  core::Status run_step(const std::string& step, const Post& of) const;
  Report report(std::string outcome) const;

  State state_;
  std::string pack_;
  Options options_;
  bool recovered_ = false;
};

}  // namespace muster::installer
