// SPDX-License-Identifier: Apache-2.0
#include "jobs/ledger.h"

#include <algorithm>

#include "jobs/detail/ledger_core.h"

namespace muster::jobs {

Ledger::Ledger(Sink& sink, LedgerSettings settings)
    : core_(std::make_unique<Core>(sink, settings)) {}

Ledger::~Ledger() = default;

void Ledger::restore(std::vector<StoredRun> runs, Now now) {
  for (StoredRun& run : runs) core_->restore_run(std::move(run), now);
}

core::Status Ledger::create(Run run, std::span<const core::EndpointId> targets,
                            std::string idempotency_key, std::string idempotency_digest, Now now,
                            Created created) {
  return core_->create(std::move(run), targets, std::move(idempotency_key),
                       std::move(idempotency_digest), now, std::move(created));
}

core::Status Ledger::cancel(core::RunId run, std::string by, std::string reason, Now now) {
  return core_->cancel(run, std::move(by), std::move(reason), now);
}

core::Status Ledger::pause(core::RunId run, std::string by, std::string reason, Now now) {
  return core_->pause(run, std::move(by), std::move(reason), now);
}

core::Status Ledger::resume(core::RunId run, std::string by, Now now) {
  return core_->resume(run, std::move(by), now);
}

void Ledger::stop_all(Hold why, Now now) {
  core_->stop_all(std::move(why), now);
}

void Ledger::lift_stop() {
  core_->stopped.reset();
}

const std::optional<Hold>& Ledger::stopped() const {
  return core_->stopped;
}

void Ledger::endpoint_up(const core::EndpointId& endpoint, std::string_view gateway,
                         std::uint64_t link, std::string_view instance,
                         std::span<const wire::HeldRun* const> held, Now now) {
  auto& node = core_->nodes[core_->node_of(endpoint)];
  node.gateway = core_->gateway_number(gateway);
  node.link = link;
  node.instance = detail::instance_tag(instance);
  node.instance_bytes = {};
  instance.copy(node.instance_bytes.data(), node.instance_bytes.size());
  core_->endpoint_up(node, held, now);
}

void Ledger::endpoint_down(const core::EndpointId& endpoint, std::string_view gateway,
                           std::uint64_t link, Now now) {
  auto* node = core_->find_node(endpoint.bytes());
  if (!node || !node->online() || node->link != link ||
      node->gateway != core_->find_gateway(gateway))
    return;
  core_->endpoint_gone(*node, now);
}

void Ledger::gateway_down(std::string_view gateway, Now now) {
  const auto number = core_->find_gateway(gateway);
  if (number == detail::kNoGateway) return;
  for (auto& node : core_->nodes)
    if (node.gateway == number) core_->endpoint_gone(node, now);
}

void Ledger::report(std::string_view gateway, wire::Report& report, Now now) {
  const auto number = core_->find_gateway(gateway);
  if (number == detail::kNoGateway) return;
  core_->report(number, report, now);
  core_->send_gathered();
}

void Ledger::endpoint_removed(const core::EndpointId& endpoint, std::string_view reason, Now now) {
  if (auto* node = core_->find_node(endpoint.bytes())) core_->endpoint_removed(*node, reason, now);
}

void Ledger::tick(Now now) {
  core_->tick(now);
}

core::MonoTime Ledger::next_tick() const {
  auto next = std::min(core_->retry_at, core_->store_again_at);
  for (const auto& [id, run] : core_->runs) next = std::min(next, run->next_check);
  return next;
}

void Ledger::flush(Now now) {
  core_->flush(now);
}

void Ledger::persisted(core::Status outcome, Now now) {
  core_->persisted(std::move(outcome), now);
}

void Ledger::stored(core::Status outcome, Now now) {
  core_->stored(std::move(outcome), now);
}

const Run* Ledger::find(core::RunId run) const {
  const auto* found = core_->find(run);
  return found && !found->created ? &found->run : nullptr;
}

std::vector<const Run*> Ledger::open_runs() const {
  std::vector<const Run*> list;
  for (const auto& [id, run] : core_->runs)
    if (!run->created) list.push_back(&run->run);
  std::ranges::sort(list, std::greater<>(), [](const Run* run) { return run->id; });
  return list;
}

bool Ledger::is_target(core::RunId run, const core::EndpointId& endpoint) const {
  const auto* found = core_->find(run);
  const auto number = core_->node_numbers.find(endpoint);
  if (!found || number == core_->node_numbers.end()) return false;
  return std::ranges::any_of(found->members,
                             [&](const auto& member) { return member.node == number->second; });
}

bool Ledger::is_running(core::RunId run, const core::EndpointId& endpoint) const {
  const auto* found = core_->find(run);
  const auto number = core_->node_numbers.find(endpoint);
  if (!found || number == core_->node_numbers.end()) return false;
  return std::ranges::any_of(found->members, [&](const auto& member) {
    return member.node == number->second &&
           (member.state == TargetState::kSent || member.state == TargetState::kRunning);
  });
}

LedgerStats Ledger::stats() const {
  LedgerStats stats = core_->stats;
  stats.open_runs = core_->runs.size();
  stats.storing_bytes = core_->storing_bytes();
  stats.pending_bytes = core_->pending_bytes();
  return stats;
}

const std::string& Ledger::storage_error() const {
  return core_->storage_error;
}

}  // namespace muster::jobs
