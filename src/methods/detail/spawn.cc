// SPDX-License-Identifier: Apache-2.0
#include "methods/detail/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace muster::methods::detail {
namespace {

enum class Stage { kSession, kStdio, kLimits, kUser, kDirectory, kExec };

// Shared with the child, which runs on our memory until it executes.
struct Report {
  Stage stage = Stage::kSession;
  int error = 0;
};

struct ChildInput {
  const Plan& plan;
  const std::vector<const char*>& programs;
  const std::vector<char*>& argv;
  const std::vector<char*>& environment;
  int out_fd;
  int err_fd;
  int channel_fd;  // -1: none
  const sigset_t& mask;
};

bool limit(__rlimit_resource resource, std::uint64_t value) {
  const rlimit both{value, value};
  return setrlimit(resource, &both) == 0;
}

bool apply_limits(const CommandLimits& limits) {
  return limit(RLIMIT_CORE, 0) &&
         (limits.memory_bytes == 0 || limit(RLIMIT_AS, limits.memory_bytes)) &&
         (limits.open_files_max == 0 || limit(RLIMIT_NOFILE, limits.open_files_max)) &&
         (limits.file_bytes_max == 0 || limit(RLIMIT_FSIZE, limits.file_bytes_max));
}

// The system calls themselves: the C library would change the threads of the parent.
bool become(const Plan& plan) {
  return syscall(SYS_setgroups, plan.groups.size(), plan.groups.data()) == 0 &&
         syscall(SYS_setresgid, plan.gid, plan.gid, plan.gid) == 0 &&
         syscall(SYS_setresuid, plan.uid, plan.uid, plan.uid) == 0;
}

// In the child, on the parent's memory: system calls only, no allocation, no return.
[[noreturn]] void child(const ChildInput& in, volatile Report& report) {
  const auto stop = [&](Stage stage) {
    report.error = errno;
    report.stage = stage;
    _exit(127);
  };
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) sigaction(number, &standard, nullptr);
  if (setsid() < 0) stop(Stage::kSession);
  // 0, 1 and 2 are open in the parent, so none of ours is among them.
  if (dup2(in.plan.stdin_fd, 0) < 0 || dup2(in.out_fd, 1) < 0 || dup2(in.err_fd, 2) < 0)
    stop(Stage::kStdio);
  unsigned first_to_close = 3;
  if (in.channel_fd >= 0) {
    constexpr unsigned kChannel = kChannelDescriptor;
    if (dup2(in.channel_fd, kChannelDescriptor) < 0 || fcntl(kChannelDescriptor, F_SETFD, 0) != 0 ||
        syscall(SYS_close_range, 3U, kChannel - 1, 0U) != 0)
      stop(Stage::kStdio);
    first_to_close = kChannel + 1;
  }
  if (syscall(SYS_close_range, first_to_close, ~0U, 0U) != 0) stop(Stage::kStdio);
  if (!apply_limits(in.plan.limits)) stop(Stage::kLimits);
  if (in.plan.switch_user && !become(in.plan)) stop(Stage::kUser);
  if (chdir(in.plan.directory.c_str()) != 0 && (in.plan.directory_required || chdir("/") != 0))
    stop(Stage::kDirectory);
  umask(022);
  sigprocmask(SIG_SETMASK, &in.mask, nullptr);
  int error = ENOENT;
  for (const char* program : in.programs) {
    execve(program, in.argv.data(), in.environment.data());
    if (errno != ENOENT && errno != ENOTDIR) error = errno;
    if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) break;
  }
  errno = error;
  stop(Stage::kExec);
  __builtin_unreachable();
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

SpawnFailure explain(const Plan& plan, const Report& report) {
  const std::string why = std::strerror(report.error);
  switch (report.stage) {
    case Stage::kLimits:
      return {true, 0, "a limit could not be applied: " + why};
    case Stage::kUser:
      return {true, 0, "the user could not be changed: " + why};
    case Stage::kDirectory:
      return {true, 0, "cannot enter the directory " + plan.directory + ": " + why};
    case Stage::kExec:
      if (report.error == ENOENT) return {false, 127, "command not found: " + plan.argv[0]};
      return {false, 126, "cannot execute " + plan.argv[0] + ": " + why};
    default:
      return {true, 0, "the process could not be prepared: " + why};
  }
}

[[gnu::noinline]] pid_t fork_child(const ChildInput& input, volatile Report& report) {
  const pid_t pid = vfork();
  if (pid == 0) child(input, report);
  return pid;
}

// The parent's and the child's ends of what connects them, closed unless released.
class Ends {
 public:
  Ends() = default;
  ~Ends() {
    for (const int fd : fds_)
      if (fd >= 0) close(fd);
  }
  Ends(const Ends&) = delete;
  Ends& operator=(const Ends&) = delete;

  int open_pipes(bool channel) {  // errno; 0: done
    const bool opened =
        pipe2(&fds_[0], O_CLOEXEC) == 0 && pipe2(&fds_[2], O_CLOEXEC) == 0 &&
        (!channel || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, &fds_[4]) == 0);
    return opened ? 0 : errno;
  }
  int out() const { return fds_[1]; }
  int err() const { return fds_[3]; }
  int channel() const { return fds_[5]; }
  Spawned release(pid_t pid) {
    fcntl(fds_[0], F_SETFL, O_NONBLOCK);
    fcntl(fds_[2], F_SETFL, O_NONBLOCK);
    return {pid, std::exchange(fds_[0], -1), std::exchange(fds_[2], -1),
            std::exchange(fds_[4], -1)};
  }

 private:
  int fds_[6] = {-1, -1, -1, -1, -1, -1};
};

}  // namespace

std::expected<Spawned, SpawnFailure> spawn(Plan& plan) {
  Ends ends;
  if (const int error = ends.open_pipes(plan.channel); error != 0)
    return std::unexpected(SpawnFailure{true, 0, std::string("no pipe: ") + std::strerror(error)});
  std::vector<const char*> programs;
  for (const std::string& program : plan.programs) programs.push_back(program.c_str());
  const std::vector<char*> argv = pointers(plan.argv);
  const std::vector<char*> environment = pointers(plan.environment);

  // No handler of ours may run in the child.
  sigset_t all, mask;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &mask);
  sigset_t clear;
  sigemptyset(&clear);
  volatile Report report{};
  const pid_t pid = fork_child(
      {plan, programs, argv, environment, ends.out(), ends.err(), ends.channel(), clear}, report);
  const int fork_error = errno;
  pthread_sigmask(SIG_SETMASK, &mask, nullptr);

  const Report said{report.stage, report.error};
  if (pid > 0 && said.error == 0) return ends.release(pid);
  if (pid < 0)
    return std::unexpected(
        SpawnFailure{true, 0, std::string("no process: ") + std::strerror(fork_error)});
  waitpid(pid, nullptr, 0);  // it has exited already
  return std::unexpected(explain(plan, said));
}

}  // namespace muster::methods::detail
