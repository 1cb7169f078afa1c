// SPDX-License-Identifier: Apache-2.0
#include "jobs/rollout.h"

#include <gmock/gmock.h>

namespace muster::jobs {
namespace {

using namespace std::chrono_literals;
using Kind = WaveRule::Kind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Target n is at site n % 3 (0: none); a selector's text does not matter: rule 0 takes the
/// even ones.
class Known final : public WaveTargets {
  bool matches(std::size_t, std::size_t target) const override { return target % 2 == 0; }
  std::string label(const std::string&, std::size_t target) const override {
    return target % 3 == 0 ? "" : target % 3 == 1 ? "berlin" : "aachen";
  }
};

WaveRule count(std::uint32_t number) {
  return {Kind::kCount, number, {}, {}};
}
WaveRule percent(std::uint32_t number) {
  return {Kind::kPercent, number, {}, {}};
}

std::vector<std::string> waves(std::vector<WaveRule> rules, std::size_t targets) {
  RolloutPlan plan;
  plan.waves = std::move(rules);
  EXPECT_TRUE(check_plan(plan));
  const auto arranged = arrange(plan, targets, Known());
  EXPECT_TRUE(arranged);
  EXPECT_EQ(arranged->order.size(), targets);
  std::vector<std::string> told;
  std::uint32_t begin = 0;
  for (const Wave& wave : arranged->waves) {
    std::string text = wave.name + ":";
    for (; begin < wave.end; ++begin) text += " " + std::to_string(arranged->order[begin]);
    told.push_back(text);
  }
  return told;
}

TEST(Arrange, SizesAreTakenInOrderAndTheLastIsRepeated) {
  EXPECT_THAT(waves({count(1), percent(30)}, 8),
              ElementsAre("1 host: 0", "30%: 1 2 3", "30%: 4 5 6", "30%: 7"));
  EXPECT_THAT(waves({count(1), percent(10), percent(100)}, 5),
              ElementsAre("1 host: 0", "10%: 1", "100%: 2 3 4"));
  EXPECT_THAT(waves({count(3)}, 2), ElementsAre("3 hosts: 0 1"));
}

TEST(Arrange, SelectorsAndLabelsTakeFromWhatIsLeft) {
  EXPECT_THAT(waves({{Kind::kSelector, 0, "even", {}}}, 5),
              ElementsAre("even: 0 2 4", "the others: 1 3"));
  EXPECT_THAT(
      waves({count(2), {Kind::kEachLabel, 0, "site", {"berlin", "nowhere"}}}, 8),
      ElementsAre("2 hosts: 0 1", "site=berlin: 4 7", "site=aachen: 2 5", "without site: 3 6"));
}

TEST(Arrange, TooManyWavesAreRefused) {
  RolloutPlan plan;
  plan.waves = {count(1)};
  EXPECT_TRUE(arrange(plan, kWavesMax, Known()));
  const auto refused = arrange(plan, kWavesMax + 1, Known());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, core::Code::kLimit);
  EXPECT_THAT(refused.error().message, HasSubstr("more than 1000 waves"));
}

TEST(Arrange, TwoHundredThousandTargetsAreNoMatter) {
  RolloutPlan plan;
  plan.waves = {count(200)};
  const auto arranged = arrange(plan, 200'000, Known());
  ASSERT_TRUE(arranged);
  EXPECT_EQ(arranged->waves.size(), 1000u);
  EXPECT_EQ(arranged->order.back(), 199'999u);
}

TEST(CheckPlan, SaysWhatIsWrong) {
  const auto refused = [](auto change) {
    RolloutPlan plan;
    plan.waves = {count(1)};
    change(plan);
    const auto good = check_plan(plan);
    return good ? std::string() : good.error().message;
  };
  EXPECT_EQ(refused([](RolloutPlan&) {}), "");
  EXPECT_THAT(refused([](RolloutPlan& p) { p.waves = {count(0)}; }), HasSubstr("at least 1"));
  EXPECT_THAT(refused([](RolloutPlan& p) { p.waves = {percent(101)}; }), HasSubstr("101"));
  EXPECT_THAT(refused([](RolloutPlan& p) { p.waves = {{Kind::kSelector, 0, "", {}}}; }),
              HasSubstr("empty"));
  EXPECT_THAT(refused([](RolloutPlan& p) { p.waves = {{Kind::kEachLabel, 0, "", {}}}; }),
              HasSubstr("which label"));
  EXPECT_THAT(refused([](RolloutPlan& p) { p.waves.resize(101, count(1)); }), HasSubstr("100"));
  EXPECT_THAT(refused([](RolloutPlan& p) { p.waves.clear(); }), HasSubstr("needs waves"));
  EXPECT_THAT(refused([](RolloutPlan& p) {
                p.waves.clear();
                p.failures_max = 1;
              }),
              HasSubstr("sent at once"));
  EXPECT_THAT(refused([](RolloutPlan& p) { p.failures_max = p.failures_percent_max = 1; }),
              HasSubstr("only one of"));
  EXPECT_THAT(refused([](RolloutPlan& p) { p.failures_percent_max = 101; }), HasSubstr("100"));
  EXPECT_THAT(refused([](RolloutPlan& p) {
                p.pause_between = true;
                p.wait_between = 1s;
              }),
              HasSubstr("only one of"));
  EXPECT_THAT(refused([](RolloutPlan& p) { p.wait_between = 8 * 24h; }), HasSubstr("7 days"));
  EXPECT_THAT(refused([](RolloutPlan& p) {
                p.waves.clear();
                p.parallel_max = 1;
                p.pause_between = true;
              }),
              HasSubstr("needs rollout.waves"));
}

TEST(StoredText, KeepsEverything) {
  Rollout rollout;
  rollout.plan.waves = {count(1),
                        percent(10),
                        {Kind::kSelector, 0, "role=\"web\"", {}},
                        {Kind::kEachLabel, 0, "site", {"b", "a"}}};
  rollout.plan.parallel_max = 50;
  rollout.plan.failures_percent_max = 5;
  rollout.plan.count_unreachable = true;
  rollout.plan.on_failures = OnFailures::kPause;
  rollout.plan.wait_between = 60s;
  rollout.waves = {{"1 host", 1}, {"10%", 11}};
  EXPECT_EQ(rollout_from(stored_text(rollout)), rollout);
  rollout.plan.failures_percent_max.reset();
  rollout.plan.failures_max = 0;
  EXPECT_EQ(rollout_from(stored_text(rollout)), rollout);
  EXPECT_EQ(rollout.wave_of(0), 0u);
  EXPECT_EQ(rollout.wave_of(1), 1u);
  EXPECT_EQ(rollout.wave_of(10), 1u);
  EXPECT_EQ(rollout.size_of(1), 10u);

  Progress progress;
  progress.wave = 3;
  progress.wave_began_at = core::wall_from_unix_ms(1'800'000'000'000);
  progress.paused = Hold{"anne", "look", core::wall_from_unix_ms(1'800'000'000'001)};
  progress.stopped = Hold{"rollout", "3 of 20", core::wall_from_unix_ms(1'800'000'000'002)};
  progress.forgiven = 7;
  progress.forgiven_in_wave = 2;
  progress.cancelled_at = core::wall_from_unix_ms(1'800'000'000'003);
  progress.found = Found{1, 2, 3, 4};
  EXPECT_EQ(progress_from(stored_text(progress)), progress);
  EXPECT_EQ(progress_from(stored_text(Progress())), Progress());
}

TEST(StoredText, WhatIsDamagedIsRefused) {
  for (const char* text : {"", "{", "[]", "{}", R"({"rules":[],"waves":[]})",
                           R"({"rules":7,"waves":[]})", R"({"rules":[],"waves":[{"end":"x"}]})"})
    EXPECT_FALSE(rollout_from(text)) << text;
  for (const char* text : {"", "[]", R"({"paused":1})", R"({"wave":-1})"})
    EXPECT_FALSE(progress_from(text)) << text;
}

}  // namespace
}  // namespace muster::jobs
