// SPDX-License-Identifier: Apache-2.0
#include "server/intake_service.h"

#include <map>
#include <utility>

#include "core/log.h"
#include "jobs/run_store.h"

namespace muster::server {
namespace {

/// Without what cannot be of a method that ran there: a gateway is believed no further.
core::Result<wire::IntakeUp> of_known_runs(store::Connection& connection,
                                           const wire::IntakeUp& batch) {
  wire::IntakeUp known;
  known.set_queue(batch.queue());
  std::map<std::pair<std::string, std::uint64_t>, bool> seen;
  for (const wire::IntakeItem& item : batch.items()) {
    const auto [entry, is_new] = seen.try_emplace({item.endpoint(), item.run()}, false);
    if (const auto id = core::EndpointId::from_bytes(item.endpoint()); is_new && id) {
      MUSTER_ASSIGN(entry->second,
                    jobs::RunStore::has_target(connection, core::RunId(item.run()), *id));
    }
    if (entry->second) *known.add_items() = item;
  }
  return known;
}

}  // namespace

runtime::Task<core::Result<wire::IntakeTaken>> IntakeService::take(std::string gateway,
                                                                   wire::IntakeUp batch) {
  wire::IntakeTaken answer;
  answer.set_queue(batch.queue());
  answer.set_sequence(batch.items(batch.items_size() - 1).sequence());
  const auto items = static_cast<std::uint64_t>(batch.items_size());
  MUSTER_CO_ASSIGN(
      const auto outcome,
      co_await database_.write([gateway, batch = std::move(batch)](
                                   store::Connection& connection) -> core::Result<intake::Outcome> {
        MUSTER_ASSIGN(const auto known, of_known_runs(connection, batch));
        return intake::Store::apply(connection, gateway, known, core::wall_now());
      }));
  stats_.events += outcome.events;
  stats_.tables += outcome.tables;
  stats_.repeated += outcome.repeated;
  const std::uint64_t dropped = items - outcome.events - outcome.tables - outcome.repeated;
  stats_.dropped += dropped;
  if (dropped > 0)
    core::log(core::Level::kWarn, "server", "dropped what a gateway says that methods told it",
              {{"gateway", gateway}, {"items", dropped}});
  co_return answer;
}

runtime::Task<void> IntakeService::retain(fleet::Registry& registry) {
  for (bool more = true; more;) {
    const auto removed = co_await database_.write([](store::Connection& connection) {
      return intake::Store::retain(connection, core::wall_now());
    });
    more = removed && *removed;
  }
  const auto hosts = co_await database_.read(intake::Store::hosts);
  if (!hosts) co_return;
  for (const core::EndpointId host : *hosts)
    if (!registry.find(host))
      (void)co_await database_.write([host](store::Connection& connection) {
        return intake::Store::forget_host(connection, host);
      });
}

}  // namespace muster::server
