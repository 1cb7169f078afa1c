// SPDX-License-Identifier: Apache-2.0
#include "cli/local_agent.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "core/log.h"
#include "identity/certificate.h"
#include "runtime/file.h"
#include "runtime/signal.h"
#include "runtime/watch.h"

namespace muster::cli {
namespace {

using namespace std::chrono_literals;
using core::Code;
using core::fail;

/// More than an agent takes that waits for a command, kills it and says goodbye: killed
/// before, it would leave the command behind.
constexpr core::Duration kStopPatience = 25s;
constexpr core::Duration kForever = 24h * 365;
constexpr core::Duration kRestartFirst = 500ms;
constexpr core::Duration kRestartLast = 30s;

}  // namespace

LocalAgent::LocalAgent(runtime::Loop& loop, std::filesystem::path program,
                       std::filesystem::path state)
    : loop_(loop), program_(std::move(program)), state_(std::move(state)) {}

core::Result<std::filesystem::path> LocalAgent::find_program() {
  std::error_code failed;
  const auto own = std::filesystem::read_symlink("/proc/self/exe", failed);
  const auto beside = own.parent_path() / "muster-agent";
  if (!failed && access(beside.c_str(), X_OK) == 0) return beside;
  std::string_view rest = std::getenv("PATH") ? std::getenv("PATH") : "";
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const auto candidate = std::filesystem::path(rest.substr(0, end)) / "muster-agent";
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return fail(Code::kNotFound,
              "there is no muster-agent beside this program or in PATH; install "
              "it, or start without a local agent (--no-agent)");
}

bool LocalAgent::enrolled() const {
  return std::filesystem::exists(state_ / "agent" / "agent.pem");
}

core::Result<core::EndpointId> LocalAgent::endpoint() const {
  constexpr std::size_t kCertificateBytesMax = 64 * 1024;
  MUSTER_ASSIGN(const std::string pem,
                runtime::read_file(state_ / "agent" / "agent.pem", kCertificateBytesMax));
  MUSTER_ASSIGN(const auto certificate, identity::Certificate::from_pem(pem));
  MUSTER_ASSIGN(const auto identity, identity::peer_identity(certificate));
  return identity.endpoint;
}

core::Result<pid_t> LocalAgent::start(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), program_.string());
  // A file of this machine's own agent, which belongs to some other region, is none of ours.
  arguments.insert(arguments.end(), {"--state", state_.string(), "--config", "/dev/null"});
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) return core::fail_errno(errno, "starting " + program_.string());
  if (child == 0) {
    // Its own group, so that Ctrl-C in the terminal is ours to pass on; and it never
    // outlives us unattended.
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(1);
    execv(program_.c_str(), argv.data());
    _exit(127);
  }
  return child;
}

runtime::Task<core::Status> LocalAgent::enrol(std::string server, std::string token) {
  MUSTER_CO_ASSIGN(const pid_t child,
                   start({"enrol", "--server", std::move(server), "--token", std::move(token)}));
  const auto status = co_await ended(child, kForever);
  if (!status) co_return fail(Code::kCancelled, "stopping");
  if (*status != 0)
    co_return fail(Code::kUnavailable, "the local agent could not enrol; its reason stands above");
  co_return core::Status{};
}

runtime::Task<std::optional<int>> LocalAgent::ended(pid_t child, core::Duration at_most) {
  const int descriptor = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
  runtime::Signal signal;
  bool readable = descriptor < 0;
  std::optional<runtime::ReadWatch> watch;
  if (descriptor >= 0)
    watch.emplace(loop_, descriptor, [&] {
      readable = true;
      watch.reset();  // it stays readable: once is enough
      signal.notify();
    });
  if (!readable) co_await signal.wait(0, at_most);
  if (!readable) co_return std::nullopt;
  int status = 0;
  if (waitpid(child, &status, 0) != child) co_return 128;
  co_return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

runtime::Task<void> LocalAgent::keep_running(std::string server) {
  core::Duration pause = kRestartFirst;
  while (!stopping_) {
    const auto child = start({"run", "--server", server});
    if (!child) {
      core::log(core::Level::kError, "up", child.error().message);
      co_return;
    }
    running_ = *child;
    const auto started = core::mono_now();
    const auto status = co_await ended(*child, kForever);
    if (!status) co_return;  // cancelled; stop() sees to the agent
    running_ = -1;
    if (stopping_) co_return;
    if (core::mono_now() - started > 1min) pause = kRestartFirst;
    core::log(core::Level::kWarn, "up", "the local agent ended; starting it again",
              {{"status", *status}, {"in", core::to_text(pause)}});
    if (!co_await runtime::sleep_for(pause)) co_return;
    pause = std::min<core::Duration>(pause * 2, kRestartLast);
  }
}

runtime::Task<void> LocalAgent::stop() {
  stopping_ = true;
  if (running_ < 0) co_return;
  const pid_t child = std::exchange(running_, -1);
  kill(child, SIGTERM);
  if (co_await ended(child, kStopPatience)) co_return;
  kill(child, SIGKILL);
  co_await ended(child, kStopPatience);
}

}  // namespace muster::cli
