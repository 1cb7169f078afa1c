// SPDX-License-Identifier: Apache-2.0
#include "link/endpoint_runs.h"

#include <algorithm>

#include "core/clock.h"
#include "wire/limits.h"

namespace muster::link {
namespace {

std::size_t bytes_of(const RunResult& result) {
  return result.stdout_bytes.size() + result.stderr_bytes.size();
}

// Why this work cannot be done by this version; empty if it can.
std::string objection(const wire::Invoke& invoke) {
  switch (invoke.work_case()) {
    case wire::Invoke::kPing:
      return {};
    case wire::Invoke::kCommand:
      if (invoke.command().argv().empty() || invoke.command().argv(0).empty())
        return "the command is empty";
      return {};
    case wire::Invoke::kMethod:
      return {};
    default:
      return "this agent does not know this kind of work: update it";
  }
}

}  // namespace

EndpointRuns::EndpointRuns(WorkPort& work, std::size_t concurrent_max)
    : work_(work), concurrent_max_(concurrent_max) {}

void EndpointRuns::invoke(wire::Invoke invoke, core::MonoTime forget_at, core::MonoTime now) {
  forget_old(now);
  const core::RunId run{invoke.run()};
  if (const auto held = runs_.find(run); held != runs_.end()) {
    if (held->second.state == State::kFinished && observer_) observer_->run_finished(run);
    return;
  }
  if (remembered(run)) return;
  if (runs_.size() >= wire::kHeldRunsMax)
    return refuse_unheld(
        run, wire::OUTCOME_REFUSED,
        "this endpoint holds " + std::to_string(runs_.size()) + " unacknowledged runs already");
  if (finished_bytes_ >= kHeldBytesMax)
    return refuse_unheld(run, wire::OUTCOME_REFUSED,
                         "this endpoint holds " + std::to_string(finished_bytes_) +
                             " bytes of unacknowledged results already");
  if (std::string reason = objection(invoke); !reason.empty())
    return finish_without_work(run, wire::OUTCOME_REFUSED, std::move(reason));
  if (invoke.has_ping()) return finish_without_work(run, wire::OUTCOME_SUCCEEDED, {});
  if (recent_.size() >= kRecentRunsMax)
    return refuse_unheld(run, wire::OUTCOME_REFUSED,
                         "this endpoint has done " + std::to_string(recent_.size()) +
                             " runs in the last minutes; try again");

  Run& held = runs_[run];
  held.live_output = invoke.live_output();
  held.forget_at = forget_at;
  held.expires_at = invoke.expires_in_ms() == 0
                        ? core::MonoTime::max()
                        : now + std::chrono::milliseconds(invoke.expires_in_ms());
  held.invoke = std::make_unique<wire::Invoke>(std::move(invoke));
  queue_.push_back(run);
  start_queued(now);
}

void EndpointRuns::cancel(core::RunId run, const std::string& reason, core::MonoTime now) {
  const auto at = runs_.find(run);
  if (at == runs_.end()) {
    if (remembered(run)) return;
    finish_without_work(run, wire::OUTCOME_CANCELLED,
                        "cancelled; this endpoint did not know the run");
    // Its order may still come.
    if (const auto held = runs_.find(run); held != runs_.end() && recent_.size() < kRecentRunsMax)
      held->second.forget_at = now + kCancelledKept;
    return;
  }
  switch (at->second.state) {
    case State::kQueued: {
      std::erase(queue_, run);
      RunResult result;
      result.announce.set_outcome(wire::OUTCOME_CANCELLED);
      result.announce.set_reason("cancelled before it started");
      finish(run, at->second, std::move(result));
      start_queued(now);
      return;
    }
    case State::kRunning:
      if (!std::exchange(at->second.cancelling, true)) work_.cancel_work(run, reason);
      return;
    case State::kFinished:
      if (observer_) observer_->run_finished(run);
      return;
  }
}

void EndpointRuns::acknowledged(core::RunId run) {
  const auto held = runs_.find(run);
  if (held == runs_.end() || held->second.state != State::kFinished) return;
  finished_bytes_ -= bytes_of(*held->second.result);
  if (held->second.forget_at > core::MonoTime{}) recent_.emplace_back(run, held->second.forget_at);
  runs_.erase(held);
}

void EndpointRuns::refuse(core::RunId run, const core::Error& why) {
  if (runs_.contains(run) || remembered(run)) return;
  refuse_unheld(run,
                why.code == core::Code::kTimeout ? wire::OUTCOME_EXPIRED : wire::OUTCOME_REFUSED,
                why.message);
}

void EndpointRuns::started(core::RunId run) {
  const Run* held = find(run);
  if (held && held->state == State::kRunning && observer_) observer_->run_started(run);
}

void EndpointRuns::output(core::RunId run, wire::Stream stream, std::uint64_t offset,
                          std::string_view data) {
  const Run* held = find(run);
  if (held && held->live_output && held->state == State::kRunning && observer_)
    observer_->run_output(run, stream, offset, data);
}

void EndpointRuns::progress(core::RunId run, std::optional<std::uint32_t> percent,
                            std::string_view text) {
  const Run* held = find(run);
  if (held && held->state == State::kRunning && observer_)
    observer_->run_progress(run, percent, text);
}

void EndpointRuns::lose_output(core::RunId run, std::string_view why) {
  const auto held = runs_.find(run);
  if (held == runs_.end() || held->second.state != State::kFinished) return;
  RunResult& result = *held->second.result;
  finished_bytes_ -= bytes_of(result);
  wire::Announce& announce = result.announce;
  announce.set_stdout_bytes_cut(announce.stdout_bytes_cut() + result.stdout_size());
  announce.set_stderr_bytes_cut(announce.stderr_bytes_cut() + result.stderr_size());
  if (!announce.reason().empty()) announce.mutable_reason()->append("; ");
  announce.mutable_reason()->append("its output is lost: ").append(why);
  result.stdout_bytes.clear();
  result.stderr_bytes.clear();
  result.stdout_source.reset();
  result.stderr_source.reset();
}

void EndpointRuns::finished(core::RunId run, RunResult result, core::MonoTime now) {
  const auto held = runs_.find(run);
  if (held == runs_.end() || held->second.state != State::kRunning) return;
  --running_;
  finish(run, held->second, std::move(result));
  start_queued(now);
}

std::vector<EndpointRuns::Remembered> EndpointRuns::remembered() const {
  std::vector<Remembered> all;
  for (const auto& [run, until] : recent_) all.push_back({run, until});
  return all;
}

void EndpointRuns::adopt(const Remembered& what) {
  Run& held = runs_[what.run];
  held.state = State::kRunning;
  held.expires_at = core::MonoTime::max();
  held.forget_at = what.until;
  ++running_;
}

void EndpointRuns::tick(core::MonoTime now) {
  if (deadline() > now) return;
  std::vector<core::RunId> late;
  std::erase_if(queue_, [&](core::RunId run) {
    if (runs_[run].expires_at > now) return false;
    late.push_back(run);
    return true;
  });
  for (const core::RunId run : late)
    finish_without_work(run, wire::OUTCOME_EXPIRED, "it waited too long for its turn");
}

core::MonoTime EndpointRuns::deadline() const {
  core::MonoTime first = core::MonoTime::max();
  for (const core::RunId run : queue_) first = std::min(first, runs_.find(run)->second.expires_at);
  return first;
}

std::vector<wire::HeldRun> EndpointRuns::held() const {
  std::vector<wire::HeldRun> list;
  list.reserve(runs_.size());
  for (const auto& [id, run] : runs_) {
    wire::HeldRun& entry = list.emplace_back();
    entry.set_run(id.value());
    entry.set_state(run.state == State::kFinished ? wire::HELD_FINISHED : wire::HELD_RUNNING);
  }
  return list;
}

const EndpointRuns::Run* EndpointRuns::find(core::RunId run) const {
  const auto held = runs_.find(run);
  return held == runs_.end() ? nullptr : &held->second;
}

void EndpointRuns::finish(core::RunId run, Run& held, RunResult result) {
  held.state = State::kFinished;
  held.invoke.reset();
  finished_bytes_ += bytes_of(result);
  held.result = std::make_unique<RunResult>(std::move(result));
  if (observer_) observer_->run_finished(run);
}

void EndpointRuns::finish_without_work(core::RunId run, wire::Outcome outcome, std::string reason) {
  RunResult result;
  result.announce.set_outcome(outcome);
  result.announce.set_reason(std::move(reason));
  if (!runs_.contains(run) && runs_.size() >= wire::kHeldRunsMax) {
    result.announce.set_run(run.value());
    result.announce.set_is_inline(true);
    if (observer_) observer_->run_refused(result.announce);
    return;
  }
  finish(run, runs_[run], std::move(result));
}

void EndpointRuns::start_queued(core::MonoTime now) {
  if (starting_) return;  // start_work() may finish at once and come back here
  starting_ = true;
  while (running_ < concurrent_max_ && !queue_.empty()) {
    const core::RunId run = queue_.front();
    queue_.pop_front();
    Run& held = runs_[run];
    if (held.expires_at <= now) {
      finish_without_work(run, wire::OUTCOME_EXPIRED, "it waited too long for its turn");
      continue;
    }
    held.state = State::kRunning;
    ++running_;
    const std::unique_ptr<wire::Invoke> invoke = std::move(held.invoke);
    work_.start_work(*invoke);
  }
  starting_ = false;
}

bool EndpointRuns::remembered(core::RunId run) const {
  return std::ranges::find(recent_, run, &std::pair<core::RunId, core::MonoTime>::first) !=
         recent_.end();
}

void EndpointRuns::forget_old(core::MonoTime now) {
  std::erase_if(recent_, [now](const auto& entry) { return entry.second <= now; });
}

void EndpointRuns::refuse_unheld(core::RunId run, wire::Outcome outcome, std::string reason) {
  if (!observer_) return;
  wire::Announce announce;
  announce.set_run(run.value());
  announce.set_outcome(outcome);
  announce.set_reason(std::move(reason));
  announce.set_is_inline(true);
  observer_->run_refused(announce);
}

}  // namespace muster::link
