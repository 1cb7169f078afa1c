// SPDX-License-Identifier: Apache-2.0
//
// What may leave when: waves, ceilings, thresholds, pauses and stops.
//
// An event only counts (note_final, O(1)) and asks for a pump, which runs once in the next
// flush: however many results came in one turn, what follows from them is decided once,
// and nothing recurses. A pump releases slots in order; it never looks at one twice.
#include <algorithm>

#include "jobs/detail/ledger_core.h"

namespace muster::jobs {

using core::Code;
using detail::after;
using detail::Member;
using detail::Node;
using detail::OpenRun;

void Ledger::Core::set_state(OpenRun& run, Member& member, TargetState state) {
  const bool was = detail::is_under_way(member.state), is = detail::is_under_way(state);
  member.state = state;
  if (was == is) return;
  if (is) {
    ++run.under_way;
  } else {
    --run.under_way;
    if (run.run.rollout) need_pump(run);  // there is room for another
  }
}

namespace {

bool is_failure(const RolloutPlan& plan, TargetState state) {
  using enum TargetState;
  switch (state) {
    case kFailed:
    case kTimedOut:
    case kRefused:
    case kUnknown:
      return true;
    case kUnreachable:
    case kExpired:
      return plan.count_unreachable;
    default:
      return false;
  }
}

std::string few(std::uint32_t count) {
  return std::to_string(count) + (count == 1 ? " is" : " are");
}

/// Why the run must not go on; empty while it may.
std::string too_many_failures(const OpenRun& run) {
  if (!run.run.rollout) return "";
  const RolloutPlan& plan = run.run.rollout->plan;
  const std::uint32_t in_all = run.failures - std::min(run.failures, run.progress.forgiven);
  const std::uint32_t in_wave =
      run.wave_failures - std::min(run.wave_failures, run.progress.forgiven_in_wave);
  if (plan.failures_max && in_all > *plan.failures_max)
    return std::to_string(in_all) + " of " + std::to_string(run.size()) + " failed, " +
           few(*plan.failures_max) + " allowed";
  const std::uint64_t size = run.wave_end() - run.wave_begin();
  if (plan.failures_percent_max && std::uint64_t{in_wave} * 100 > *plan.failures_percent_max * size)
    return std::to_string(in_wave) + " of " + std::to_string(size) + " in wave " +
           std::to_string(run.progress.wave + 1) + " failed, " +
           std::to_string(*plan.failures_percent_max) + "% are allowed";
  return "";
}

}  // namespace

void Ledger::Core::need_pump(OpenRun& run) {
  if (!std::exchange(run.pumping, true)) to_pump.push_back(run.run.id);
}

/// A target has become final.
void Ledger::Core::note_final(OpenRun& run, std::uint32_t slot, TargetState state) {
  if (!run.run.rollout) return;
  const bool failed = is_failure(run.run.rollout->plan, state);
  run.failures += failed;
  if (run.in_wave(slot)) {
    --run.wave_open;
    run.wave_failures += failed;
  }
  need_pump(run);
}

/// Counts the wave that is under way, after progress.wave was set.
void Ledger::Core::note_wave(OpenRun& run) {
  run.wave_open = run.wave_failures = 0;
  for (std::uint32_t slot = run.wave_begin(); slot < run.wave_end(); ++slot) {
    const TargetState state = run.members[slot].state;
    if (!is_final(state))
      ++run.wave_open;
    else if (run.run.rollout && is_failure(run.run.rollout->plan, state))
      ++run.wave_failures;
  }
}

void Ledger::Core::step(OpenRun& run, RunStep::What what, std::string by, std::string reason) {
  gathering->steps.push_back({run.run.id, what, std::move(by), std::move(reason), run.progress});
}

void Ledger::Core::hold(OpenRun& run, RunStep::What what, std::string by, std::string reason,
                        Now now) {
  auto& held = what == RunStep::What::kPaused ? run.progress.paused : run.progress.stopped;
  held = Hold{by, reason, now.wall};
  step(run, what, std::move(by), std::move(reason));
  need_pump(run);
}

core::Status Ledger::Core::pause(core::RunId id, std::string by, std::string reason, Now now) {
  OpenRun* run = find(id);
  if (!run) return core::fail(Code::kNotFound, "run " + id.str() + " is not open");
  if (run->closing())
    return core::fail(Code::kConflict, "run " + id.str() + " is being " +
                                           (run->cancelled ? "cancelled" : "stopped") +
                                           " already; nothing more is sent");
  if (!run->progress.paused)
    hold(*run, RunStep::What::kPaused, std::move(by), std::move(reason), now);
  return {};
}

core::Status Ledger::Core::resume(core::RunId id, std::string by, Now) {
  OpenRun* run = find(id);
  if (!run) return core::fail(Code::kNotFound, "run " + id.str() + " is not open");
  if (!run->progress.paused || run->closing())
    return core::fail(Code::kConflict, "run " + id.str() + " is not paused");
  run->progress.paused.reset();
  run->progress.forgiven = run->failures;
  run->progress.forgiven_in_wave = run->wave_failures;
  run->gate_open = run->wave_open == 0;
  step(*run, RunStep::What::kResumed, std::move(by), "");
  need_pump(*run);
  return {};
}

void Ledger::Core::stop_all(Hold why, Now now) {
  stopped = std::move(why);
  std::vector<core::RunId> open;
  open.reserve(runs.size());
  for (const auto& [id, run] : runs) open.push_back(id);
  std::ranges::sort(open);
  const std::string reason =
      "stop everything" + (stopped->reason.empty() ? "" : ": " + stopped->reason);
  for (const core::RunId id : open) (void)cancel(id, stopped->by, reason, now);
}

void Ledger::Core::pump(Now now) {
  for (const core::RunId id : std::exchange(to_pump, {})) {
    OpenRun* run = find(id);
    if (!run) continue;
    const bool done = pump(*run, now);
    run->pumping = false;
    if (!done) need_pump(*run);  // the rest after the next commit
  }
  send_gathered();
}

/// Whether all is done that can be done now.
bool Ledger::Core::pump(OpenRun& run, Now now) {
  for (;;) {
    if (run.closing()) {
      close_waiting(run, now);
      return run.closed == run.size();
    }
    if (run.progress.paused || run.open == 0) return true;
    if (check_failures(run, now)) continue;
    send_owed(run, now);
    fill(run, now);
    const bool more = !run.ready.empty() || run.released < run.wave_end();
    if (has_much_gathered() && run.has_room() && more) return false;
    const bool is_over = run.wave_open == 0 && run.released == run.wave_end();
    if (!is_over || run.is_last_wave()) return true;
    if (check_failures(run, now)) continue;  // of what filling found unreachable
    if (!begin_next_wave(run, now)) return true;
  }
}

/// What waits ends, a batch at a time.
void Ledger::Core::close_waiting(OpenRun& run, Now now) {
  for (; run.closed < run.size() && !has_much_gathered(); ++run.closed) {
    const Member& member = run.members[run.closed];
    if (!is_final(member.state) && detail::is_waiting(member)) reconsider(run, run.closed, now);
  }
}

/// True where it stops or pauses the run.
bool Ledger::Core::check_failures(OpenRun& run, Now now) {
  const std::string why = too_many_failures(run);
  if (why.empty()) return false;
  const bool stops = run.run.rollout->plan.on_failures == OnFailures::kStop;
  hold(run, stops ? RunStep::What::kStopped : RunStep::What::kPaused, std::string(kByRollout), why,
       now);
  return true;
}

/// Lets go what there is room for.
void Ledger::Core::fill(OpenRun& run, Now now) {
  while (run.has_room() && !has_much_gathered()) {
    if (!run.ready.empty()) {
      const std::uint32_t slot = run.ready.front();
      run.ready.pop_front();
      Member& member = run.members[slot];
      member.is_ready = false;
      if (member.state != TargetState::kQueued || !nodes[member.node].online()) continue;
      go(run, slot);
      write_row(run, slot);
    } else if (run.released < run.wave_end()) {
      release(run, run.released++, now);
    } else {
      return;
    }
  }
}

/// What a pause kept from being sent again; it counts as under way all the time.
void Ledger::Core::send_owed(OpenRun& run, Now now) {
  for (const std::uint32_t slot : std::exchange(run.owed, {})) {
    Member& member = run.members[slot];
    const Node& node = nodes[member.node];
    if (!std::exchange(member.owed, false) || member.state != TargetState::kSent) continue;
    if (!node.online() || member.instance != node.instance) continue;  // its next link tells
    ++stats.dispatched_again;
    add_dispatch(run, slot, now);
  }
}

/// False where it has to wait.
bool Ledger::Core::begin_next_wave(OpenRun& run, Now now) {
  const RolloutPlan& plan = run.run.rollout->plan;
  const std::string done = "wave " + std::to_string(run.progress.wave + 1) + " of " +
                           std::to_string(run.run.rollout->waves.size()) + " is done";
  if (plan.pause_between && !run.gate_open) {
    hold(run, RunStep::What::kPaused, std::string(kByRollout), done, now);
    return false;
  }
  if (plan.wait_between.count() > 0) {
    if (run.next_wave_at == core::MonoTime::max())
      run.next_wave_at = after(now.mono, plan.wait_between);
    if (now.mono < run.next_wave_at) {
      run.next_check = std::min(run.next_check, run.next_wave_at);
      return false;
    }
  }
  run.next_wave_at = core::MonoTime::max();
  run.gate_open = false;
  ++run.progress.wave;
  run.progress.wave_began_at = now.wall;
  run.progress.forgiven_in_wave = 0;
  if (run.waits()) run.queue_until = after(now.mono, *run.run.queue_until - run.run.created_at);
  note_wave(run);
  step(run, RunStep::What::kWave, std::string(kByRollout), done);
  return true;
}

/// A slot's turn has come.
void Ledger::Core::release(OpenRun& run, std::uint32_t slot, Now now) {
  Member& member = run.members[slot];
  if (member.state != TargetState::kQueued) return;
  if (nodes[member.node].online()) {
    go(run, slot);
    write_row(run, slot);
  } else {
    wait_at_home(run, slot, now);
  }
}

/// A queued target whose endpoint is there is to be sent, when there is room.
void Ledger::Core::go(OpenRun& run, std::uint32_t slot) {
  Member& member = run.members[slot];
  if (!run.has_room()) {
    if (!std::exchange(member.is_ready, true)) run.ready.push_back(slot);
    member.instance = 0;
    member.deadline = core::MonoTime::max();
    return;
  }
  set_state(run, member, TargetState::kSent);
  member.intent = true;
  member.instance = nodes[member.node].instance;
  member.deadline = core::MonoTime::max();
}

/// A queued target whose endpoint is away has this long to see it come. Whole seconds, so
/// that many are looked at together.
void Ledger::Core::wait_at_home(OpenRun& run, std::uint32_t slot, Now now) {
  set_deadline(run, run.members[slot],
               run.waits() ? run.queue_until
                           : core::MonoTime(std::chrono::ceil<std::chrono::seconds>(
                                 after(now.mono, settings.not_sent_grace).time_since_epoch())));
}

}  // namespace muster::jobs
