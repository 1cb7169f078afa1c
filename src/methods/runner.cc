// SPDX-License-Identifier: Apache-2.0
#include "methods/runner.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <set>

#include "core/assert.h"
#include "core/log.h"
#include "methods/detail/execution.h"

namespace muster::methods {

Runner::Runner(runtime::Loop& loop, CommandObserver& observer,
               std::shared_ptr<runtime::SpoolFolder> spool)
    : loop_(loop),
      observer_(observer),
      spool_(std::move(spool)),
      children_(loop, {SIGCHLD}, [this](int) { children_changed(); }) {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
    core::log(core::Level::kWarn, "methods",
              "cannot adopt orphaned processes; daemons that a command leaves may escape a cancel",
              {{"error", std::strerror(errno)}});
}

Runner::~Runner() {
  *alive_ = false;
}

void Runner::run(core::RunId run, Command command) {
  MUSTER_ASSERT(!executions_.contains(run));
  // done() is never called from in here, whatever goes wrong.
  const auto fail = [&](Completion::How how, int exit_code, std::string reason) {
    Completion completion;
    completion.how = how;
    completion.exit_code = exit_code;
    completion.reason = std::move(reason);
    loop_.post([this, alive = alive_, run, completion = std::move(completion)]() mutable {
      if (*alive) observer_.command_done(run, std::move(completion));
    });
  };
  core::Result<detail::Plan> plan = detail::make_plan(run, command);
  if (!plan) return fail(Completion::How::kRefused, 0, std::move(plan.error().message));
  auto spawned = detail::spawn(*plan);
  close(plan->stdin_fd);
  if (!spawned)
    return fail(spawned.error().refused ? Completion::How::kRefused : Completion::How::kNotStarted,
                spawned.error().exit_code, std::move(spawned.error().reason));
  auto execution = std::make_shared<detail::Execution>(*this, loop_, run, command.limits);
  executions_.emplace(run, execution);
  execution->start(*spawned);
  observer_.command_started(run);
}

void Runner::tell(core::RunId run, std::string_view bytes) {
  if (const auto found = executions_.find(run); found != executions_.end())
    found->second->tell(bytes);
}

void Runner::cancel(core::RunId run, std::string_view reason) {
  const auto found = executions_.find(run);
  if (found == executions_.end()) return;
  const std::shared_ptr<detail::Execution> execution = found->second;
  execution->kill(Completion::How::kCancelled, std::string(reason));
}

void Runner::cancel_all(std::string_view reason) {
  const auto all = executions_;
  for (const auto& [run, execution] : all)
    execution->kill(Completion::How::kCancelled, std::string(reason));
}

void Runner::kill_all() {
  for (const auto& [run, execution] : executions_) execution->kill_now();
}

void Runner::children_changed() {
  const auto all = executions_;
  for (const auto& [run, execution] : all) execution->look();
  reap_adopted();
}

// Everything but the first processes of our runs, whose numbers we still need.
void Runner::reap_adopted() {
  if (executions_.empty()) {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    return;
  }
  std::set<pid_t> ours;
  for (const auto& [run, execution] : executions_) ours.insert(execution->pid());
  const std::string self = std::to_string(getpid());
  std::ifstream children("/proc/" + self + "/task/" + self + "/children");
  for (pid_t pid = 0; children >> pid;)
    if (!ours.contains(pid)) waitpid(pid, nullptr, WNOHANG);
}

void Runner::ended(core::RunId run, Completion completion) {
  executions_.erase(run);
  reap_adopted();
  observer_.command_done(run, std::move(completion));
}

}  // namespace muster::methods
