// SPDX-License-Identifier: Apache-2.0
#include "server/rollout_json.h"

#include <algorithm>
#include <map>

#include "fleet/selector.h"
#include "server/json.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;
using Kind = jobs::WaveRule::Kind;

constexpr std::int64_t kCountMax = jobs::kTargetsMax;

core::Result<jobs::WaveRule> read_rule(const json::object& object) {
  Members members(object, "rollout.waves.");
  jobs::WaveRule rule;
  const auto count = members.maybe_integer("count", 1, kCountMax);
  const auto percent = members.maybe_integer("percent", 1, 100);
  const auto selector = members.maybe_text("selector", jobs::kWaveSelectorBytesMax);
  const auto label = members.maybe_text("each_label", fleet::kLabelKeyBytesMax);
  if (auto order = members.texts("order", jobs::kWavesMax, fleet::kLabelValueBytesMax)) {
    if (!label) members.wrong("order", "goes with 'each_label' only");
    rule.order = std::move(*order);
  }
  MUSTER_TRY(members.done());
  if ((count ? 1 : 0) + (percent ? 1 : 0) + (selector ? 1 : 0) + (label ? 1 : 0) != 1)
    return fail(Code::kInvalid,
                "each of 'rollout.waves' has exactly one of 'count', 'percent', 'selector' and "
                "'each_label'");
  rule.number = static_cast<std::uint32_t>(count.value_or(percent.value_or(0)));
  rule.text = selector.value_or(label.value_or(""));
  rule.kind = count      ? Kind::kCount
              : percent  ? Kind::kPercent
              : selector ? Kind::kSelector
                         : Kind::kEachLabel;
  return rule;
}

json::object rule_json(const jobs::WaveRule& rule) {
  switch (rule.kind) {
    case Kind::kCount:
      return {{"count", rule.number}};
    case Kind::kPercent:
      return {{"percent", rule.number}};
    case Kind::kSelector:
      return {{"selector", rule.text}};
    case Kind::kEachLabel:
      break;
  }
  json::object object{{"each_label", rule.text}};
  if (!rule.order.empty()) object["order"] = json::value_from(rule.order);
  return object;
}

json::object plan_json(const jobs::RolloutPlan& plan) {
  json::object object;
  if (!plan.waves.empty()) {
    json::array rules;
    for (const auto& rule : plan.waves) rules.push_back(rule_json(rule));
    object["waves"] = std::move(rules);
  }
  if (plan.parallel_max) object["parallel_max"] = plan.parallel_max;
  if (plan.failures_max) object["failures_max"] = *plan.failures_max;
  if (plan.failures_percent_max) object["failures_percent_max"] = *plan.failures_percent_max;
  if (plan.failures_max || plan.failures_percent_max) {
    object["on_failures"] = plan.on_failures == jobs::OnFailures::kStop ? "stop" : "pause";
    object["count_unreachable"] = plan.count_unreachable;
  }
  if (plan.pause_between) object["pause_between"] = true;
  if (plan.wait_between.count()) object["wait_between_ms"] = plan.wait_between.count();
  return object;
}

json::object hold_json(const jobs::Hold& hold) {
  json::object object{{"by", hold.by}, {"at", time_text(hold.at)}};
  set(object, "reason", hold.reason);
  return object;
}

class FleetTargets final : public jobs::WaveTargets {
 public:
  FleetTargets(const std::vector<const fleet::Endpoint*>& targets, core::WallTime now)
      : targets_(targets), now_(now) {}

  core::Status read(const jobs::RolloutPlan& plan) {
    for (std::size_t i = 0; i < plan.waves.size(); ++i) {
      const jobs::WaveRule& rule = plan.waves[i];
      const std::string where = "rollout.waves[" + std::to_string(i) + "]: ";
      if (rule.kind == Kind::kEachLabel)
        if (auto good = fleet::check_label(rule.text, "x"); !good)
          return fail(Code::kInvalid, where + good.error().message);
      if (rule.kind != Kind::kSelector) continue;
      auto selector = fleet::Selector::parse(rule.text);
      if (!selector) return fail(Code::kInvalid, where + selector.error().message);
      selectors_.emplace(i, std::move(*selector));
    }
    return {};
  }

  bool matches(std::size_t rule, std::size_t target) const override {
    return selectors_.at(rule).matches(fleet::subject_of(*targets_[target], now_));
  }
  std::string label(const std::string& name, std::size_t target) const override {
    const auto& labels = targets_[target]->labels;
    const auto at = std::ranges::lower_bound(labels, name, {}, &fleet::Label::key);
    return at != labels.end() && at->key == name ? at->value : "";
  }

 private:
  const std::vector<const fleet::Endpoint*>& targets_;
  const core::WallTime now_;
  std::map<std::size_t, fleet::Selector> selectors_;  ///< by rule
};

}  // namespace

core::Result<jobs::RolloutPlan> read_rollout(const json::object& object) {
  Members members(object, "rollout.");
  jobs::RolloutPlan plan;
  const auto rules = members.objects("waves", jobs::kWaveRulesMax);
  const auto number = [&](std::string_view name, std::int64_t least, std::int64_t most) {
    const auto value = members.maybe_integer(name, least, most);
    return value ? std::optional(static_cast<std::uint32_t>(*value)) : std::nullopt;
  };
  plan.parallel_max = number("parallel_max", 1, kCountMax).value_or(0);
  plan.failures_max = number("failures_max", 0, kCountMax);
  plan.failures_percent_max = number("failures_percent_max", 0, 100);
  plan.count_unreachable = members.flag("count_unreachable", false);
  const std::string on_failures = members.text("on_failures", 16, "stop");
  if (on_failures != "stop" && on_failures != "pause")
    members.wrong("on_failures", "must be 'stop' or 'pause'");
  plan.on_failures = on_failures == "pause" ? jobs::OnFailures::kPause : jobs::OnFailures::kStop;
  plan.pause_between = members.flag("pause_between", false);
  plan.wait_between = std::chrono::milliseconds(
      members.maybe_integer("wait_between_ms", 0, jobs::kWaitBetweenCeiling.count()).value_or(0));
  MUSTER_TRY(members.done());
  for (const json::object* rule : rules) {
    MUSTER_ASSIGN(auto read, read_rule(*rule));
    plan.waves.push_back(std::move(read));
  }
  // A canary whose failure stops nothing is none.
  if (!plan.waves.empty() && !plan.failures_max && !plan.failures_percent_max)
    plan.failures_max = 0;
  MUSTER_TRY(jobs::check_plan(plan));
  return plan;
}

void show_progress(json::object& object, const jobs::Run& run) {
  const jobs::Progress& progress = run.progress;
  if (run.idempotent) object["idempotent"] = true;
  if (const auto& rollout = run.rollout) {
    json::object shown = plan_json(rollout->plan);
    const std::size_t wave = std::min<std::size_t>(progress.wave, rollout->waves.size() - 1);
    shown["wave"] = wave + 1;
    shown["waves_total"] = rollout->waves.size();
    shown["wave_name"] = rollout->waves[wave].name;
    shown["wave_targets"] = rollout->size_of(wave);
    object["rollout"] = std::move(shown);
  }
  if (progress.paused && !run.finished()) object["paused"] = hold_json(*progress.paused);
  if (progress.stopped) object["stopped"] = hold_json(*progress.stopped);
  if (progress.cancelled_at && progress.found)
    object["cancelled"] = {{"by", run.cancelled_by},
                           {"reason", run.cancel_reason},
                           {"at", time_text(*progress.cancelled_at)},
                           {"found",
                            {{"queued", progress.found->queued},
                             {"sent", progress.found->sent},
                             {"running", progress.found->running},
                             {"finished", progress.found->finished}}}};
}

json::object counts_json(const jobs::Counts& counts) {
  json::object object;
  for (std::size_t i = 0; i < jobs::kTargetStates; ++i) {
    const auto state = static_cast<jobs::TargetState>(i);
    object[jobs::name(state)] = counts[state];
  }
  return object;
}

json::array waves_json(const jobs::Run& run, std::span<const jobs::Counts> counts) {
  json::array waves;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const bool is_named = run.rollout && i < run.rollout->waves.size();
    const bool is_done = counts[i].open() == 0;
    const bool has_begun = i <= run.progress.wave;
    waves.push_back(json::object{{"wave", i + 1},
                                 {"name", is_named ? run.rollout->waves[i].name : "all"},
                                 {"targets", counts[i].total()},
                                 {"state", is_done     ? "done"
                                           : has_begun ? "under_way"
                                                       : "waiting"},
                                 {"counts", counts_json(counts[i])}});
  }
  return waves;
}

core::Result<std::shared_ptr<const jobs::Rollout>> arrange_waves(
    const jobs::RolloutPlan& plan, std::vector<const fleet::Endpoint*>& targets,
    core::WallTime now) {
  FleetTargets known(targets, now);
  MUSTER_TRY(known.read(plan));
  MUSTER_ASSIGN(auto arranged, jobs::arrange(plan, targets.size(), known));
  std::vector<const fleet::Endpoint*> ordered;
  ordered.reserve(targets.size());
  for (const auto target : arranged.order) ordered.push_back(targets[target]);
  targets = std::move(ordered);
  return std::make_shared<const jobs::Rollout>(jobs::Rollout{plan, std::move(arranged.waves)});
}

}  // namespace muster::server
