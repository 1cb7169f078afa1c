// SPDX-License-Identifier: Apache-2.0
//
// Rollouts and their progress as JSON in the tables. What is left at its default is left out.
#include <boost/json.hpp>

#include "jobs/rollout.h"

namespace muster::jobs {
namespace {

namespace json = boost::json;
using Kind = WaveRule::Kind;

json::object rule_json(const WaveRule& rule) {
  json::object object{{"kind", static_cast<int>(rule.kind)}};
  if (rule.number) object["number"] = rule.number;
  if (!rule.text.empty()) object["text"] = rule.text;
  if (!rule.order.empty()) object["order"] = json::value_from(rule.order);
  return object;
}

json::object hold_json(const Hold& hold) {
  return {{"by", hold.by}, {"reason", hold.reason}, {"at", core::unix_ms(hold.at)}};
}

/// Throws as Boost.JSON does; only called by guarded().
class Reader {
 public:
  explicit Reader(const json::object& object) : object_(object) {}

  const json::value* find(std::string_view name) const { return object_.if_contains(name); }
  const json::array& list(std::string_view name) const { return object_.at(name).as_array(); }
  std::uint32_t number(std::string_view name) const {
    const auto* value = find(name);
    return value ? value->to_number<std::uint32_t>() : 0;
  }
  std::optional<std::uint32_t> maybe_number(std::string_view name) const {
    return find(name) ? std::optional(number(name)) : std::nullopt;
  }
  std::int64_t wide(std::string_view name) const {
    const auto* value = find(name);
    return value ? value->to_number<std::int64_t>() : 0;
  }
  std::string text(std::string_view name) const {
    const auto* value = find(name);
    return value ? std::string(value->as_string()) : std::string();
  }
  std::optional<core::WallTime> time(std::string_view name) const {
    return find(name) ? std::optional(core::wall_from_unix_ms(wide(name))) : std::nullopt;
  }
  std::optional<Hold> hold(std::string_view name) const {
    const auto* value = find(name);
    if (!value) return std::nullopt;
    const Reader inner(value->as_object());
    return Hold{inner.text("by"), inner.text("reason"),
                inner.time("at").value_or(core::WallTime{})};
  }

 private:
  const json::object& object_;
};

template <typename T, typename F>
core::Result<T> guarded(std::string_view text, F read) {
  boost::system::error_code failed;
  const json::value value = json::parse(text, failed);
  try {
    if (!failed) return read(Reader(value.as_object()));
  } catch (const std::exception&) {  // of another type than it should be
  }
  return core::fail(core::Code::kCorrupt, "the stored rollout of a run is not readable");
}

WaveRule rule_from(const Reader& reader) {
  WaveRule rule;
  rule.kind = static_cast<Kind>(reader.number("kind"));
  rule.number = reader.number("number");
  rule.text = reader.text("text");
  if (const auto* order = reader.find("order"))
    rule.order = json::value_to<std::vector<std::string>>(*order);
  return rule;
}

}  // namespace

std::string stored_text(const Rollout& rollout) {
  const RolloutPlan& plan = rollout.plan;
  json::object object;
  json::array rules, waves;
  for (const WaveRule& rule : plan.waves) rules.push_back(rule_json(rule));
  for (const Wave& wave : rollout.waves)
    waves.push_back(json::object{{"name", wave.name}, {"end", wave.end}});
  object["rules"] = std::move(rules);
  object["waves"] = std::move(waves);
  if (plan.parallel_max) object["parallel_max"] = plan.parallel_max;
  if (plan.failures_max) object["failures_max"] = *plan.failures_max;
  if (plan.failures_percent_max) object["failures_percent_max"] = *plan.failures_percent_max;
  if (plan.count_unreachable) object["count_unreachable"] = 1;
  if (plan.on_failures != OnFailures::kStop)
    object["on_failures"] = static_cast<int>(plan.on_failures);
  if (plan.pause_between) object["pause_between"] = 1;
  if (plan.wait_between.count()) object["wait_between_ms"] = plan.wait_between.count();
  return json::serialize(object);
}

std::string stored_text(const Progress& progress) {
  json::object object;
  if (progress.wave) object["wave"] = progress.wave;
  if (progress.wave_began_at) object["wave_began_at"] = core::unix_ms(*progress.wave_began_at);
  if (progress.paused) object["paused"] = hold_json(*progress.paused);
  if (progress.stopped) object["stopped"] = hold_json(*progress.stopped);
  if (progress.forgiven) object["forgiven"] = progress.forgiven;
  if (progress.forgiven_in_wave) object["forgiven_in_wave"] = progress.forgiven_in_wave;
  if (progress.cancelled_at) object["cancelled_at"] = core::unix_ms(*progress.cancelled_at);
  if (const auto& found = progress.found)
    object["found"] = json::object{{"queued", found->queued},
                                   {"sent", found->sent},
                                   {"running", found->running},
                                   {"finished", found->finished}};
  return json::serialize(object);
}

core::Result<Rollout> rollout_from(std::string_view text) {
  return guarded<Rollout>(text, [](const Reader& reader) -> core::Result<Rollout> {
    Rollout rollout;
    RolloutPlan& plan = rollout.plan;
    for (const json::value& rule : reader.list("rules"))
      plan.waves.push_back(rule_from(Reader(rule.as_object())));
    for (const json::value& value : reader.list("waves")) {
      const Reader wave(value.as_object());
      rollout.waves.push_back({wave.text("name"), wave.number("end")});
    }
    plan.parallel_max = reader.number("parallel_max");
    plan.failures_max = reader.maybe_number("failures_max");
    plan.failures_percent_max = reader.maybe_number("failures_percent_max");
    plan.count_unreachable = reader.number("count_unreachable") != 0;
    plan.on_failures = static_cast<OnFailures>(reader.number("on_failures"));
    plan.pause_between = reader.number("pause_between") != 0;
    plan.wait_between = std::chrono::milliseconds(reader.wide("wait_between_ms"));
    if (rollout.waves.empty()) return core::fail(core::Code::kCorrupt, "a rollout without waves");
    return rollout;
  });
}

core::Result<Progress> progress_from(std::string_view text) {
  return guarded<Progress>(text, [](const Reader& reader) -> core::Result<Progress> {
    Progress progress;
    progress.wave = reader.number("wave");
    progress.wave_began_at = reader.time("wave_began_at");
    progress.paused = reader.hold("paused");
    progress.stopped = reader.hold("stopped");
    progress.forgiven = reader.number("forgiven");
    progress.forgiven_in_wave = reader.number("forgiven_in_wave");
    progress.cancelled_at = reader.time("cancelled_at");
    if (const auto* value = reader.find("found")) {
      const Reader found(value->as_object());
      progress.found = Found{found.number("queued"), found.number("sent"), found.number("running"),
                             found.number("finished")};
    }
    return progress;
  });
}

}  // namespace muster::jobs
