// SPDX-License-Identifier: Apache-2.0
//
// How an agent goes over to its next version (docs/updates.md):
//
//   judge · copy · wait until nothing else goes on · let go of the link · let the new program
//   log in, in this agent's place, while this one waits · become it, or go on
//
// Until the last step this process has everything that it had: whatever goes wrong, it logs
// in again and says why.
#include <algorithm>
#include <cstdio>

#include "agent/agent.h"
#include "agent/version.h"
#include "agent/work.h"
#include "core/bytes.h"
#include "core/log.h"

namespace muster::agent {
namespace {

using namespace std::chrono_literals;

/// How often it is looked whether other work has ended and been acknowledged.
constexpr core::Duration kLook = 200ms;
/// A link that was said goodbye on ends within this.
constexpr core::Duration kLinkEnds = 30s;
/// Of what the new program said on trial: kept for whoever looks into a failure.
constexpr std::uint64_t kTrialOutputMax = 64 * 1024;
constexpr std::size_t kLastWordsMax = 300;

/// The last line that says something, for a sentence; empty where there is none.
std::string last_words(std::string_view text) {
  while (!text.empty()) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
      text.remove_suffix(1);
    const auto line = text.rfind('\n');
    const auto last = line == text.npos ? text : text.substr(line + 1);
    if (!last.empty()) return core::printable(last, kLastWordsMax);
    text = text.substr(0, line == text.npos ? 0 : line);
  }
  return {};
}

std::string told(const char* outcome, std::string_view version_now, std::string_view before) {
  return "{\"outcome\":\"" + std::string(outcome) + "\",\"version\":\"" + std::string(version_now) +
         "\",\"before\":\"" + std::string(before) + "\"}\n";
}

}  // namespace

// --- from the program before, and to it

void Agent::take_over() {
  if (!launch_.handover || !launch_.handover->run) return;
  const Handover& before = *launch_.handover;
  for (const auto& each : before.remembered) runs_.remember(each);
  runs_.adopt(*before.run);
  if (launch_.on_trial()) return;
  core::log(core::Level::kInfo, "agent", "updated",
            {{"run", before.run->run}, {"from", before.before}, {"to", version()}});
  link::RunResult result;
  result.announce.set_outcome(wire::OUTCOME_SUCCEEDED);
  result.stdout_bytes = told("updated", version(), before.before);
  runs_.finished(before.run->run, std::move(result), core::mono_now());
}

void Agent::say_logged_in() {
  std::puts(proof_of(launch_.handover->nonce).c_str());
  std::fflush(stdout);
  loop_.post([this] { stop(); });
}

// --- an order

void Agent::begin_update(core::RunId run, UpdateOrder order) {
  if (update_) {
    methods_->forget(run);
    link::RunResult refused;
    refused.announce.set_outcome(wire::OUTCOME_REFUSED);
    refused.announce.set_reason("another update of this agent is under way (run " +
                                update_->run.str() + ")");
    return work_done(run, std::move(refused));
  }
  update_ =
      std::make_unique<Update>(Update{.run = run, .nonce = core::to_hex(core::random_bytes(16))});
  runs_.started(run);
  touch_link();
  tasks_.spawn(update(run, std::move(order)));
}

bool Agent::cancel_update(core::RunId run, const std::string& why) {
  if (!update_ || update_->run != run) return false;
  update_->cancelled = why;
  runner_.cancel(run, why);  // its trial, if it has begun
  changed_.notify();
  return true;
}

void Agent::end_update(core::RunId run, wire::Outcome outcome, std::string reason,
                       std::string stdout_bytes) {
  link::RunResult result;
  if (update_->trial) result.stderr_bytes = std::move(update_->trial->stderr_bytes);
  result.stdout_bytes = std::move(stdout_bytes);
  result.announce.set_outcome(outcome);
  result.announce.set_reason(core::printable(reason, link::kReasonBytesMax));
  if (outcome != wire::OUTCOME_SUCCEEDED)
    core::log(core::Level::kWarn, "agent", "not updated", {{"run", run}, {"why", reason}});
  methods_->forget(run);
  update_.reset();
  resting_ = false;
  work_done(run, std::move(result));
}

std::string Agent::own_digest() const {
  if (launch_.handover && !launch_.handover->program.empty()) return launch_.handover->program;
  return digest_of("/proc/self/exe").value_or("");
}

/// False where the update has ended here.
bool Agent::judge_and_stage(core::RunId run, const UpdateOrder& order) {
  const auto judgement =
      judge(programs_.record(), {run, order.digest, order.version, order.downgrade}, own_digest(),
            version());
  using Answer = Judgement::Answer;
  switch (judgement.answer) {
    case Answer::kTry:
      break;
    case Answer::kRunsAlready:
      end_update(run, wire::OUTCOME_SUCCEEDED, {}, told("current", version(), version()));
      return false;
    case Answer::kFailedBefore:
      end_update(run, wire::OUTCOME_FAILED,
                 "the update to " + order.version + " failed: " + judgement.why + "; " +
                     std::string(version()) + " goes on");
      return false;
    case Answer::kRefused:
      end_update(run, wire::OUTCOME_REFUSED, judgement.why);
      return false;
  }
  if (const core::Status staged = programs_.stage(order.program, order.digest); !staged) {
    end_update(run, wire::OUTCOME_REFUSED,
               order.version + " is not taken: " + staged.error().message);
    return false;
  }
  return true;
}

bool Agent::alone() const {
  return runner_.running() == 0 && methods_->preparing() == 0 && runs_.all().size() == 1 && link_ &&
         !link_over_ && link_->session().open();
}

/// Waits until nothing but the update is held, then ends the link. False: the update has
/// ended instead.
runtime::Task<bool> Agent::rest_when_alone(core::RunId run, core::MonoTime until) {
  std::size_t others = 0;
  while (!alone() && !update_->cancelled && core::mono_now() < until) {
    const std::size_t now = runs_.all().size() - 1;
    if (now > 0 && others != now) {
      runs_.progress(run, std::nullopt, "waits for other runs here: " + std::to_string(now));
      touch_link();
    }
    others = now;
    co_await changed_.wait(changed_.count(), kLook);
  }
  if (update_->cancelled) {
    end_update(run, wire::OUTCOME_CANCELLED, *update_->cancelled + "; nothing was changed");
    co_return false;
  }
  if (!alone()) {
    end_update(
        run, wire::OUTCOME_FAILED,
        std::to_string(others) + " other runs went on here all the time: nothing was changed");
    co_return false;
  }
  runs_.progress(run, std::nullopt, "the new version logs in");
  resting_ = true;
  link_->session().goodbye(wire::GOODBYE_STOPPING, "the agent's new version logs in");
  const core::MonoTime patience = core::mono_now() + kLinkEnds;
  while (linking_ && !stopping_ && core::mono_now() < patience)
    co_await changed_.wait(changed_.count(), kLook);
  co_return true;
}

Handover Agent::handover(Handover::Kind kind, core::RunId run) const {
  const link::EndpointRuns::Run* held = runs_.find(run);
  const std::string own = own_digest();
  return {.kind = kind,
          .program = {},
          .installed = launch_.handover ? launch_.handover->installed : own,
          .instance = instance_,
          .nonce = update_->nonce,
          .run = link::EndpointRuns::Remembered{run, held ? held->forget_at : core::MonoTime{}},
          .remembered = runs_.remembered(),
          .before = std::string(version())};
}

methods::Command Agent::trial_command(core::RunId run, const UpdateOrder& order) const {
  Handover tells = handover(Handover::Kind::kTrial, run);
  tells.program = order.digest;
  methods::Command command;
  command.argv = launch_.words;
  command.argv.at(0) = programs_.file(order.digest).string();
  command.stdin_bytes = to_text(tells);
  command.environment = handover_environment();
  std::error_code failed;
  command.directory = std::filesystem::current_path(failed).string();
  command.limits.timeout = std::chrono::ceil<std::chrono::milliseconds>(order.login_within);
  command.limits.output_bytes_max = kTrialOutputMax;
  return command;
}

/// Why the trial was not passed; empty where it was.
std::string Agent::judge_trial(const UpdateOrder& order) const {
  using How = methods::Completion::How;
  const methods::Completion& trial = *update_->trial;
  const std::string words = last_words(trial.stderr_bytes);
  const std::string last = words.empty() ? "" : " (its last words: " + words + ")";
  switch (trial.how) {
    case How::kExited:
      break;
    case How::kTimedOut:
      return "it did not log in within " + core::to_text(order.login_within) + last;
    default:
      return trial.reason;
  }
  if (trial.signal != 0)
    return "it was ended by signal " + std::to_string(trial.signal) + " before it had logged in" +
           last;
  if (trial.exit_code != 0 || trial.stdout_bytes != proof_of(update_->nonce) + "\n")
    return "it ended with status " + std::to_string(trial.exit_code) + " without having logged in" +
           last;
  return {};
}

/// Why it could not be become.
std::string Agent::become(core::RunId run, const UpdateOrder& order) {
  Handover tells = handover(Handover::Kind::kTake, run);
  tells.program = order.digest;
  if (const core::Status passed = programs_.trial_passed(tells.installed); !passed)
    return passed.error().message;
  const core::Error failed = go_over(programs_.file(order.digest), launch_.words, tells);
  programs_.give_up(failed.message);
  return failed.message;
}

runtime::Task<void> Agent::update(core::RunId run, UpdateOrder order) {
  core::log(core::Level::kInfo, "agent", "is ordered to update itself",
            {{"run", run}, {"from", version()}, {"to", order.version}});
  if (!judge_and_stage(run, order)) co_return;
  const core::MonoTime until =
      core::mono_now() + std::max(order.patience - order.login_within, order.patience / 2);
  if (!co_await rest_when_alone(run, until)) co_return;
  if (update_->cancelled)
    co_return end_update(run, wire::OUTCOME_CANCELLED,
                         *update_->cancelled + "; nothing was changed");
  if (const core::Status begun =
          programs_.begin_trial({.digest = order.digest, .version = order.version, .run = run});
      !begun)
    co_return end_update(run, wire::OUTCOME_FAILED,
                         "the update to " + order.version + " failed: " + begun.error().message);
  runner_.run(run, trial_command(run, order));
  while (!update_->trial && !(stopping_ && runner_.running() == 0))
    co_await changed_.wait(changed_.count(), kLook);
  // A trial that this agent's own end broke off is begun again by the next process.
  if (stopping_) co_return end_update(run, wire::OUTCOME_CANCELLED, "the agent was stopped");
  std::string why = judge_trial(order);
  const bool cancelled = update_->cancelled.has_value();
  if (why.empty()) why = become(run, order);
  programs_.trial_failed(why);
  end_update(run, cancelled ? wire::OUTCOME_CANCELLED : wire::OUTCOME_FAILED,
             "the update to " + order.version + " failed: " + why + "; " + std::string(version()) +
                 " goes on");
}

}  // namespace muster::agent
