// SPDX-License-Identifier: Apache-2.0
//
// Schedules: make, list, change, fire, and what came of them.
//
// Who is narrowed to some hosts sees and changes their own only, as with runs.
#include <charconv>

#include "access/audit.h"
#include "core/bytes.h"
#include "schedules/schedule_store.h"
#include "schedules/timetable.h"
#include "server/api.h"
#include "server/json.h"
#include "server/region.h"
#include "server/run_access.h"
#include "server/schedule_json.h"
#include "server/schedule_service.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;
using net::Request;
using net::Response;
using schedules::Schedule;
using schedules::ScheduleStore;
using schedules::Timetable;
using store::Connection;
using Answer = runtime::Task<core::Result<Response>>;

constexpr std::size_t kBodyBytesMax = 2 * schedules::kRequestBytesMax;
constexpr std::size_t kNextShown = 5;
constexpr std::size_t kPreviewMax = 100;

/// A schedule and how it stands.
struct Shown {
  Schedule schedule;
  std::optional<schedules::Firing> last;
};

core::Result<Shown> shown(Connection& connection, Schedule schedule) {
  MUSTER_ASSIGN(auto page, ScheduleStore::firings(connection, schedule.id, 1, std::nullopt));
  Shown made{std::move(schedule), std::nullopt};
  if (!page.firings.empty()) made.last = std::move(page.firings.front());
  return made;
}

json::object to_json(const Shown& shown, std::size_t next_count) {
  std::vector<core::WallTime> next;
  const auto timetable = Timetable::make(shown.schedule.terms, shown.schedule.id);
  if (timetable && shown.schedule.enabled) next = timetable->upcoming(core::wall_now(), next_count);
  return schedule_json(shown.schedule, next, shown.last);
}

bool may_see_schedule(const access::Principal& by, const Schedule& schedule) {
  const auto only = sees_runs_of(by);
  return !only || schedule.author.name == *only;
}

runtime::Task<core::Result<Shown>> find(Region& region, Request& request) {
  const std::string name(request.param("name"));
  MUSTER_CO_ASSIGN(
      auto found,
      co_await region.database().read([name](Connection& connection) -> core::Result<Shown> {
        MUSTER_ASSIGN(auto schedule, ScheduleStore::find(connection, name));
        return shown(connection, std::move(schedule));
      }));
  if (!may_see_schedule(caller(request), found.schedule))
    co_return fail(Code::kNotFound, "there is no schedule '" + core::printable(name, 64) + "'");
  co_return found;
}

/// What the body asks for, in the caller's name, checked as far as it can be now.
runtime::Task<core::Result<Schedule>> wanted(Region& region, Request& request, std::string name,
                                             std::string id) {
  const core::WallTime now = core::wall_now();
  const access::Principal& by = caller(request);
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  MUSTER_CO_ASSIGN(Schedule schedule, read_schedule(body, name));
  schedule.id = id.empty() ? core::to_base32(core::random_bytes(10)) : std::move(id);
  schedule.author = {by.name, static_cast<std::uint8_t>(by.role), by.selectors};
  schedule.created_at = schedule.changed_at = schedule.handled = now;
  schedule.changed_by = by.name;
  MUSTER_CO_ASSIGN(const auto timetable, Timetable::make(schedule.terms, schedule.id));
  if (schedule.enabled) MUSTER_CO_TRY(timetable.check(now));
  MUSTER_CO_ASSIGN(json::object order, parse_object(schedule.request));
  auto checked = co_await check_run(region, by, std::move(order));
  if (!checked) co_return fail(std::move(checked.error()).while_doing("request"));
  if (schedule.request.contains("\"[hidden]\""))
    co_return fail(Code::kInvalid, "request: '[hidden]' stands for a secret; give it again");
  schedule.shown = json::serialize(*checked);
  if (schedule.shown == schedule.request) schedule.shown.clear();
  co_return schedule;
}

std::string audit_of(const Schedule& schedule) {
  const auto trigger = [&]() -> std::string {
    switch (schedule.terms.kind) {
      case schedules::TriggerKind::kCron:
        return schedule.terms.cron;
      case schedules::TriggerKind::kAt:
        return core::to_rfc3339(schedule.terms.at);
      case schedules::TriggerKind::kLogin:
        return "login";
      case schedules::TriggerKind::kBoot:
        break;
    }
    return "boot";
  };
  return access::audit_detail({{"trigger", trigger()},
                               {"zone", schedule.terms.zone},
                               {"selector", schedule.selector},
                               {"enabled", schedule.enabled ? "true" : "false"}});
}

Answer list_schedules(Region& region, Request& request) {
  const auto only = sees_runs_of(caller(request));
  MUSTER_CO_ASSIGN(auto found,
                   co_await region.database().read(
                       [only](Connection& connection) -> core::Result<std::vector<Shown>> {
                         MUSTER_ASSIGN(auto all, ScheduleStore::list(connection, only));
                         std::vector<Shown> list;
                         for (Schedule& schedule : all) {
                           MUSTER_ASSIGN(auto one, shown(connection, std::move(schedule)));
                           list.push_back(std::move(one));
                         }
                         return list;
                       }));
  json::array array;
  for (const auto& each : found) array.push_back(to_json(each, 1));
  co_return json_response(json::object{{"schedules", std::move(array)}});
}

Answer create_schedule(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(Schedule schedule, co_await wanted(region, request, "", ""));
  MUSTER_CO_TRY(co_await region.database().write(
      [schedule, by = caller(request)](Connection& connection) -> core::Status {
        MUSTER_TRY(ScheduleStore::insert(connection, schedule));
        MUSTER_TRY(access::Audit::append(connection, schedule.created_at, by, "schedule.create",
                                         schedule.name, audit_of(schedule)));
        return {};
      }));
  region.schedules().changed();
  const std::string name = schedule.name;
  Response response = json_response(to_json({std::move(schedule), std::nullopt}, kNextShown), 201);
  response.headers.emplace_back("Location", "/v1/schedules/" + name);
  co_return response;
}

Answer get_schedule(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const Shown found, co_await find(region, request));
  co_return json_response(to_json(found, kNextShown));
}

Answer replace_schedule(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(Shown found, co_await find(region, request));
  MUSTER_CO_ASSIGN(Schedule schedule,
                   co_await wanted(region, request, found.schedule.name, found.schedule.id));
  schedule.created_at = found.schedule.created_at;
  MUSTER_CO_TRY(co_await region.database().write(
      [schedule, by = caller(request)](Connection& connection) -> core::Status {
        MUSTER_TRY(ScheduleStore::replace(connection, schedule));
        MUSTER_TRY(access::Audit::append(connection, schedule.changed_at, by, "schedule.change",
                                         schedule.name, audit_of(schedule)));
        return {};
      }));
  region.schedules().changed();
  found.schedule = std::move(schedule);
  co_return json_response(to_json(found, kNextShown));
}

Answer patch_schedule(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(Shown found, co_await find(region, request));
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  const bool enabled = members.flag("enabled", found.schedule.enabled);
  if (!body.contains("enabled")) members.wrong("enabled", "is required");
  MUSTER_CO_TRY(members.done());
  const core::WallTime now = core::wall_now();
  if (enabled && !found.schedule.enabled) {
    MUSTER_CO_ASSIGN(const auto timetable,
                     Timetable::make(found.schedule.terms, found.schedule.id));
    MUSTER_CO_TRY(timetable.check(now));
  }
  MUSTER_CO_ASSIGN(
      found, co_await region.database().write([name = found.schedule.name, enabled, now,
                                               was = found.schedule.enabled, by = caller(request)](
                                                  Connection& connection) -> core::Result<Shown> {
        MUSTER_TRY(ScheduleStore::set_enabled(connection, name, enabled, by.name, now));
        if (enabled != was)
          MUSTER_TRY(access::Audit::append(connection, now, by,
                                           enabled ? "schedule.enable" : "schedule.disable", name));
        MUSTER_ASSIGN(auto schedule, ScheduleStore::find(connection, name));
        return shown(connection, std::move(schedule));
      }));
  region.schedules().changed();
  co_return json_response(to_json(found, kNextShown));
}

Answer remove_schedule(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const Shown found, co_await find(region, request));
  MUSTER_CO_TRY(co_await region.database().write([name = found.schedule.name, by = caller(request)](
                                                     Connection& connection) -> core::Status {
    MUSTER_TRY(ScheduleStore::remove(connection, name));
    MUSTER_TRY(access::Audit::append(connection, core::wall_now(), by, "schedule.remove", name));
    return {};
  }));
  region.schedules().changed();
  co_return Response::no_content();
}

Answer fire_schedule(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(Shown found, co_await find(region, request));
  MUSTER_CO_ASSIGN(const auto firing,
                   co_await region.schedules().fire(std::move(found.schedule), caller(request)));
  if (firing.state == schedules::FiringState::kFailed)
    co_return fail(Code::kConflict, "the run was not ordered: " + firing.reason);
  co_return json_response(firing_json(firing), 201);
}

Answer list_firings(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const Shown found, co_await find(region, request));
  MUSTER_CO_ASSIGN(const std::size_t limit, limit_of(request));
  std::optional<std::int64_t> before;
  if (const auto text = request.query_value("after")) {
    std::int64_t seq = 0;
    const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), seq);
    if (failed != std::errc{} || end != text->data() + text->size())
      co_return fail(Code::kInvalid, "after must be the 'next' of the page before");
    before = seq;
  }
  MUSTER_CO_ASSIGN(auto page, co_await region.database().read(
                                  [id = found.schedule.id, limit, before](Connection& connection) {
                                    return ScheduleStore::firings(connection, id, limit, before);
                                  }));
  json::array array;
  for (const auto& firing : page.firings) array.push_back(firing_json(firing));
  const auto next = page.next ? std::optional(std::to_string(*page.next)) : std::nullopt;
  co_return json_response(json::object{{"firings", std::move(array)}, {"next", cursor(next)}});
}

Answer preview(Region&, Request& request) {
  schedules::Terms terms;
  terms.cron = std::string(request.query_value("cron").value_or(""));
  terms.zone = std::string(request.query_value("zone").value_or("UTC"));
  std::size_t count = kNextShown;
  if (const auto text = request.query_value("count")) {
    const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), count);
    if (failed != std::errc{} || end != text->data() + text->size() || count < 1 ||
        count > kPreviewMax)
      co_return fail(Code::kInvalid,
                     "count must be a whole number from 1 to " + std::to_string(kPreviewMax));
  }
  MUSTER_CO_ASSIGN(const auto timetable, Timetable::make(terms, ""));
  MUSTER_CO_ASSIGN(const auto zone, schedules::Zone::find(terms.zone));
  json::array next, local;
  for (const auto& time : timetable.upcoming(core::wall_now(), count)) {
    next.emplace_back(time_text(time));
    const core::WallTime on_the_wall{zone.local(time).time_since_epoch()};
    local.emplace_back(time_text(on_the_wall).substr(0, 19));
  }
  co_return json_response(json::object{{"next", std::move(next)}, {"local", std::move(local)}});
}

}  // namespace

void add_schedule_routes(net::Router& router, Region& region) {
  add_route(router, region, "GET", "/v1/schedules", "view", list_schedules);
  add_route(router, region, "POST", "/v1/schedules", "run", create_schedule, kBodyBytesMax);
  add_route(router, region, "GET", "/v1/schedules/preview", "view", preview);
  add_route(router, region, "GET", "/v1/schedules/{name}", "view", get_schedule);
  add_route(router, region, "PUT", "/v1/schedules/{name}", "run", replace_schedule, kBodyBytesMax);
  add_route(router, region, "PATCH", "/v1/schedules/{name}", "run", patch_schedule);
  add_route(router, region, "DELETE", "/v1/schedules/{name}", "run", remove_schedule);
  add_route(router, region, "POST", "/v1/schedules/{name}/fire", "run", fire_schedule);
  add_route(router, region, "GET", "/v1/schedules/{name}/firings", "view", list_firings);
}

}  // namespace muster::server
