// SPDX-License-Identifier: Apache-2.0
#include "installer/installer.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <list>

#include "core/bytes.h"
#include "installer/plan.h"
#include "installer/steps.h"

namespace muster::installer {
namespace {

using core::Code;
using core::fail;
using packs::Entry;
using packs::Index;
using packs::Kind;
using packs::Target;

constexpr std::size_t kChangedShownMax = 100;

std::vector<Target> targets_of(const wire::PackSwitch& swaps) {
  std::vector<Target> targets;
  for (const auto& target : swaps.targets()) targets.push_back({target.path(), target.owned()});
  return targets;
}

wire::PackVersion version_of(const Index& index, const core::ContentId& id) {
  wire::PackVersion version;
  version.set_version(index.version);
  version.set_index(std::string(id.bytes()));
  return version;
}

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// What is noted once `swaps` have happened.
wire::PackInstalled then_installed(const wire::PackVersion& now, const wire::PackVersion& before,
                                   const wire::PackSwitch& swaps) {
  wire::PackInstalled then;
  *then.mutable_now() = now;
  *then.mutable_before() = before;
  *then.mutable_back() = swaps;
  then.mutable_back()->clear_then();
  then.set_unix_ms(now_ms());
  return then;
}

/// A folder that takes the place of another has its owner and mode.
core::Status like_the_old(const Folder& made, const Target& target) {
  const auto old = Folder::open_path(target.path);
  mode_t mode = 0755;
  if (old) {
    MUSTER_ASSIGN(const auto found, old->status());
    mode = found.st_mode & 07777;
    if (::fchown(made.fd(), found.st_uid, found.st_gid) != 0)
      return core::fail_errno(errno, "setting the owner of " + made.shown());
  }
  if (::fchmod(made.fd(), mode) == 0) return {};
  return core::fail_errno(errno, "setting the mode of " + made.shown());
}

}  // namespace

struct Installer::Post {
  const Index* index;  // null: nothing is run
  core::ContentId id;
  std::string before;  // the version that was installed
};

core::Result<Installer> Installer::open(const std::string& pack, Options options) {
  MUSTER_TRY(packs::check_name(pack));
  MUSTER_ASSIGN(State state, State::open(options.state, pack));
  Installer installer(std::move(state), pack, std::move(options));
  MUSTER_TRY(installer.recover());
  return installer;
}

core::Status Installer::recover() {
  MUSTER_ASSIGN(const auto journal, state_.journal());
  if (!journal) return {};
  recovered_ = true;
  MUSTER_ASSIGN(const Ground ground,
                Ground::open(pack_, journal->generation(), targets_of(*journal), true));
  if (journal->committed()) return commit(ground, journal->then());
  MUSTER_TRY(undo_swaps(ground, *journal, options_.checkpoint));
  return state_.clear_journal();
}

std::optional<Index> Installer::index_now() const {
  const auto installed = state_.installed();
  if (!installed) return std::nullopt;
  const auto id = core::ContentId::from_bytes(installed->now().index());
  return id ? state_.index(*id) : std::nullopt;
}

core::Result<Report> Installer::without_index() const {
  const auto installed = state_.installed();
  if (!installed || installed->now().index().empty()) return report("absent");
  return fail(Code::kCorrupt, "the list of the files of " + pack_ + " " +
                                  installed->now().version() +
                                  ", which is installed here, cannot be read: send it again first");
}

/// The name of the folder in which this version is made: the same after a failure, another one
/// than that of the version which is kept.
std::string Installer::fresh_generation(const core::ContentId& id) const {
  const std::string name = core::to_hex(id.bytes()).substr(0, 16);
  const auto installed = state_.installed();
  return installed && installed->back().generation() == name ? name + "b" : name;
}

Report Installer::report(std::string outcome) const {
  Report made;
  made.outcome = std::move(outcome);
  made.recovered = recovered_;
  if (const auto installed = state_.installed()) {
    made.version = installed->now().version();
    made.before = installed->before().version();
  }
  return made;
}

/// The tables of `index`: as far as possible those of the versions that are here.
core::Result<packs::Tables> Installer::tables_of(const Index& index, Containers& containers) const {
  packs::Tables tables;
  const wire::PackInstalled installed = state_.installed().value_or(wire::PackInstalled());
  for (const auto* version : {&installed.now(), &installed.before()}) {
    const auto id = core::ContentId::from_bytes(version->index());
    if (auto whole = id ? state_.whole(*id) : std::nullopt) tables.merge(whole->tables);
  }
  for (const packs::Table& table : index.tables) {
    if (tables.contains(table.id)) continue;
    MUSTER_ASSIGN(auto bytes, containers.fetch_table(table));
    if (core::ContentId::of(bytes) != table.id)
      return fail(Code::kCorrupt, "a table of chunks is not what the index says");
    tables.emplace(table.id, std::move(bytes));
  }
  return tables;
}

core::Result<Report> Installer::apply(std::string_view bytes, Containers& containers) {
  MUSTER_ASSIGN(Index index, packs::read_outline(bytes));
  if (index.name != pack_) return fail(Code::kInvalid, "the index is that of another pack");
  MUSTER_ASSIGN(const auto tables, tables_of(index, containers));
  MUSTER_TRY(packs::add_chunks(index, tables));
  const auto id = core::ContentId::of(bytes);
  MUSTER_ASSIGN(Plan plan, plan_apply(std::move(index), id));
  const wire::PackInstalled installed = state_.installed().value_or(wire::PackInstalled());
  if (installed.now().index() == id.bytes() && plan.swaps.swaps_size() == 0) {
    MUSTER_TRY(plan.ground->remove());
    if (!index_now())  // damaged: nobody could take it away, or verify it
      MUSTER_TRY(state_.keep_index(id, packs::encode_whole(plan.index, bytes, tables)));
    return report("unchanged");
  }
  auto counts = stage(plan, containers);
  if (!counts) {
    // What came so far is for the next attempt, unless it is what fills the disk.
    if (counts.error().code == Code::kUnavailable) MUSTER_TRY(plan.ground->remove());
    return std::unexpected(std::move(counts.error()));
  }
  options_.checkpoint("staged");
  MUSTER_TRY(state_.keep_index(id, packs::encode_whole(plan.index, bytes, tables)));
  const Post post{&plan.index, id, installed.now().version()};
  MUSTER_TRY(run_step(plan.index.pre, post));
  *plan.swaps.mutable_then() =
      then_installed(version_of(plan.index, id), installed.now(), plan.swaps);
  MUSTER_TRY(switch_over(*plan.ground, std::move(plan.swaps), post));
  // Where the version before the old one had other targets, it lies there still.
  if (const auto stale =
          Ground::open(pack_, installed.back().generation(), targets_of(installed.back()), false);
      stale && installed.back().generation() != state_.installed()->back().generation())
    MUSTER_TRY(stale->remove());
  Report made = report("installed");
  made.counts = *counts;
  return made;
}

/// The folders that a Stage reads from, until it is done.
struct Installer::Sources {
  std::list<Folder> folders;
  std::optional<Ground> kept;
};

/// All that this machine has of this pack: the installed version with its steps, and the one
/// that is kept.
Installer::Sources Installer::add_sources(const Plan& plan, Stage& staged) const {
  Sources sources;
  const wire::PackInstalled installed = state_.installed().value_or(wire::PackInstalled());
  const auto add = [&](const Index& index, std::uint32_t target, core::Result<Folder> folder) {
    if (!folder) return;
    sources.folders.push_back(std::move(*folder));
    for (const Entry& entry : index.entries)
      if (entry.target == target)
        staged.add_source(index, entry, sources.folders.back(), entry.path);
  };
  if (plan.old) {
    const auto id = core::ContentId::from_bytes(installed.now().index());
    for (std::uint32_t i = 0; i < plan.old->targets.size(); ++i)
      add(*plan.old, i, Folder::open_path(plan.old->targets[i].path));
    if (id) add(*plan.old, plan.old->steps(), state_.steps(*id));
  }
  const auto before = core::ContentId::from_bytes(installed.before().index());
  const auto index = before ? state_.index(*before) : std::nullopt;
  if (!index) return sources;
  auto kept =
      Ground::open(pack_, installed.back().generation(), targets_of(installed.back()), false);
  if (!kept) return sources;
  sources.kept = std::move(*kept);
  for (const wire::PackSwap& swap : installed.back().swaps()) {
    const auto at = std::ranges::find(index->targets, sources.kept->target(swap.target()));
    const auto target = static_cast<std::uint32_t>(at - index->targets.begin());
    if (at == index->targets.end()) continue;
    const Folder& slots = sources.kept->slots(swap.target());
    for (const Entry& entry : index->entries)
      if (entry.target == target && (swap.path().empty() || entry.path == swap.path()))
        staged.add_source(*index, entry, slots,
                          swap.slot() + (swap.path().empty() ? "/" + entry.path : ""));
  }
  return sources;
}

core::Result<StageCounts> Installer::stage(const Plan& plan, Containers& containers) {
  Stage staged(plan.index, {containers,
                            [this](std::uint64_t done, std::uint64_t all) {
                              options_.progress("fetching", done, all);
                            },
                            options_.stopped});
  const Sources sources = add_sources(plan, staged);
  MUSTER_ASSIGN(const Folder steps, state_.steps(plan.id));
  for (const Entry& entry : plan.index.entries)
    if (entry.target == plan.index.steps()) staged.add(entry, steps, entry.path);
  for (int i = 0; i < plan.swaps.swaps_size(); ++i) {
    const wire::PackSwap& swap = plan.swaps.swaps(i);
    const Folder& slots = plan.ground->slots(swap.target());
    if (const Entry* entry = plan.made[static_cast<std::size_t>(i)])
      staged.add(*entry, slots, swap.slot());
    if (swap.target() >= plan.index.targets.size() || !plan.whole[swap.target()]) continue;
    MUSTER_ASSIGN(const Folder root, slots.make(swap.slot(), 0700));
    for (const Entry& entry : plan.index.entries)
      if (entry.target == swap.target()) staged.add(entry, slots, swap.slot() + "/" + entry.path);
  }
  MUSTER_TRY(staged.fill());
  for (const wire::PackSwap& swap : plan.swaps.swaps()) {
    if (swap.target() >= plan.index.targets.size() || !plan.whole[swap.target()]) continue;
    MUSTER_ASSIGN(const Folder root, plan.ground->slots(swap.target()).open(swap.slot()));
    MUSTER_TRY(like_the_old(root, plan.index.targets[swap.target()]));
  }
  MUSTER_TRY(steps.sync_all());
  return staged.counts();
}

core::Status Installer::switch_over(const Ground& ground, wire::PackSwitch journal,
                                    const Post& post) {
  MUSTER_TRY(note_inodes(ground, journal));
  MUSTER_TRY(ground.sync());
  options_.checkpoint("noted");
  MUSTER_TRY(state_.set_journal(journal));
  options_.progress("switching", 1, 1);
  core::Status done = do_swaps(ground, journal, options_.checkpoint);
  if (done) done = ground.sync();
  if (done && post.index) done = run_step(post.index->post, post);
  options_.checkpoint("switched");
  if (done) {
    journal.set_committed(true);
    done = state_.set_journal(journal);
  }
  if (!done) {
    core::Status undone = undo_swaps(ground, journal, options_.checkpoint);
    if (undone) undone = state_.clear_journal();
    if (undone) return fail(std::move(done.error()).while_doing("everything is as it was before"));
    return fail(Code::kInternal, done.error().message + "; and it could not be undone: " +
                                     undone.error().message + "; the next run tries it again");
  }
  options_.checkpoint("committed");
  core::Status noted = commit(ground, journal.then());
  if (noted) return {};
  return fail(
      std::move(noted.error()).while_doing("the version is in place and could not be noted"));
}

core::Status Installer::commit(const Ground& ground, const wire::PackInstalled& installed) {
  MUSTER_TRY(state_.set_installed(installed));
  options_.checkpoint("noted as installed");
  MUSTER_TRY(ground.remove_others());
  state_.forget_others(installed);
  options_.checkpoint("cleaned");
  return state_.clear_journal();
}

core::Status Installer::run_step(const std::string& step, const Post& of) const {
  if (step.empty()) return {};
  options_.progress("running " + step, 0, 0);
  options_.checkpoint("step");
  return run_program(
      state_.steps_path(of.id) / step,
      {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
       "MUSTER_PACK=" + pack_, "MUSTER_PACK_VERSION=" + of.index->version,
       "MUSTER_PACK_BEFORE=" + of.before},
      options_.stopped);
}

core::Result<Report> Installer::roll_back() {
  const auto installed = state_.installed();
  if (!installed || installed->back().targets_size() == 0)
    return fail(Code::kNotFound, "there is no version of " + pack_ + " to go back to here");
  wire::PackSwitch journal = installed->back();
  MUSTER_ASSIGN(const Ground ground,
                Ground::open(pack_, journal.generation(), targets_of(journal), true));
  const auto id = core::ContentId::from_bytes(installed->before().index());
  const auto index = id ? state_.index(*id) : std::nullopt;
  *journal.mutable_then() = then_installed(installed->before(), installed->now(), journal);
  MUSTER_TRY(switch_over(
      ground, std::move(journal),
      {index ? &*index : nullptr, id.value_or(core::ContentId()), installed->now().version()}));
  return report("rolled_back");
}

core::Result<Report> Installer::remove() {
  const auto installed = state_.installed();
  const auto index = index_now();
  if (!installed || !index) return without_index();
  const auto id = core::ContentId::from_bytes(installed->now().index());
  MUSTER_ASSIGN(const Plan plan, plan_remove(*index, *id));
  wire::PackSwitch journal = plan.swaps;
  *journal.mutable_then() = then_installed({}, installed->now(), journal);
  MUSTER_TRY(switch_over(*plan.ground, std::move(journal), {nullptr, {}, {}}));
  return report("removed");
}

core::Result<Report> Installer::verify() {
  const auto index = index_now();
  if (!index) return without_index();
  Report made = report("intact");
  for (const Entry& entry : index->entries) {
    if (entry.target == index->steps()) continue;
    const Target& target = index->targets[entry.target];
    // A folder that others share has whatever owner and mode it has.
    if (entry.kind == Kind::kDirectory && !target.owned) continue;
    auto folder = Folder::open_path(target.path);
    auto place = folder ? folder->place(entry.path) : core::Result<Place>(fail(folder.error()));
    const auto good = place ? is_there(*place, entry) : core::Result<bool>(false);
    if (good.value_or(false)) continue;
    made.outcome = "changed";
    ++made.changed_count;
    if (made.changed.size() < kChangedShownMax)
      made.changed.push_back(target.path + "/" + entry.path);
  }
  return made;
}

}  // namespace muster::installer
