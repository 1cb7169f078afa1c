// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "jobs/detail/ledger_core.h"

namespace muster::jobs {

using detail::after;
using detail::Member;
using detail::OpenRun;

void Ledger::Core::tick(Now now) {
  if (now.mono >= retry_at) {
    retry_at = core::MonoTime::max();
    if (in_flight)
      sink.persist(in_flight);
    else
      storage_error.clear();
  }
  if (now.mono >= store_again_at) {
    store_again_at = core::MonoTime::max();
    sink.store(storing);
  }
  for (auto& [id, owned] : runs) {
    OpenRun& run = *owned;
    if (run.next_check > now.mono) continue;
    run.next_check = core::MonoTime::max();
    for (std::uint32_t slot = 0; slot < run.members.size(); ++slot) {
      Member& member = run.members[slot];
      if (is_final(member.state) || member.intent) continue;
      if (member.deadline <= now.mono) overdue(run, slot, now);
      if (!is_final(member.state)) run.next_check = std::min(run.next_check, member.deadline);
    }
    if (run.next_wave_at <= now.mono)
      need_pump(run);
    else
      run.next_check = std::min(run.next_check, run.next_wave_at);
  }
  send_gathered();
}

void Ledger::Core::overdue(OpenRun& run, std::uint32_t slot, Now now) {
  Member& member = run.members[slot];
  const bool is_online = nodes[member.node].online();
  if (member.state == TargetState::kQueued) {
    if (is_online || (run.queue_until != core::MonoTime::min() && now.mono < run.queue_until))
      return reconsider(run, slot, now);
    if (run.queue_until != core::MonoTime::min())
      return finish_waiting(run, slot, TargetState::kExpired, "not reachable within its queue time",
                            now);
    const bool was_tried = member.gateway != detail::kNoGateway || run.wave_begin() == 0;
    return finish_waiting(run, slot, TargetState::kUnreachable,
                          was_tried ? "its link was lost before the order could be sent"
                                    : "offline when its wave began",
                          now);
  }
  if (!storage_error.empty() || is_landing(run, slot)) {
    // Answers may be waiting for the disk: nobody is given up meanwhile.
    return set_deadline(run, member, after(now.mono, settings.retry_after));
  }
  if (!is_online && run.run.idempotent && !run.closing() && run.waits() &&
      now.mono < run.queue_until)
    return set_deadline(run, member, run.queue_until);  // then it may be sent anew
  if (!is_online)
    return finish(run, slot, TargetState::kUnknown,
                  member.state == TargetState::kRunning
                      ? "it started; its link was lost and no answer came in time"
                      : "its link was lost and no answer came in time; it may have run",
                  now);
  if (member.overdue)
    return finish(run, slot, TargetState::kUnknown,
                  "connected, but no answer came in time, nor after it was told to stop", now);
  member.overdue = true;
  add_cancel(nodes[member.node], run.run.id, "its time is over");
  set_deadline(run, member, after(now.mono, settings.grace));
}

}  // namespace muster::jobs
