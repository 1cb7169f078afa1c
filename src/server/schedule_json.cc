// SPDX-License-Identifier: Apache-2.0
#include "server/schedule_json.h"

#include "core/bytes.h"
#include "fleet/selector.h"
#include "schedules/blackout.h"
#include "schedules/cron.h"
#include "schedules/instant.h"
#include "server/json.h"

namespace muster::server {

using core::Code;
using core::fail;
using schedules::Schedule;
using schedules::Terms;
using schedules::TriggerKind;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kQuietDefault = std::chrono::minutes(1);

json::object trigger_json(const Terms& terms) {
  switch (terms.kind) {
    case TriggerKind::kCron:
      return {{"cron", terms.cron}};
    case TriggerKind::kAt:
      return {{"at", time_text(terms.at)}};
    case TriggerKind::kLogin:
      return {{"on", "login"}, {"at_most_every_ms", terms.quiet.count()}};
    case TriggerKind::kBoot:
      break;
  }
  return {{"on", "boot"}};
}

core::Status read_trigger(const json::object& object, Terms& terms) {
  Members members(object, "trigger.");
  const auto cron = members.maybe_text("cron", schedules::kCronBytesMax);
  const auto at = members.maybe_text("at", 64);
  const auto on = members.maybe_text("on", 16);
  const auto quiet = members.maybe_integer("at_most_every_ms", 0, schedules::kQuietMax.count());
  if (quiet && on != "login")
    members.wrong("at_most_every_ms", "belongs to \"on\": \"login\" only");
  if (on && *on != "login" && *on != "boot") members.wrong("on", "must be \"login\" or \"boot\"");
  MUSTER_TRY(members.done());
  if (int{cron.has_value()} + int{at.has_value()} + int{on.has_value()} != 1)
    return fail(Code::kInvalid, "trigger: give exactly one of 'cron', 'at' and 'on'");
  if (cron) {
    terms.kind = TriggerKind::kCron;
    terms.cron = *cron;
  } else if (at) {
    terms.kind = TriggerKind::kAt;
    MUSTER_ASSIGN(const auto zone, schedules::Zone::find(terms.zone));
    MUSTER_ASSIGN(terms.at, schedules::read_instant(*at, zone));
  } else {
    terms.kind = *on == "login" ? TriggerKind::kLogin : TriggerKind::kBoot;
    terms.quiet = terms.kind == TriggerKind::kLogin
                      ? milliseconds(quiet.value_or(kQuietDefault.count()))
                      : milliseconds(0);
  }
  return {};
}

core::Status read_request(const json::object& object, Schedule& schedule) {
  json::object request = object;
  const json::value* selector = request.if_contains("selector");
  if (selector && selector->is_string()) schedule.selector = selector->get_string().c_str();
  // So that the list of runs says where a run comes from.
  if (!request.contains("description")) request["description"] = "schedule " + schedule.name;
  schedule.request = json::serialize(request);
  if (schedule.request.size() > schedules::kRequestBytesMax)
    return fail(Code::kInvalid, "request: it is larger than " +
                                    std::to_string(schedules::kRequestBytesMax / 1024) +
                                    " KiB; let the command fetch such input, or be a method");
  return {};
}

}  // namespace

json::object firing_json(const schedules::Firing& firing) {
  json::object object{{"due", time_text(firing.due)},
                      {"cause", schedules::name(firing.cause)},
                      {"state", schedules::name(firing.state)},
                      {"fired_at", time_text(firing.fired_at)},
                      {"stands_for", firing.stands_for}};
  if (firing.run) object["run"] = firing.run.str();
  set(object, "reason", firing.reason);
  return object;
}

json::object schedule_json(const Schedule& schedule, const std::vector<core::WallTime>& next,
                           const std::optional<schedules::Firing>& last) {
  const Terms& terms = schedule.terms;
  json::object object{{"name", schedule.name},
                      {"enabled", schedule.enabled},
                      {"author", schedule.author.name},
                      {"trigger", trigger_json(terms)},
                      {"zone", terms.zone},
                      {"jitter_ms", terms.jitter.count()},
                      {"blackouts", json::array(terms.blackouts.begin(), terms.blackouts.end())},
                      {"in_blackout", schedules::name(terms.in_blackout)},
                      {"missed", schedules::name(terms.missed)},
                      {"created_at", time_text(schedule.created_at)},
                      {"changed_at", time_text(schedule.changed_at)},
                      {"changed_by", schedule.changed_by}};
  set(object, "description", schedule.description);
  boost::system::error_code failed;
  object["request"] =
      json::parse(schedule.shown.empty() ? schedule.request : schedule.shown, failed);
  json::array times;
  for (const auto& time : next) times.emplace_back(time_text(time));
  object["next"] = std::move(times);
  if (last) object["last"] = firing_json(*last);
  return object;
}

core::Result<Schedule> read_schedule(const json::object& body, std::string_view name) {
  Schedule schedule;
  Members members(body);
  Terms& terms = schedule.terms;
  schedule.name = name.empty() ? members.required_text("name", schedules::kNameBytesMax)
                               : members.text("name", schedules::kNameBytesMax, std::string(name));
  if (!name.empty() && schedule.name != name)
    members.wrong("name", "is another one than the path says; a schedule keeps its name");
  else if (!schedule.name.empty() && !schedules::is_valid_name(schedule.name))
    members.wrong("name", "must be letters, digits, '.', '_' or '-', and not 'preview'");
  schedule.description = members.text("description", schedules::kDescriptionBytesMax);
  schedule.enabled = members.flag("enabled", true);
  terms.zone = members.text("zone", schedules::kZoneBytesMax, "UTC");
  terms.jitter = milliseconds(
      members.maybe_integer("jitter_ms", 0, schedules::kJitterMax.count()).value_or(0));
  terms.blackouts = members.texts("blackouts", schedules::kWindowsMax, schedules::kWindowBytesMax)
                        .value_or(std::vector<std::string>{});
  const auto in_blackout = schedules::in_blackout(members.text("in_blackout", 16, "skip"));
  if (!in_blackout) members.wrong("in_blackout", "must be \"skip\" or \"wait\"");
  const auto missed = schedules::missed(members.text("missed", 16, "skip"));
  if (!missed) members.wrong("missed", "must be \"skip\", \"once\" or \"all\"");
  const json::object* trigger = members.object("trigger");
  const json::object* request = members.object("request");
  if (!body.contains("trigger")) members.wrong("trigger", "is required");
  if (!body.contains("request")) members.wrong("request", "is required");
  MUSTER_TRY(members.done());
  terms.in_blackout = *in_blackout;
  terms.missed = *missed;
  MUSTER_TRY(read_trigger(*trigger, terms));
  MUSTER_TRY(read_request(*request, schedule));
  return schedule;
}

}  // namespace muster::server
