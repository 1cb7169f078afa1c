// SPDX-License-Identifier: Apache-2.0
//
// Looking at the clock and claiming what is due. Ordering it: schedule_orders.cc.
#include "server/schedule_service.h"

#include <algorithm>

#include "core/bytes.h"
#include "core/log.h"
#include "server/scope.h"

namespace muster::server {

using namespace std::chrono_literals;
using core::Level;
using schedules::Firing;
using schedules::Login;
using schedules::Schedule;
using schedules::ScheduleStore;
using std::chrono::milliseconds;
using store::Connection;

ScheduleService::ScheduleService(runtime::Loop& loop, store::Database& database,
                                 const fleet::Registry& registry, Ports ports)
    : loop_(loop),
      database_(database),
      registry_(registry),
      ports_(std::move(ports)),
      server_(core::to_base32(core::random_bytes(10))),
      tasks_(loop, "schedules") {}

core::Status ScheduleService::restore() {
  MUSTER_ASSIGN(auto enabled, database_.read_blocking([](Connection& connection) {
    return ScheduleStore::enabled(connection);
  }));
  keep(std::move(enabled));
  return {};
}

void ScheduleService::start() {
  tasks_.spawn(work());
}

runtime::Task<void> ScheduleService::stop() {
  waiting_.clear();  // their rows say that they are to be ordered
  co_await tasks_.stop();
}

runtime::Task<void> ScheduleService::work() {
  while (!tasks_.stopping()) {
    const auto seen = look_->count();
    const auto wait = co_await look();
    (void)co_await look_->wait(seen, wait);
  }
}

void ScheduleService::keep(std::vector<Schedule> enabled) {
  std::map<std::string, Active> kept;
  for (Schedule& schedule : enabled) {
    const std::string id = schedule.id;
    if (const auto old = active_.find(id);
        old != active_.end() && old->second.schedule.version == schedule.version) {
      old->second.schedule = std::move(schedule);
      kept.insert(active_.extract(old));
      continue;
    }
    auto timetable = schedules::Timetable::make(schedule.terms, id);
    if (!timetable) {
      // It was checked when it was made; the time zones of this machine may have changed.
      core::log(Level::kError, "schedules", "a schedule cannot be read; it does not fire",
                {{"schedule", schedule.name}, {"why", timetable.error().message}});
      continue;
    }
    kept.emplace(id, Active{std::move(schedule), *std::move(timetable), {}, {}});
  }
  active_ = std::move(kept);
  logins_pending_ = 0;
  for (const auto& [id, active] : active_) logins_pending_ += active.logins.size();
  stats_.enabled = active_.size();
}

runtime::Task<milliseconds> ScheduleService::look() {
  core::WallTime next = ports_.clock() + kLook;
  const auto looked = [&]() -> runtime::Task<core::Status> {
    MUSTER_CO_ASSIGN(auto enabled, co_await database_.read([](Connection& connection) {
      return ScheduleStore::enabled(connection);
    }));
    keep(std::move(enabled));
    MUSTER_CO_TRY(co_await claim_due(ports_.clock(), next));
    MUSTER_CO_TRY(co_await claim_logins(ports_.clock(), next));
    co_return co_await take_over();
  };
  auto done = co_await looked();
  if (!done && done.error().code != core::Code::kCancelled)
    core::log(Level::kError, "schedules", "schedules could not be looked at; trying again",
              {{"why", done.error().message}});
  // The clock may be set while we sleep; a moment early would be a look for nothing.
  const auto wait = next - ports_.clock() + 1ms;
  co_return done ? std::clamp<milliseconds>(wait, 1ms, kLook) : milliseconds(1s);
}

runtime::Task<core::Status> ScheduleService::claim_due(core::WallTime now, core::WallTime& next) {
  struct Decided {
    Schedule schedule;
    schedules::Decision decision;
  };
  std::vector<Decided> decided;
  for (const auto& [id, active] : active_) {
    if (!active.schedule.terms.by_time()) continue;
    auto decision = active.timetable.decide(active.schedule.handled, now);
    if (decision.next_at) next = std::min(next, *decision.next_at);
    if (!decision.changes(active.schedule.handled)) continue;
    next = now;  // after it is claimed, look what comes next
    decided.push_back({active.schedule, std::move(decision)});
  }
  if (decided.empty()) co_return core::Status{};
  MUSTER_CO_ASSIGN(
      auto claimed,
      co_await database_.write([decided = std::move(decided), server = server_,
                                now](Connection& connection) -> core::Result<std::vector<Firing>> {
        std::vector<Firing> all;
        for (const Decided& each : decided) {
          MUSTER_ASSIGN(auto firings, ScheduleStore::claim(connection, each.schedule, each.decision,
                                                           server, now));
          std::ranges::move(firings, std::back_inserter(all));
        }
        return all;
      }));
  enqueue(std::move(claimed));
  co_return core::Status{};
}

void ScheduleService::logged_in(const core::EndpointId& endpoint, std::int64_t booted_raw_ms,
                                std::optional<milliseconds> uptime) {
  const core::WallTime now = ports_.clock();
  for (auto& [id, active] : active_) {
    const Schedule& schedule = active.schedule;
    if (schedule.terms.by_time()) continue;
    const core::WallTime booted = uptime ? now - *uptime : core::WallTime();
    if (schedule.terms.kind == schedules::TriggerKind::kBoot && booted <= schedule.handled)
      continue;  // it runs since before the schedule was made
    if (logins_pending_ >= kLoginsPendingMax) {
      ++stats_.logins_dropped;
      continue;
    }
    if (active.logins.empty()) active.first_login = now;
    if (active.logins.insert_or_assign(endpoint, Login{endpoint, booted, booted_raw_ms}).second)
      ++logins_pending_;
    if (active.logins.size() == 1) changed();
  }
}

runtime::Task<core::Status> ScheduleService::claim_logins(core::WallTime now,
                                                          core::WallTime& next) {
  struct Gathered {
    Schedule schedule;
    std::vector<Login> logins;
    bool drops;
  };
  std::vector<Gathered> gathered;
  for (auto& [id, active] : active_) {
    if (active.logins.empty()) continue;
    // Gathering ends where the clock was set back before its begin, too.
    const core::WallTime end = std::min(active.first_login, now) + kGather;
    const auto at = active.timetable.event_at(end);
    const core::WallTime moment = at.value_or(end);
    if (moment > now) {
      next = std::min(next, moment);
      continue;
    }
    Gathered found{active.schedule, {}, !at};
    for (auto& [endpoint, login] : active.logins) found.logins.push_back(login);
    logins_pending_ -= std::exchange(active.logins, {}).size();
    gathered.push_back(std::move(found));
  }
  for (Gathered& each : gathered)
    MUSTER_CO_TRY(
        co_await claim_logins_of(std::move(each.schedule), std::move(each.logins), each.drops));
  co_return core::Status{};
}

runtime::Task<core::Result<std::vector<Login>>> ScheduleService::that_match(
    Schedule schedule, std::vector<Login> logins) {
  auto rights = co_await ports_.rights(schedule.author);
  // Without rights it fails as a firing does, so that people see it; none match then.
  if (!rights) co_return logins;
  MUSTER_CO_ASSIGN(const auto scope, Scope::of(*rights));
  const auto selector = read_selector(schedule.selector);
  const core::WallTime now = core::wall_now();
  std::erase_if(logins, [&](const Login& login) {
    const fleet::Endpoint* host = registry_.find(login.endpoint);
    return !host || host->state != fleet::EndpointState::kActive || !scope.allows(*host, now) ||
           (selector && !selector->matches(fleet::subject_of(*host, now)));
  });
  co_return logins;
}

runtime::Task<core::Status> ScheduleService::claim_logins_of(Schedule schedule,
                                                             std::vector<Login> logins,
                                                             bool drops) {
  MUSTER_CO_ASSIGN(logins, co_await that_match(schedule, std::move(logins)));
  const core::WallTime now = ports_.clock();
  // Most that come back have been here: they are told apart without the writer.
  MUSTER_CO_ASSIGN(auto fresh, co_await database_.read([&](Connection& connection) {
    return ScheduleStore::new_logins(connection, schedule, logins, now);
  }));
  if (fresh.empty()) co_return core::Status{};
  MUSTER_CO_ASSIGN(
      auto claimed,
      co_await database_.write([schedule, fresh = std::move(fresh), drops, server = server_,
                                now](Connection& connection) -> core::Result<std::vector<Firing>> {
        if (!drops) {
          MUSTER_ASSIGN(auto firing,
                        ScheduleStore::claim_logins(connection, schedule, fresh, server, now));
          return firing ? std::vector<Firing>{*std::move(firing)} : std::vector<Firing>{};
        }
        schedules::Decision decision;
        decision.handled = schedule.handled;
        decision.skipped = {{now, false, static_cast<std::uint32_t>(fresh.size()),
                             "hosts logged in during a blackout window"}};
        return ScheduleStore::claim(connection, schedule, decision, server, now);
      }));
  enqueue(std::move(claimed));
  co_return core::Status{};
}

runtime::Task<core::Status> ScheduleService::take_over() {
  const core::WallTime now = ports_.clock();
  MUSTER_CO_ASSIGN(auto taken,
                   co_await database_.write([server = server_, now](Connection& connection) {
                     return ScheduleStore::take_over(connection, server, now);
                   }));
  enqueue(std::move(taken));
  co_return core::Status{};
}

runtime::Task<void> ScheduleService::forget_hosts() {
  auto hosts = co_await database_.read(
      [](Connection& connection) { return ScheduleStore::login_hosts(connection); });
  if (!hosts) co_return;
  std::erase_if(*hosts, [&](const auto& id) { return registry_.find(id) != nullptr; });
  if (hosts->empty()) co_return;
  const auto forgotten =
      co_await database_.write([gone = std::move(*hosts)](Connection& connection) {
        return ScheduleStore::forget_logins(connection, gone);
      });
  if (!forgotten)
    core::log(Level::kWarn, "schedules", "logins of removed hosts could not be forgotten",
              {{"why", forgotten.error().message}});
}

}  // namespace muster::server
