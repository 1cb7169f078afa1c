// SPDX-License-Identifier: Apache-2.0
//
// Ordering the runs of claimed firings, and writing down what came of it.
#include <algorithm>

#include "access/audit.h"
#include "core/bytes.h"
#include "core/log.h"
#include "jobs/run_store.h"
#include "server/schedule_service.h"

namespace muster::server {

using access::Principal;
using core::Code;
using core::fail;
using schedules::Firing;
using schedules::FiringState;
using schedules::Schedule;
using schedules::ScheduleStore;
using store::Connection;

namespace {

/// The same order may succeed later.
bool may_pass(Code code) {
  return code == Code::kUnavailable || code == Code::kTimeout || code == Code::kLimit ||
         code == Code::kIo || code == Code::kCancelled;
}

Principal narrowed(Principal rights, const Principal& by) {
  rights.role = std::min(rights.role, by.role);
  for (const auto& selector : by.selectors)
    if (std::ranges::find(rights.selectors, selector) == rights.selectors.end())
      rights.selectors.push_back(selector);
  return rights;
}

core::Status settle(Connection& connection, const std::string& name, const Firing& firing,
                    const std::string& by, core::WallTime now) {
  MUSTER_TRY(ScheduleStore::settle(connection, firing));
  const bool ordered = firing.state == FiringState::kOrdered;
  MUSTER_TRY(access::Audit::append(
      connection, now,
      {by.empty() ? "system" : by, ordered ? "schedule.fire" : "schedule.fail", name,
       access::audit_detail(
           {{"due", core::to_rfc3339(firing.due)},
            {"cause", schedules::name(firing.cause)},
            {ordered ? "run" : "reason", ordered ? firing.run.str() : firing.reason}})}));
  return {};
}

}  // namespace

runtime::Task<core::Result<Principal>> rights_of(access::Users& users, schedules::Author author) {
  auto user = co_await users.get(author.name);
  if (!user && user.error().code == Code::kNotFound)
    co_return fail(Code::kDenied, "its author " + core::printable(author.name, 64) +
                                      " is no user any more; save the schedule anew to be it");
  if (!user) co_return fail(std::move(user.error()));
  Principal rights{author.name, std::min(user->role, static_cast<access::Role>(author.role)),
                   std::move(author.selectors), "schedule"};
  if (!user->selector.empty() &&
      std::ranges::find(rights.selectors, user->selector) == rights.selectors.end())
    rights.selectors.push_back(user->selector);
  if (!rights.may(access::Right::kRun))
    co_return fail(Code::kDenied, "its author " + core::printable(author.name, 64) +
                                      " may not order runs any more");
  co_return rights;
}

void ScheduleService::enqueue(std::vector<Firing> firings) {
  for (Firing& firing : firings)
    if (under_way_.insert({firing.schedule, firing.due}).second)
      waiting_.push_back(std::move(firing));
  start_orders();
}

void ScheduleService::start_orders() {
  while (ordering_ < kOrdersMax && !waiting_.empty() && !tasks_.stopping()) {
    ++ordering_;
    tasks_.spawn(order_next(std::move(waiting_.front())));
    waiting_.pop_front();
  }
}

runtime::Task<void> ScheduleService::order_next(Firing firing) {
  const Key key{firing.schedule, firing.due};
  auto ended = co_await order(std::move(firing), std::nullopt);
  if (!ended && ended.error().code != Code::kCancelled)
    core::log(core::Level::kWarn, "schedules", "a firing could not be written down; trying again",
              {{"why", ended.error().message}});
  under_way_.erase(key);
  --ordering_;
  ended_->notify();
  start_orders();
}

runtime::Task<void> ScheduleService::settled() {
  while (ordering_ > 0 || !waiting_.empty()) {
    const auto seen = ended_->count();
    co_await ended_->wait(seen, kLook);
  }
}

runtime::Task<core::Result<core::RunId>> ScheduleService::order_run(
    Schedule schedule, Firing firing, std::optional<Principal> by_hand) {
  const std::string key = schedules::idempotency_key(firing);
  // Whoever has claimed it before may have ordered it and died.
  MUSTER_CO_ASSIGN(auto before, co_await database_.read([&](Connection& connection) {
    return jobs::RunStore::find_idempotent(connection, schedule.author.name, key);
  }));
  if (before) co_return before->run;
  MUSTER_CO_ASSIGN(Principal rights, co_await ports_.rights(schedule.author));
  if (firing.cause == schedules::Cause::kHand) {
    // By hand nobody gets more than they have; who that was is not known after a restart.
    if (!by_hand)
      co_return fail(Code::kConflict,
                     "the server ended before it was ordered; fire the schedule again");
    rights = narrowed(std::move(rights), *by_hand);
  }
  Targets only;
  if (!firing.targets.empty()) only = std::move(firing.targets);
  co_return co_await ports_.order(std::move(rights), std::move(schedule.request), key,
                                  std::move(only));
}

runtime::Task<core::Result<Firing>> ScheduleService::order(Firing firing,
                                                           std::optional<Principal> by_hand) {
  MUSTER_CO_ASSIGN(auto schedule, co_await database_.read([&](Connection& connection) {
    return ScheduleStore::find_id(connection, firing.schedule);
  }));
  if (!schedule) co_return firing;  // removed meanwhile, and its firings with it
  const std::string name = schedule->name;
  auto run = co_await order_run(*std::move(schedule), firing, by_hand);
  const core::WallTime now = ports_.clock();
  if (!run && may_pass(run.error().code) && !by_hand && now - firing.fired_at < kGiveUp) {
    core::log(core::Level::kWarn, "schedules", "a run could not be ordered; trying again",
              {{"schedule", name}, {"why", run.error().message}});
    co_return firing;  // its claim ends, and somebody takes it over
  }
  firing.state = run ? FiringState::kOrdered : FiringState::kFailed;
  if (run) firing.run = *run;
  if (!run) firing.reason = run.error().message;
  if (!run)
    core::log(core::Level::kWarn, "schedules", "a schedule could not be fired",
              {{"schedule", name}, {"why", firing.reason}});
  ++(run ? stats_.ordered : stats_.failed);
  MUSTER_CO_TRY(co_await database_.write(
      [name, firing, by = by_hand ? by_hand->name : "", now](Connection& connection) {
        return settle(connection, name, firing, by, now);
      }));
  co_return firing;
}

runtime::Task<core::Result<Firing>> ScheduleService::fire(Schedule schedule, Principal by) {
  const core::WallTime now = ports_.clock();
  MUSTER_CO_ASSIGN(Firing firing, co_await database_.write([&schedule, server = server_,
                                                            now](Connection& connection) {
    return ScheduleStore::claim_by_hand(connection, schedule, server, now);
  }));
  const Key key{firing.schedule, firing.due};
  under_way_.insert(key);
  auto ended = co_await order(std::move(firing), std::move(by));
  under_way_.erase(key);
  co_return ended;
}

}  // namespace muster::server
