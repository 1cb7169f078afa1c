// SPDX-License-Identifier: Apache-2.0
//
// A sink that remembers, and a harness that plays the gateway and the disk.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "jobs/ledger.h"
#include "jobs/output_files.h"
#include "jobs/run_spec.h"

namespace muster::jobs {

inline core::EndpointId endpoint_number(int number) {
  return core::EndpointId::of_public_key("endpoint " + std::to_string(number));
}

class TestSink final : public Sink {
 public:
  void persist(std::shared_ptr<const Batch> batch) override {
    EXPECT_FALSE(pending) << "two batches under way";
    pending = std::move(batch);
    for (const TargetRow& row : pending->rows)
      reasons[{row.run, row.target.endpoint}] = row.target.reason;
    if (write) write(*pending);
  }
  void store(std::shared_ptr<const OutputBatch> output) override {
    EXPECT_FALSE(storing) << "two batches of output under way";
    storing = std::move(output);
    blocks += storing->blocks.size();
  }
  void dispatch(const std::string&, const Departure& departure) override {
    EXPECT_EQ(departure.targets.size(), departure.instances.size());
    EXPECT_EQ(departure.targets.size(), departure.links.size() * core::EndpointId::kBytes);
    for (std::size_t i = 0; i < departure.links.size(); ++i) {
      const auto target =
          departure.targets.substr(i * core::EndpointId::kBytes, core::EndpointId::kBytes);
      ++dispatched[target];
      last_link[target] = departure.links[i];
      last_instance[target] = departure.instances.substr(i * 16, 16);
    }
  }
  void cancel(const std::string&, const wire::CancelRun& cancel) override {
    cancelled += cancel.targets().size() / core::EndpointId::kBytes;
  }
  void ack(const std::string&, const wire::Acks& acks) override {
    for (const auto& ack : acks.acks()) {
      acked += ack.targets().size() / core::EndpointId::kBytes;
      EXPECT_EQ(ack.targets().size(),
                static_cast<std::size_t>(ack.links_size()) * core::EndpointId::kBytes);
    }
  }
  void kick(const std::string&, const core::EndpointId&, std::string_view) override { ++kicked; }
  void changed(const Run& run, std::span<const TargetEvent> events) override {
    last = run;
    for (const TargetEvent& event : events) {
      auto& state = states[{run.id, event.endpoint}];
      EXPECT_FALSE(is_final(state)) << "a second final state";
      state = event.state;
    }
  }
  void output(const Run&, const core::EndpointId&, const wire::Output&) override { ++outputs; }

  std::shared_ptr<const Batch> pending;
  std::shared_ptr<const OutputBatch> storing;
  std::function<void(const Batch&)> write;  ///< a real disk, where a test has one
  std::map<std::pair<core::RunId, core::EndpointId>, std::string> reasons;
  std::map<std::string, int> dispatched;
  std::map<std::string, std::uint64_t> last_link;
  std::map<std::string, std::string> last_instance;
  std::map<std::pair<core::RunId, core::EndpointId>, TargetState> states;
  std::size_t blocks = 0, cancelled = 0, acked = 0, kicked = 0, outputs = 0;
  Run last;
};

class LedgerHarness {
 public:
  explicit LedgerHarness(LedgerSettings settings = {}) : ledger(sink, settings) {}

  Now now() const {
    return {core::MonoTime(at), core::wall_from_unix_ms(1'800'000'000'000) +
                                    std::chrono::duration_cast<std::chrono::milliseconds>(at)};
  }
  void pass(core::Duration time) {
    at += time;
    ledger.tick(now());
    settle();
  }
  /// Commits until nothing is left to write.
  void settle() {
    ledger.flush(now());
    while (sink.pending || sink.storing) sink.storing ? store() : commit();
  }
  void store(core::Status outcome = {}) {
    const auto output = std::exchange(sink.storing, nullptr);
    ASSERT_TRUE(output);
    if (outcome && files) outcome = files->store(*output);
    ledger.stored(std::move(outcome), now());
  }
  void commit(core::Status outcome = {}) {
    const auto batch = std::exchange(sink.pending, nullptr);
    ASSERT_TRUE(batch);
    ledger.persisted(std::move(outcome), now());
  }
  void up(int number, const std::string& instance = "instance A......",
          std::vector<std::pair<core::RunId, wire::HeldState>> held = {}) {
    std::vector<wire::HeldRun> runs(held.size());
    std::vector<const wire::HeldRun*> list;
    for (std::size_t i = 0; i < held.size(); ++i) {
      runs[i].set_run(held[i].first.value());
      runs[i].set_state(held[i].second);
      list.push_back(&runs[i]);
    }
    ledger.endpoint_up(endpoint_number(number), "gw", ++links[number], instance, list, now());
  }
  void down(int number) {
    ledger.endpoint_down(endpoint_number(number), "gw", links[number], now());
  }
  core::RunId create(int targets, RunSpec spec = command()) {
    auto run = make_run(spec, now().wall, ++random).value();
    const core::RunId id = latest = run.id;
    std::vector<core::EndpointId> list;
    for (int i = 0; i < targets; ++i) list.push_back(endpoint_number(i));
    EXPECT_TRUE(ledger.create(std::move(run), list, "", "", now(),
                              [this](core::Status status) { created = std::move(status); }));
    return id;
  }
  void report(int number, const auto& fill) {
    wire::Report report;
    report.set_endpoint(std::string(endpoint_number(number).bytes()));
    fill(report);
    ledger.report("gw", report, now());
  }
  void started(int number, core::RunId run) {
    report(number, [&](wire::Report& r) { r.mutable_started()->set_run(run.value()); });
  }
  void not_sent(int number, core::RunId run) {
    report(number, [&](wire::Report& r) { r.mutable_not_sent()->set_run(run.value()); });
  }
  void answer(int number, core::RunId run, const std::string& out = "hi\n",
              wire::Outcome outcome = wire::OUTCOME_SUCCEEDED) {
    report(number, [&](wire::Report& r) {
      auto& announce = *r.mutable_announce();
      announce.set_run(run.value());
      announce.set_outcome(outcome);
      announce.set_is_inline(true);
      announce.set_stdout_inline(out);
      announce.set_stdout_bytes(out.size());
    });
  }
  TargetState state(int number) { return state(number, latest); }
  TargetState state(int number, core::RunId run) {
    return sink.states[{run, endpoint_number(number)}];
  }
  int dispatched(int number) {
    return sink.dispatched[std::string(endpoint_number(number).bytes())];
  }
  static RunSpec command() {
    RunSpec spec;
    spec.argv = {"true"};
    return spec;
  }

  TestSink sink;
  std::unique_ptr<OutputFiles> files;  ///< real ones, where a test has them
  Ledger ledger;
  core::Duration at = std::chrono::hours(1);
  std::uint64_t random = 0;
  core::RunId latest;
  std::map<int, std::uint64_t> links;
  std::optional<core::Status> created;
};

}  // namespace muster::jobs
