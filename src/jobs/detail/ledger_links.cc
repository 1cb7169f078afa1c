// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "jobs/detail/ledger_core.h"

namespace muster::jobs {

using detail::after;
using detail::Member;
using detail::Membership;
using detail::Node;
using detail::OpenRun;

std::uint32_t Ledger::Core::node_of(const core::EndpointId& id) {
  const auto [found, is_new] =
      node_numbers.try_emplace(id, static_cast<std::uint32_t>(nodes.size()));
  if (is_new) nodes.emplace_back().id = id;
  return found->second;
}

Node* Ledger::Core::find_node(std::string_view id_bytes) {
  const auto id = core::EndpointId::from_bytes(id_bytes);
  if (!id) return nullptr;
  const auto found = node_numbers.find(*id);
  return found == node_numbers.end() ? nullptr : &nodes[found->second];
}

std::uint32_t Ledger::Core::find_gateway(std::string_view name) const {
  const auto found = std::find(gateways.begin(), gateways.end(), name);
  return found == gateways.end() ? detail::kNoGateway
                                 : static_cast<std::uint32_t>(found - gateways.begin());
}

std::uint32_t Ledger::Core::gateway_number(std::string_view name) {
  const std::uint32_t known = find_gateway(name);
  if (known != detail::kNoGateway) return known;
  gateways.emplace_back(name);
  return static_cast<std::uint32_t>(gateways.size() - 1);
}

void Ledger::Core::endpoint_gone(Node& node, Now now) {
  node.gateway = detail::kNoGateway;
  for (const Membership& m : node.open) {
    if (!is_landing(*m.run, m.slot)) drop_assembly(*m.run, m.slot);
    Member& member = m.run->members[m.slot];
    if (member.owed)
      set_deadline(*m.run, member, after(now.mono, m.run->patience + settings.grace));
    if (member.state != TargetState::kQueued || m.slot >= m.run->released) continue;
    set_deadline(*m.run, member,
                 m.run->waits() ? m.run->queue_until : after(now.mono, settings.not_sent_grace));
  }
}

void Ledger::Core::endpoint_up(Node& node, std::span<const wire::HeldRun* const> held, Now now) {
  std::vector<std::pair<std::uint64_t, wire::HeldState>> holds;
  holds.reserve(held.size());
  for (const wire::HeldRun* run : held) holds.emplace_back(run->run(), run->state());
  std::ranges::sort(holds);
  const auto state_of = [&](core::RunId run) {
    const auto at = std::ranges::lower_bound(holds, run.value(), {},
                                             &std::pair<std::uint64_t, wire::HeldState>::first);
    return at != holds.end() && at->first == run.value() ? at->second : wire::HELD_NONE;
  };
  // By copy: what ends here leaves the list only after its commit, but let no rule hang on it.
  const std::vector<Membership> open = node.open;
  for (const Membership& m : open) {
    drop_assembly(*m.run, m.slot);
    if (!is_final(m.run->members[m.slot].state))
      reconcile(*m.run, m.slot, state_of(m.run->run.id), now);
  }
  for (const auto& [run, state] : holds) {
    if (state != wire::HELD_RUNNING) continue;
    const auto known = std::ranges::find_if(
        open, [&](const Membership& m) { return m.run->run.id.value() == run; });
    if (known == open.end() || is_final(known->run->members[known->slot].state))
      add_cancel(node, core::RunId(run), "this run has ended without the endpoint");
  }
  send_gathered();
}

/// The table of docs/protocols/link.md, "Reconciliation", for one open target.
void Ledger::Core::reconcile(OpenRun& run, std::uint32_t slot, wire::HeldState held, Now now) {
  Member& member = run.members[slot];
  const Node& node = nodes[member.node];
  if (held != wire::HELD_NONE) {
    // It has it, whatever we thought: the result follows now or when the work ends.
    if (member.state == TargetState::kQueued || member.intent) {
      member.intent = false;
      set_state(run, member, TargetState::kSent);
      write_row(run, slot);
    }
    member.owed = false;
    member.instance = node.instance;
    member.in_doubt = detail::kDoubtForever;
    member.overdue = false;
    set_deadline(run, member,
                 member.deadline == core::MonoTime::max()
                     ? after(now.mono, run.patience + settings.grace)
                     : std::max(member.deadline, after(now.mono, 2 * settings.grace)));
    if (run.cancelled && held == wire::HELD_RUNNING) add_cancel(run, slot);
    return;
  }
  if (member.intent) return;  // the commit looks at the link of that moment
  if (member.state == TargetState::kQueued) {
    if (slot < run.released) reconsider(run, slot, now);
    return;
  }
  if (member.instance != node.instance) return agent_restarted(run, slot, now);
  // The same process does not hold it: it never arrived, or its refusal was lost.
  if (run.closing()) {
    // A dispatch may still be on its way to the new link; the endpoint remembers the cancel.
    add_cancel(run, slot);
    return;
  }
  if (run.progress.paused) {
    member.deadline = core::MonoTime::max();
    if (!std::exchange(member.owed, true)) run.owed.push_back(slot);
    return;
  }
  ++stats.dispatched_again;
  add_dispatch(run, slot, now);
}

/// Another process of the agent does not hold what its predecessor was sent.
void Ledger::Core::agent_restarted(OpenRun& run, std::uint32_t slot, Now now) {
  Member& member = run.members[slot];
  if (!run.run.idempotent || run.closing())
    return finish(run, slot, TargetState::kUnknown,
                  "the agent restarted; whether the command ran, or how far, cannot be known", now);
  if (member.restarts >= kRestartsMax)
    return finish(run, slot, TargetState::kUnknown,
                  "the agent restarted again and again; it was sent to " +
                      std::to_string(kRestartsMax + 1) + " times",
                  now);
  ++member.restarts;
  ++stats.restarted;
  member.in_doubt = 0;
  member.overdue = member.owed = false;
  member.started_at_ms = 0;
  set_state(run, member, TargetState::kQueued);
  go(run, slot);
  write_row(run, slot);
}

void Ledger::Core::endpoint_removed(Node& node, std::string_view reason, Now now) {
  endpoint_gone(node, now);
  const std::vector<Membership> open = node.open;
  for (const Membership& m : open) {
    const Member& member = m.run->members[m.slot];
    if (is_final(member.state)) continue;
    if (detail::is_waiting(member))
      finish_waiting(*m.run, m.slot, TargetState::kUnreachable, std::string(reason), now);
    else
      finish(*m.run, m.slot, TargetState::kUnknown, std::string(reason), now);
  }
}

}  // namespace muster::jobs
