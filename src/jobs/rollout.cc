// SPDX-License-Identifier: Apache-2.0
#include "jobs/rollout.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "core/bytes.h"

namespace muster::jobs {
namespace {

using core::Code;
using core::fail;
using Kind = WaveRule::Kind;

core::Status check_rule(const WaveRule& rule) {
  switch (rule.kind) {
    case Kind::kCount:
      if (rule.number == 0) return fail(Code::kInvalid, "a wave has at least 1 target");
      return {};
    case Kind::kPercent:
      if (rule.number == 0 || rule.number > 100)
        return fail(Code::kInvalid,
                    "a wave's percentage is between 1 and 100, not " + std::to_string(rule.number));
      return {};
    case Kind::kSelector:
      if (rule.text.empty()) return fail(Code::kInvalid, "a wave's selector is empty");
      if (rule.text.size() > kWaveSelectorBytesMax)
        return fail(Code::kLimit, "a wave's selector is longer than " +
                                      std::to_string(kWaveSelectorBytesMax) + " bytes");
      return {};
    case Kind::kEachLabel:
      if (rule.text.empty()) return fail(Code::kInvalid, "a wave for each value of which label?");
      if (rule.order.size() > kWavesMax)
        return fail(Code::kLimit,
                    "a wave's order names more than " + std::to_string(kWavesMax) + " values");
      return {};
  }
  return fail(Code::kInvalid, "an unknown kind of wave");
}

std::string shortened(std::string name) {
  if (name.size() <= kWaveNameBytesMax) return name;
  std::size_t end = kWaveNameBytesMax - 3;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;
  return name.substr(0, end) + "…";
}

/// One arrangement in the making.
class Arranger {
 public:
  Arranger(std::size_t targets, const WaveTargets& known) : total_(targets), known_(known) {
    left_.resize(targets);
    std::iota(left_.begin(), left_.end(), 0u);
    made_.order.reserve(targets);
  }

  core::Status apply(const WaveRule& rule, std::size_t number) {
    switch (rule.kind) {
      case Kind::kCount:
      case Kind::kPercent:
        take_first(rule);
        break;
      case Kind::kSelector:
        take_if(rule.text, [&](std::uint32_t target) { return known_.matches(number, target); });
        break;
      case Kind::kEachLabel:
        take_each(rule);
        break;
    }
    return check();
  }

  /// What the last rule does with the rest.
  core::Status finish(const WaveRule* last) {
    while (!left_.empty() && last && (last->kind == Kind::kCount || last->kind == Kind::kPercent)) {
      take_first(*last);
      MUSTER_TRY(check());
    }
    take_if(last ? "the others" : "all", [](std::uint32_t) { return true; });
    return check();
  }

  Arrangement take() { return std::move(made_); }

 private:
  void take_first(const WaveRule& rule) {
    const bool percent = rule.kind == Kind::kPercent;
    const std::size_t wanted = percent ? (total_ * rule.number + 99) / 100 : rule.number;
    const std::size_t count = std::min(wanted, left_.size() - head_);
    add(left_.begin() + static_cast<std::ptrdiff_t>(head_),
        left_.begin() + static_cast<std::ptrdiff_t>(head_ + count),
        std::to_string(rule.number) + (percent            ? "%"
                                       : rule.number == 1 ? " host"
                                                          : " hosts"));
    head_ += count;
    if (head_ == left_.size()) compact();
  }

  template <typename F>
  void take_if(std::string name, F wanted) {
    compact();
    std::vector<std::uint32_t> taken;
    std::erase_if(left_, [&](std::uint32_t target) {
      if (!wanted(target)) return false;
      taken.push_back(target);
      return true;
    });
    add(taken.begin(), taken.end(), std::move(name));
  }

  void take_each(const WaveRule& rule) {
    compact();
    std::map<std::string, std::vector<std::uint32_t>> by_value;
    for (const std::uint32_t target : left_)
      by_value[known_.label(rule.text, target)].push_back(target);
    left_.clear();
    std::vector<std::uint32_t> without;
    if (auto none = by_value.extract(std::string())) without = std::move(none.mapped());
    const auto make = [&](const std::string& value, const std::vector<std::uint32_t>& targets) {
      add(targets.begin(), targets.end(), rule.text + "=" + value);
    };
    for (const std::string& value : rule.order)
      if (const auto named = by_value.extract(value)) make(value, named.mapped());
    for (const auto& [value, targets] : by_value) make(value, targets);
    add(without.begin(), without.end(), "without " + rule.text);
  }

  void add(auto first, auto last, std::string name) {
    if (first == last) return;  // a rule that fits nobody makes no wave
    made_.order.insert(made_.order.end(), first, last);
    made_.waves.push_back(
        {shortened(std::move(name)), static_cast<std::uint32_t>(made_.order.size())});
  }

  /// Forgets what take_first() has taken.
  void compact() {
    left_.erase(left_.begin(), left_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }

  core::Status check() const {
    if (made_.waves.size() <= kWavesMax) return {};
    return fail(Code::kLimit, "the rollout has more than " + std::to_string(kWavesMax) +
                                  " waves; make them larger");
  }

  const std::size_t total_;
  const WaveTargets& known_;
  std::vector<std::uint32_t> left_;  ///< from head_ on: in no wave yet
  std::size_t head_ = 0;
  Arrangement made_;
};

}  // namespace

std::size_t Rollout::wave_of(std::uint32_t slot) const {
  const auto at = std::ranges::upper_bound(waves, slot, {}, &Wave::end);
  return static_cast<std::size_t>(std::min(at, waves.end() - 1) - waves.begin());
}

core::Status check_plan(const RolloutPlan& plan) {
  if (plan.waves.size() > kWaveRulesMax)
    return fail(Code::kLimit,
                "rollout.waves has more than " + std::to_string(kWaveRulesMax) + " entries");
  for (const WaveRule& rule : plan.waves)
    if (auto good = check_rule(rule); !good)
      return fail(good.error().code, "rollout.waves: " + good.error().message);
  const bool holds_back = !plan.waves.empty() || plan.parallel_max > 0;
  const bool stops = plan.failures_max || plan.failures_percent_max;
  if (plan.failures_max && plan.failures_percent_max)
    return fail(Code::kInvalid,
                "give only one of rollout.failures_max and rollout.failures_percent_max");
  if (plan.failures_percent_max.value_or(0) > 100)
    return fail(Code::kInvalid, "rollout.failures_percent_max is at most 100");
  if (stops && !holds_back)
    return fail(Code::kInvalid,
                "a limit of failures needs rollout.waves or rollout.parallel_max: without them "
                "everything is sent at once");
  if ((plan.pause_between || plan.wait_between.count() != 0) && plan.waves.empty())
    return fail(Code::kInvalid, "a pause between waves needs rollout.waves");
  if (plan.pause_between && plan.wait_between.count() != 0)
    return fail(Code::kInvalid,
                "give only one of rollout.pause_between and rollout.wait_between_ms");
  if (plan.wait_between.count() < 0 || plan.wait_between > kWaitBetweenCeiling)
    return fail(Code::kInvalid, "rollout.wait_between_ms is between 0 and " +
                                    std::to_string(kWaitBetweenCeiling.count()) + " (7 days)");
  if (!holds_back)
    return fail(Code::kInvalid, "a rollout needs waves or parallel_max, or leave it out");
  return {};
}

core::Result<Arrangement> arrange(const RolloutPlan& plan, std::size_t targets,
                                  const WaveTargets& known) {
  Arranger arranger(targets, known);
  for (std::size_t rule = 0; rule < plan.waves.size(); ++rule)
    MUSTER_TRY(arranger.apply(plan.waves[rule], rule));
  MUSTER_TRY(arranger.finish(plan.waves.empty() ? nullptr : &plan.waves.back()));
  return arranger.take();
}

}  // namespace muster::jobs
