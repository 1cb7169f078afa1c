// SPDX-License-Identifier: Apache-2.0
#include "installer/steps.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace muster::installer {
namespace {

using core::Code;
using core::fail;

/// The channel between a method and its agent is not the step's.
constexpr int kChannel = 8;

core::Result<pid_t> start(const std::string& program, const std::vector<std::string>& environment) {
  std::vector<char*> variables;
  for (const std::string& variable : environment)
    variables.push_back(const_cast<char*>(variable.c_str()));
  variables.push_back(nullptr);
  char* const arguments[] = {const_cast<char*>(program.c_str()), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", 0, 0);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, kChannel);
  pid_t process = 0;
  const int failed =
      ::posix_spawn(&process, program.c_str(), &actions, nullptr, arguments, variables.data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return core::fail_errno(failed, "starting the step " + program);
  return process;
}

}  // namespace

core::Status run_program(const std::filesystem::path& program,
                         const std::vector<std::string>& environment,
                         const std::function<bool()>& stopped) {
  MUSTER_ASSIGN(const pid_t process, start(program.string(), environment));
  int status = 0;
  bool killed = false;
  while (::waitpid(process, &status, 0) < 0) {
    if (errno != EINTR) return core::fail_errno(errno, "waiting for " + program.string());
    if (stopped() && !killed) killed = ::kill(process, SIGKILL) == 0;
  }
  const std::string name = "the step " + program.filename().string();
  if (killed) return fail(Code::kCancelled, name + " was stopped");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(
      Code::kConflict,
      name + (WIFEXITED(status) ? " ended with " + std::to_string(WEXITSTATUS(status))
                                : " was ended by signal " + std::to_string(WTERMSIG(status))));
}

}  // namespace muster::installer
