// SPDX-License-Identifier: Apache-2.0
#include "server/live.h"

#include <gtest/gtest.h>

namespace muster::server {
namespace {

const core::EndpointId kHost = core::EndpointId::of_public_key("a host");

wire::Output output_of(std::string text) {
  wire::Output output;
  output.set_stream(wire::STREAM_STDOUT);
  output.set_data(std::move(text));
  return output;
}

std::string text_of(const RunWatch& watch) {
  std::string text;
  for (const auto& part : watch.output) text += part.data;
  return text;
}

jobs::Run run_of(std::uint64_t id) {
  jobs::Run run;
  run.id = core::RunId(id);
  return run;
}

TEST(Live, WatcherWhoComesLateSeesRecentOutputOnce) {
  Live live;
  const jobs::Run run = run_of(7);
  live.run_output(run.id, kHost, output_of("early "));
  const auto watch = *live.watch_run(run.id);
  live.run_output(run.id, kHost, output_of("late"));
  EXPECT_EQ(text_of(*watch), "early late");
  EXPECT_EQ(text_of(**live.watch_run(core::RunId(8))), "");
}

TEST(Live, FinishedRunKeepsNoOutput) {
  Live live;
  jobs::Run run = run_of(7);
  live.run_output(run.id, kHost, output_of("said"));
  run.finished_at = core::wall_now();
  live.run_changed(run, {});
  EXPECT_EQ(text_of(**live.watch_run(run.id)), "");
}

TEST(Live, RecentOutputIsBounded) {
  Live live;
  const std::string block(64UL * 1024, 'x');
  for (int i = 0; i < 20; ++i) live.run_output(core::RunId(1), kHost, output_of(block));
  EXPECT_EQ(text_of(**live.watch_run(core::RunId(1))).size(), Live::kRecentBytesMax);
  for (std::uint64_t id = 2; id < 2 + Live::kRecentRunsMax; ++id)
    live.run_output(core::RunId(id), kHost, output_of("new"));
  EXPECT_EQ(text_of(**live.watch_run(core::RunId(1))), "");  // the oldest run went first
  EXPECT_EQ(text_of(**live.watch_run(core::RunId(2))), "new");
}

TEST(Live, OfProgressTheNewestCountsWhileTheTargetGoesOn) {
  Live live;
  const jobs::Run run = run_of(7);
  wire::Output output;
  output.set_stream(wire::STREAM_PROGRESS);
  output.set_data("begun");
  live.run_output(run.id, kHost, output);
  const auto watch = *live.watch_run(run.id);
  EXPECT_FALSE(watch->progress.at(kHost).percent);
  output.set_percent(50);
  output.set_data("half\x1b[31m");
  live.run_output(run.id, kHost, output);
  EXPECT_EQ(watch->progress.at(kHost).percent, 50U);
  EXPECT_EQ(live.progress(run.id, kHost)->text.find('\x1b'), std::string::npos);
  EXPECT_TRUE(watch->output.empty());
  for (std::size_t i = 0; i < 2 * Live::kProgressTargetsMax; ++i)
    live.run_output(run.id, core::EndpointId::of_public_key(std::to_string(i)), output);
  EXPECT_EQ(watch->progress.size(), Live::kProgressTargetsMax);
  const jobs::TargetEvent ended{.endpoint = kHost, .state = jobs::TargetState::kSucceeded};
  live.run_changed(run, std::span(&ended, 1));
  EXPECT_EQ(live.progress(run.id, kHost), nullptr);
  EXPECT_EQ(live.progress(core::RunId(8), kHost), nullptr);
}

TEST(Live, SlowWatcherLosesSingleEventsNotTheWatch) {
  Live live;
  const jobs::Run run = run_of(7);
  const auto watch = *live.watch_run(run.id);
  const std::vector<jobs::TargetEvent> many(RunWatch::kEventsMax + 10);
  const std::uint64_t before = watch->signal.count();
  live.run_changed(run, many);
  EXPECT_EQ(watch->events.size(), RunWatch::kEventsMax);
  live.run_changed(run, many);
  EXPECT_GT(watch->signal.count(), before + 1);
}

TEST(Live, TooManyWatchersAreRefusedUntilSomeGo) {
  Live live;
  std::vector<std::shared_ptr<RunWatch>> watches;
  for (std::size_t i = 0; i < Live::kWatchersMax; ++i)
    watches.push_back(*live.watch_run(core::RunId(i + 1)));
  EXPECT_EQ(live.watch_region().error().code, core::Code::kLimit);
  watches.pop_back();
  EXPECT_TRUE(live.watch_region());
}

TEST(Live, ManyChangedHostsAreNotNamed) {
  Live live;
  const auto watch = *live.watch_region();
  std::vector<core::EndpointId> hosts;
  for (std::size_t i = 0; i <= Live::kHostsMax; ++i)
    hosts.push_back(core::EndpointId::of_public_key(std::to_string(i)));
  live.hosts_changed(std::span(hosts).first(1));
  EXPECT_EQ(watch->hosts.size(), 1U);
  live.hosts_changed(hosts);
  EXPECT_TRUE(watch->many_hosts);
  EXPECT_TRUE(watch->hosts.empty());
}

}  // namespace
}  // namespace muster::server
