// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/assert.h"
#include "jobs/detail/ledger_core.h"
#include "jobs/run_spec.h"

namespace muster::jobs {

using detail::after;
using detail::Member;
using detail::OpenRun;

namespace {

std::unique_ptr<OpenRun> open_run(Run run, std::size_t targets, Now now) {
  auto open = std::make_unique<OpenRun>();
  open->patience = answer_within(run);
  open->cancelled = !run.cancelled_by.empty();
  if (run.queue_until) {
    // Each wave's targets wait as long from its begin.
    const auto late = run.progress.wave_began_at.value_or(run.created_at) - run.created_at;
    open->queue_until =
        after(now.mono,
              std::max(core::Duration::zero(), core::Duration(*run.queue_until + late - now.wall)));
  }
  open->progress = run.progress;
  open->run = std::move(run);
  open->members.resize(targets);
  return open;
}

}  // namespace

OpenRun* Ledger::Core::find(core::RunId id) {
  const auto found = runs.find(id);
  return found == runs.end() ? nullptr : found->second.get();
}

void Ledger::Core::set_deadline(OpenRun& run, Member& member, core::MonoTime deadline) {
  member.deadline = deadline;
  run.next_check = std::min(run.next_check, deadline);
}

core::Status Ledger::Core::create(Run run, std::span<const core::EndpointId> targets,
                                  std::string key, std::string digest, Now now, Created created) {
  using core::Code;
  if (stopped)
    return core::fail(Code::kConflict,
                      "everything is stopped since " + core::to_rfc3339(stopped->at) + " by " +
                          stopped->by + (stopped->reason.empty() ? "" : ": " + stopped->reason) +
                          "; nothing is started until that is lifted (muster stop-everything "
                          "--lift)");
  if (targets.empty()) return core::fail(Code::kInvalid, "a run needs at least one target");
  if (targets.size() > kTargetsMax)
    return core::fail(Code::kLimit, "a run may have " + std::to_string(kTargetsMax) +
                                        " targets, these are " + std::to_string(targets.size()));
  if (runs.size() >= kOpenRunsMax || stats.open_targets + targets.size() > kOpenTargetsMax)
    return core::fail(Code::kLimit, "too many runs are open; wait for some to end, or cancel them");
  if (!storage_error.empty())
    return core::fail(Code::kUnavailable,
                      "no new runs while the database cannot be written: " + storage_error);
  if (runs.contains(run.id)) return core::fail(Code::kExists, "this run id exists");
  std::string idempotency = key.empty() ? std::string() : run.created_by + '\0' + key;
  if (!idempotency.empty() && !creating.insert(idempotency).second)
    return core::fail(Code::kConflict, "another request with this idempotency key is under way");

  if (run.rollout) run.progress.wave_began_at = run.created_at;
  auto owned = open_run(std::move(run), targets.size(), now);
  OpenRun& open = *owned;
  open.created = std::move(created);
  open.idempotency = std::move(idempotency);
  runs.emplace(open.run.id, std::move(owned));
  NewRun row{open.run, std::move(key), std::move(digest), {}};
  row.targets.resize(targets.size());
  std::size_t count = 0;
  for (const auto& endpoint : targets) {
    const std::uint32_t number = node_of(endpoint);
    auto& list = nodes[number].open;
    if (!list.empty() && list.back().run == &open) continue;  // named twice
    list.push_back({&open, static_cast<std::uint32_t>(count)});
    open.members[count].node = number;
    begin_target(open, static_cast<std::uint32_t>(count), row.targets[count]);
    ++count;
  }
  open.members.resize(count);
  row.targets.resize(count);
  note_wave(open);
  open.failures = open.wave_failures;
  if (open.run.rollout) need_pump(open);
  ++stats.runs;
  stats.open_targets += count;
  gathering->runs.push_back(std::move(row));
  if (open.open == 0) gathering->ends.push_back({open.run.id, {}, now.wall});
  return {};
}

void Ledger::Core::begin_target(OpenRun& run, std::uint32_t slot, NewRun::Row& row) {
  Member& member = run.members[slot];
  const Node& node = nodes[member.node];
  row.endpoint = node.id;
  if (slot == run.released && slot < run.wave_end() && run.has_room()) {
    ++run.released;
    if (node.online())
      go(run, slot);
    else if (run.waits())
      set_deadline(run, member, run.queue_until);
    else
      member.state = TargetState::kUnreachable;
  }
  row.state = member.state;
  row.instance = member.instance;
  member.shown = member.state;
  if (!is_final(member.state)) ++run.open;
}

void Ledger::Core::restore_run(StoredRun stored, Now now) {
  auto owned = open_run(std::move(stored.run), stored.targets.size(), now);
  OpenRun& open = *owned;
  runs.emplace(open.run.id, std::move(owned));
  open.run.counts = {};
  open.released = open.run.rollout ? open.wave_begin() : open.size();
  for (std::uint32_t slot = 0; slot < stored.targets.size(); ++slot) {
    const auto& row = stored.targets[slot];
    Member& member = open.members[slot];
    member.node = node_of(row.endpoint);
    member.shown = row.state;
    member.restarts = row.restarts;
    set_state(open, member, row.state);
    ++open.run.counts[row.state];
    ++stats.open_targets;
    if (is_final(row.state)) {
      member.durable = true;
      continue;
    }
    ++open.open;
    nodes[member.node].open.push_back({&open, slot});
    member.instance = row.instance;
    if (row.started_at) member.started_at_ms = core::unix_ms(*row.started_at);
    if (row.state == TargetState::kQueued) {
      if (slot >= open.released) continue;  // its turn comes with the first pump
      set_deadline(open, member,
                   open.queue_until != core::MonoTime::min()
                       ? open.queue_until
                       : after(now.mono, settings.not_sent_grace));
    } else {
      // How often it went out before the restart is not written.
      member.in_doubt = detail::kDoubtForever;
      set_deadline(open, member, after(now.mono, open.patience + settings.grace));
    }
  }
  note_wave(open);
  need_pump(open);
  if (open.open == 0) gathering->ends.push_back({open.run.id, open.run.counts, now.wall});
}

core::Status Ledger::Core::cancel(core::RunId id, std::string by, std::string reason, Now now) {
  OpenRun* run = find(id);
  if (!run) return core::fail(core::Code::kNotFound, "run " + id.str() + " is not open");
  if (run->cancelled) return {};
  run->cancelled = true;
  Found found;
  for (std::uint32_t slot = 0; slot < run->members.size(); ++slot) {
    Member& member = run->members[slot];
    if (is_final(member.state)) {
      ++found.finished;
      continue;
    }
    if (detail::is_waiting(member)) {
      ++found.queued;  // the pump ends it
      continue;
    }
    ++(member.state == TargetState::kRunning ? found.running : found.sent);
    if (nodes[member.node].online()) add_cancel(*run, slot);
    set_deadline(*run, member, std::min(member.deadline, after(now.mono, 2 * settings.grace)));
  }
  run->progress.cancelled_at = now.wall;
  run->progress.found = found;
  gathering->cancels.push_back({id, by, reason});
  step(*run, RunStep::What::kCancelled, std::move(by), std::move(reason));
  need_pump(*run);
  send_gathered();
  return {};
}

TargetRow& Ledger::Core::write_row(OpenRun& run, std::uint32_t slot) {
  Member& member = run.members[slot];
  if (member.row_batch != gathering_serial) {
    member.row_batch = gathering_serial;
    member.row = static_cast<std::uint32_t>(gathering->rows.size());
    gathering->rows.emplace_back();
  }
  TargetRow& row = gathering->rows[member.row];
  row.run = run.run.id;
  row.slot = slot;
  row.instance = member.instance;
  row.restarts = member.restarts;
  row.target.endpoint = nodes[member.node].id;
  row.target.state = member.state;
  if (member.started_at_ms != 0)
    row.target.started_at = core::wall_from_unix_ms(member.started_at_ms);
  return row;
}

void Ledger::Core::finish(OpenRun& run, std::uint32_t slot, Target target, Now now) {
  Member& member = run.members[slot];
  MUSTER_ASSERT(!is_final(member.state) && is_final(target.state));
  if (run.cancelled && target.reason.empty() && target.state != TargetState::kCancelled)
    target.reason = "it had ended when the cancel came";
  set_state(run, member, target.state);
  member.intent = member.owed = false;
  member.deadline = core::MonoTime::max();
  target.endpoint = nodes[member.node].id;
  target.finished_at = now.wall;
  if (member.started_at_ms != 0) target.started_at = core::wall_from_unix_ms(member.started_at_ms);
  drop_assembly(run, slot);
  gathering->bytes += target.out.size() + target.err.size();
  write_row(run, slot).target = std::move(target);
  note_final(run, slot, member.state);
  if (--run.open == 0) gathering->ends.push_back({run.run.id, {}, now.wall});
}

void Ledger::Core::finish(OpenRun& run, std::uint32_t slot, TargetState state, std::string reason,
                          Now now) {
  Target target;
  target.state = state;
  target.reason = std::move(reason);
  finish(run, slot, std::move(target), now);
}

/// Ends a target to which nothing is under way by what is true of it: where its agent was
/// restarted, it may have run before.
void Ledger::Core::finish_waiting(OpenRun& run, std::uint32_t slot, TargetState state,
                                  std::string reason, Now now) {
  if (run.members[slot].restarts > 0) {
    if (state != TargetState::kCancelled) state = TargetState::kUnknown;
    reason = "its agent was restarted, so it may have run; it was not sent anew: " + reason;
  }
  finish(run, slot, state, std::move(reason), now);
}

/// A target of which nothing has left: what now?
void Ledger::Core::reconsider(OpenRun& run, std::uint32_t slot, Now now) {
  Member& member = run.members[slot];
  const Node& node = nodes[member.node];
  if (run.closing())
    return finish_waiting(run, slot, TargetState::kCancelled,
                          run.cancelled
                              ? "cancelled before it was sent"
                              : "stopped before it was sent: " + run.progress.stopped->reason,
                          now);
  const bool waits_for_room = member.is_ready && node.online();
  if (run.waits() && now.mono >= run.queue_until && !waits_for_room)
    return finish_waiting(run, slot, TargetState::kExpired, "not reachable within its queue time",
                          now);
  set_state(run, member, TargetState::kQueued);
  member.intent = false;
  if (node.online()) {
    go(run, slot);
  } else {
    member.instance = 0;
    set_deadline(run, member,
                 run.waits() ? run.queue_until : after(now.mono, settings.not_sent_grace));
  }
  write_row(run, slot);
}

void Ledger::Core::forget(OpenRun& run) {
  for (std::uint32_t slot = 0; slot < run.members.size(); ++slot) {
    drop_assembly(run, slot);
    auto& list = nodes[run.members[slot].node].open;
    std::erase_if(list, [&](const detail::Membership& m) { return m.run == &run; });
  }
  if (!run.idempotency.empty()) creating.erase(run.idempotency);
  stats.open_targets -= run.members.size();
  runs.erase(run.run.id);
}

}  // namespace muster::jobs
