// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/bytes.h"
#include "core/log.h"
#include "jobs/detail/ledger_core.h"

namespace muster::jobs {

using detail::after;
using detail::Member;
using detail::Membership;
using detail::Node;
using detail::OpenRun;

namespace {

std::optional<TargetState> state_of(wire::Outcome outcome) {
  switch (outcome) {
    case wire::OUTCOME_SUCCEEDED:
      return TargetState::kSucceeded;
    case wire::OUTCOME_FAILED:
      return TargetState::kFailed;
    case wire::OUTCOME_REFUSED:
      return TargetState::kRefused;
    case wire::OUTCOME_TIMED_OUT:
      return TargetState::kTimedOut;
    case wire::OUTCOME_CANCELLED:
      return TargetState::kCancelled;
    case wire::OUTCOME_EXPIRED:
      return TargetState::kExpired;
    default:
      return std::nullopt;
  }
}

bool sizes_are_sane(const wire::Announce& announce) {
  if (!announce.is_inline())
    return announce.stdout_bytes() <= wire::kOutputBytesCeiling &&
           announce.stderr_bytes() <= wire::kOutputBytesCeiling;
  return announce.stdout_inline().size() == announce.stdout_bytes() &&
         announce.stderr_inline().size() == announce.stderr_bytes() &&
         announce.stdout_bytes() + announce.stderr_bytes() <= kRowOutputBytesMax;
}

}  // namespace

Target target_of(wire::Announce& announce) {
  Target target;
  target.state = state_of(announce.outcome()).value_or(TargetState::kUnknown);
  target.exit_code = announce.exit_code();
  target.signal = announce.signal();
  target.reason =
      core::is_utf8(announce.reason()) && announce.reason().size() <= detail::kReasonBytesMax
          ? std::move(*announce.mutable_reason())
          : core::printable(announce.reason(), detail::kReasonBytesMax);
  target.out = std::move(*announce.mutable_stdout_inline());
  target.err = std::move(*announce.mutable_stderr_inline());
  target.out_bytes = announce.stdout_bytes();
  target.err_bytes = announce.stderr_bytes();
  target.out_bytes_cut = announce.stdout_bytes_cut();
  target.err_bytes_cut = announce.stderr_bytes_cut();
  target.duration_ms = announce.duration_ms();
  return target;
}

Membership* Ledger::Core::membership(Node& node, std::uint64_t run) {
  for (Membership& m : node.open)
    if (m.run->run.id.value() == run) return &m;
  return nullptr;
}

void Ledger::Core::protocol_error(const Node& node, std::string_view what) {
  ++stats.protocol_errors;
  core::log(core::Level::kWarn, "jobs", "an endpoint's report makes no sense",
            {{"endpoint", node.id}, {"what", what}});
  if (node.online()) sink.kick(gateways[node.gateway], node.id, what);
}

void Ledger::Core::report(std::uint32_t gateway, wire::Report& report, Now now) {
  Node* node = find_node(report.endpoint());
  if (!node) return;
  if (report.what_case() == wire::Report::kNotSent)
    return not_sent(*node, gateway, report.not_sent(), now);
  if (node->gateway != gateway) return;  // it speaks of a link that it does not hold
  switch (report.what_case()) {
    case wire::Report::kStarted:
      if (Membership* m = membership(*node, report.started().run())) started(*m->run, m->slot, now);
      return;
    case wire::Report::kOutput:
      if (Membership* m = membership(*node, report.output().run());
          m && !is_final(m->run->members[m->slot].state) &&
          (m->run->run.invoke.live_output() || report.output().stream() == wire::STREAM_PROGRESS))
        sink.output(m->run->run, node->id, report.output());
      return;
    case wire::Report::kAnnounce:
      return announced(*node, *report.mutable_announce(), now);
    case wire::Report::kChunk:
      return chunk(*node, report.chunk(), now);
    default:
      return;
  }
}

void Ledger::Core::started(OpenRun& run, std::uint32_t slot, Now now) {
  Member& member = run.members[slot];
  if (member.state != TargetState::kSent || member.intent) return;
  set_state(run, member, TargetState::kRunning);
  member.owed = false;
  member.in_doubt = detail::kDoubtForever;
  member.started_at_ms = core::unix_ms(now.wall);
  write_row(run, slot);
}

void Ledger::Core::announced(Node& node, wire::Announce& announce, Now now) {
  Membership* m = membership(node, announce.run());
  if (!m) {  // finished and durable, or long removed
    ++stats.results_late;
    return add_ack(node, core::RunId(announce.run()));
  }
  OpenRun& run = *m->run;
  const std::uint32_t slot = m->slot;
  if (is_final(run.members[slot].state)) {
    // The commit that is under way acknowledges it.
    run.members[slot].answered = true;
    ++stats.results_late;
    return;
  }
  if (!state_of(announce.outcome()) || !sizes_are_sane(announce))
    return protocol_error(node, "a result without an outcome or with impossible sizes");
  if (refuse_bytes(node, announce.stdout_inline().size() + announce.stderr_inline().size())) return;
  if (!announce.is_inline() && announce.stdout_bytes() + announce.stderr_bytes() > 0)
    return begin_assembly(run, slot, announce, now);
  ++stats.results;
  run.members[slot].answered = true;
  finish(run, slot, target_of(announce), now);
}

void Ledger::Core::not_sent(Node& node, std::uint32_t gateway, const wire::NotSent& not_sent,
                            Now now) {
  Membership* m = membership(node, not_sent.run());
  if (!m) return;
  OpenRun& run = *m->run;
  Member& member = run.members[m->slot];
  if (member.state != TargetState::kSent || member.intent || member.gateway != gateway) return;
  if (member.in_doubt == 0 || member.in_doubt == detail::kDoubtForever) return;
  if (--member.in_doubt > 0) return;  // another dispatch of it may have arrived
  const bool waits = run.queue_until != core::MonoTime::min();
  const auto tries = settings.not_sent_grace / std::max(settings.retry_after, core::Duration(1));
  if (!run.closing() && !waits && ++member.retries > tries)
    return finish_waiting(run, m->slot, TargetState::kUnreachable,
                          "its gateway could not pass the order on", now);
  set_state(run, member, TargetState::kQueued);
  if (run.closing() || !node.online()) return reconsider(run, m->slot, now);
  // Online as far as we know: its link is about to be reported down, or is full.
  write_row(run, m->slot);
  set_deadline(run, member, after(now.mono, settings.retry_after));
}

}  // namespace muster::jobs
