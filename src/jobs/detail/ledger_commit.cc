// SPDX-License-Identifier: Apache-2.0
//
// One batch is under way at a time. What a batch says is shown, dispatched and
// acknowledged when it is durable, in this order: created, shown, sent, acknowledged.
#include <algorithm>

#include "core/assert.h"
#include "core/log.h"
#include "jobs/detail/ledger_core.h"

namespace muster::jobs {

using detail::after;
using detail::Member;
using detail::Node;
using detail::OpenRun;

namespace {

/// Where `list` gathers for this run and gateway; targets of a run stand together.
template <typename Outgoing>
Outgoing& gathered(std::vector<Outgoing>& list, core::RunId run, std::uint32_t gateway) {
  for (auto at = list.rbegin(); at != list.rend() && at - list.rbegin() < 64; ++at)
    if (at->run == run && at->gateway == gateway) return *at;
  return list.emplace_back(Outgoing{run, gateway, {}, {}, {}, {}});
}

}  // namespace

void Ledger::Core::flush(Now now) {
  pump(now);
  store_gathered();
  if (in_flight || gathering->empty()) return;
  for (RunEnd& end : gathering->ends) {
    end.counts = {};
    const OpenRun* run = find(end.run);
    if (!run) continue;
    for (const Member& member : run->members) ++end.counts[member.state];
    end.forget_arguments = run->run.method.has_secrets;
  }
  in_flight = std::move(gathering);
  gathering = std::make_unique<Batch>();
  ++gathering_serial;
  sink.persist(in_flight);
}

void Ledger::Core::persisted(core::Status outcome, Now now) {
  MUSTER_ASSERT(in_flight);
  if (!outcome) return failed(std::move(outcome.error()), now);
  if (!std::exchange(storage_error, {}).empty())
    core::log(core::Level::kInfo, "jobs", "the ledger is written again; work goes on");
  retry_at = core::MonoTime::max();
  const auto batch = std::move(in_flight);
  in_flight.reset();
  committed(*batch, now);
  send_gathered();
  flush(now);
}

void Ledger::Core::failed(core::Error error, Now now) {
  ++stats.write_failures;
  const bool known = !std::exchange(storage_error, std::move(error.message)).empty();
  if (!known)  // once, not at every attempt
    core::log(core::Level::kError, "jobs", "cannot write the ledger; everything waits",
              {{"why", storage_error}});
  retry_at = after(now.mono, settings.retry_after);
  // Runs of which nobody was told yet are refused instead of being kept waiting.
  auto refused = std::exchange(in_flight->runs, {});
  const auto is_refused = [&](const auto& row) {
    return std::ranges::any_of(refused, [&](const NewRun& r) { return r.run.id == row.run; });
  };
  for (Batch* batch : {in_flight.get(), gathering.get()}) {
    std::erase_if(batch->ends, is_refused);
    std::erase_if(batch->cancels, is_refused);
    std::erase_if(batch->steps, is_refused);
  }
  std::erase_if(in_flight->rows, is_refused);
  // Gathering rows are named by their place: an emptied one stays and is skipped.
  for (TargetRow& row : gathering->rows)
    if (is_refused(row)) row = TargetRow{};
  std::vector<Created> told;
  for (const NewRun& row : refused) {
    OpenRun* run = find(row.run.id);
    if (run->created) told.push_back(std::move(run->created));
    forget(*run);
  }
  if (in_flight->empty()) in_flight.reset();  // new runs may try the disk again after the pause
  for (Created& created : told)
    created(core::fail(core::Code::kUnavailable, "the run was not begun: " + storage_error));
}

void Ledger::Core::committed(const Batch& batch, Now now) {
  std::vector<OpenRun*> touched;
  const auto touch = [&](OpenRun& run) {
    if (std::exchange(run.touched, true)) return;
    touched.push_back(&run);
  };
  for (const NewRun& row : batch.runs) {
    OpenRun* run = find(row.run.id);
    touch(*run);
    for (std::uint32_t slot = 0; slot < row.targets.size(); ++slot) {
      ++run->run.counts[row.targets[slot].state];
      Target target;
      target.state = row.targets[slot].state;
      row_committed(*run, slot, target, now);
    }
    if (!run->idempotency.empty()) creating.erase(std::exchange(run->idempotency, {}));
    if (run->created) std::exchange(run->created, {})({});
  }
  OpenRun* run = nullptr;
  for (const TargetRow& row : batch.rows) {
    if (!run || run->run.id != row.run) run = find(row.run);
    if (!run) continue;
    touch(*run);
    Member& member = run->members[row.slot];
    --run->run.counts[member.shown];
    ++run->run.counts[row.target.state];
    row_committed(*run, row.slot, row.target, now);
  }
  for (const RunCancel& cancel : batch.cancels)
    if (OpenRun* cancelled = find(cancel.run)) {
      touch(*cancelled);
      cancelled->run.cancelled_by = cancel.by;
      cancelled->run.cancel_reason = cancel.reason;
    }
  for (const RunStep& step : batch.steps)
    if (OpenRun* stepped = find(step.run)) {
      touch(*stepped);
      stepped->run.progress = step.progress;
    }
  for (const RunEnd& end : batch.ends)
    if (OpenRun* ended = find(end.run)) {
      touch(*ended);
      ended->run.finished_at = end.finished_at;
    }
  for (OpenRun* changed : touched) {
    changed->touched = false;
    sink.changed(changed->run, changed->events);
    changed->events.clear();
    if (changed->run.finished()) forget(*changed);
  }
}

void Ledger::Core::row_committed(OpenRun& run, std::uint32_t slot, const Target& target, Now now) {
  Member& member = run.members[slot];
  member.shown = target.state;
  run.events.push_back({nodes[member.node].id, target.state, target.exit_code, target.signal});
  if (is_final(target.state)) {
    member.durable = true;
    Node& node = nodes[member.node];
    std::erase_if(node.open, [&](const auto& m) { return m.run == &run && m.slot == slot; });
    if (node.online() && member.answered) add_ack(node, run.run.id);
  } else if (target.state == TargetState::kSent && member.intent) {
    leave(run, slot, now);
  }
}

/// That it may have left is written: now it leaves, if the link is the one it was meant for.
void Ledger::Core::leave(OpenRun& run, std::uint32_t slot, Now now) {
  Member& member = run.members[slot];
  const Node& node = nodes[member.node];
  member.intent = false;
  const bool held_back = run.progress.paused || run.closing();
  if (node.online() && node.instance == member.instance && !held_back)
    return add_dispatch(run, slot, now);
  reconsider(run, slot, now);
}

void Ledger::Core::add_dispatch(OpenRun& run, std::uint32_t slot, Now now) {
  Member& member = run.members[slot];
  const Node& node = nodes[member.node];
  member.gateway = node.gateway;
  if (member.in_doubt < detail::kDoubtForever) ++member.in_doubt;
  member.overdue = false;
  set_deadline(run, member, after(now.mono, run.patience + settings.grace));
  Outgoing& out = gathered(dispatches, run.run.id, node.gateway);
  out.targets += node.id.bytes();
  out.instances.append(node.instance_bytes.data(), node.instance_bytes.size());
  out.links.push_back(node.link);
  ++stats.dispatched;
}

void Ledger::Core::add_cancel(OpenRun& run, std::uint32_t slot) {
  add_cancel(nodes[run.members[slot].node], run.run.id, "the run was cancelled");
}

void Ledger::Core::add_cancel(const Node& node, core::RunId run, std::string_view reason) {
  auto& cancel = gathered(cancels, run, node.gateway);
  cancel.targets += node.id.bytes();
  cancel.reason = reason;
}

void Ledger::Core::add_ack(const Node& node, core::RunId run) {
  auto& ack = gathered(acks, run, node.gateway);
  ack.targets += node.id.bytes();
  ack.links.push_back(node.link);
}

void Ledger::Core::send_gathered() {
  for (Outgoing& out : std::exchange(dispatches, {})) {
    if (const OpenRun* run = find(out.run))
      sink.dispatch(gateways[out.gateway], {run->run, std::move(out.targets),
                                            std::move(out.instances), std::move(out.links)});
  }
  for (Outgoing& out : std::exchange(cancels, {})) {
    wire::CancelRun message;
    message.set_run(out.run.value());
    message.set_targets(std::move(out.targets));
    message.set_reason(std::move(out.reason));
    sink.cancel(gateways[out.gateway], message);
  }
  auto list = std::exchange(acks, {});
  std::ranges::sort(list, {}, [](const Outgoing& out) { return std::pair(out.gateway, out.run); });
  for (auto first = list.begin(); first != list.end();) {
    const std::uint32_t gateway = first->gateway;
    wire::Acks message;
    for (; first != list.end() && first->gateway == gateway; ++first) {
      wire::Ack& ack = *message.add_acks();
      ack.set_run(first->run.value());
      ack.set_targets(std::move(first->targets));
      ack.mutable_links()->Add(first->links.begin(), first->links.end());
    }
    sink.ack(gateways[gateway], message);
  }
}

}  // namespace muster::jobs
