// SPDX-License-Identifier: Apache-2.0
#include "cli/remote_shell.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "runtime/descriptor.h"

namespace muster::cli {
namespace {

using runtime::Descriptor;

/// One process: its input goes in and its output comes out as the pipes take it.
struct Running {
  std::size_t index = 0;
  pid_t pid = -1;
  Descriptor in, out;
  std::string input;
  std::size_t written = 0;
  RemoteResult result;
  core::MonoTime deadline{};
};

bool start(const RemoteJob& job, Running& running) {
  int in[2], out[2];
  if (job.argv.empty() || ::pipe2(in, O_CLOEXEC) != 0) return false;
  Descriptor in_read(in[0]), in_write(in[1]);
  if (::pipe2(out, O_CLOEXEC) != 0) return false;
  Descriptor out_read(out[0]), out_write(out[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_adddup2(&actions, out[1], 2);
  std::vector<std::string> words = job.argv;
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t pipe;  // ignored here, not there
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &pipe);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  const int failed =
      posix_spawnp(&running.pid, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) {
    running.result.status = 127;
    running.result.output = words[0] + " cannot be started; is it installed?";
    return false;
  }
  ::fcntl(in_write.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(out_read.get(), F_SETFL, O_NONBLOCK);
  running.in = std::move(in_write);
  running.out = std::move(out_read);
  running.input = job.input;
  return true;
}

void write_some(Running& running) {
  while (running.written < running.input.size()) {
    const ssize_t wrote = ::write(running.in.get(), running.input.data() + running.written,
                                  running.input.size() - running.written);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && errno == EAGAIN) return;
    if (wrote < 0) break;  // it reads no more
    running.written += static_cast<std::size_t>(wrote);
  }
  running.in = Descriptor();
}

/// False at the end of the output.
bool read_some(Running& running) {
  char block[16 * 1024];
  for (;;) {
    const ssize_t got = ::read(running.out.get(), block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return true;
    if (got <= 0) return false;
    std::string& kept = running.result.output;
    kept.append(block, static_cast<std::size_t>(got));
    if (kept.size() > kRemoteOutputBytesMax) kept.erase(0, kept.size() - kRemoteOutputBytesMax);
  }
}

void reap(Running& running) {
  int status = 0;
  while (::waitpid(running.pid, &status, 0) < 0 && errno == EINTR) {
  }
  running.result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int wait_ms(const std::vector<Running>& all) {
  core::MonoTime first = all.front().deadline;
  for (const Running& each : all) first = std::min(first, each.deadline);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(first - core::mono_now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

/// Waits until one of them has something to say or is late; moves bytes. Those that ended are
/// told and taken out.
void turn(std::vector<Running>& all, const std::function<void(std::size_t, RemoteResult)>& done) {
  std::vector<pollfd> watched;
  for (const Running& each : all) {
    watched.push_back({each.out.get(), POLLIN, 0});
    watched.push_back({each.in ? each.in.get() : -1, POLLOUT, 0});
  }
  ::poll(watched.data(), watched.size(), wait_ms(all));
  for (std::size_t i = all.size(); i-- > 0;) {
    Running& each = all[i];
    if (watched[2 * i + 1].revents != 0) write_some(each);
    bool ended = watched[2 * i].revents != 0 && !read_some(each);
    if (!ended && core::mono_now() >= each.deadline) {
      each.result.in_time = false;
      ::kill(each.pid, SIGKILL);
      ended = true;
    }
    if (!ended) continue;
    reap(each);
    done(each.index, std::move(each.result));
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

}  // namespace

void run_remote(std::size_t count, std::size_t parallel, core::Duration at_most,
                const std::function<RemoteJob(std::size_t index)>& next,
                const std::function<void(std::size_t index, RemoteResult result)>& done) {
  struct sigaction ignore{}, before{};
  ignore.sa_handler = SIG_IGN;  // a machine that hangs up is a result, not our end
  ::sigaction(SIGPIPE, &ignore, &before);
  std::vector<Running> all;
  for (std::size_t index = 0; index < count || !all.empty();) {
    if (index < count && all.size() < std::max<std::size_t>(parallel, 1)) {
      Running running;
      running.index = index;
      running.deadline = core::mono_now() + at_most;
      if (start(next(index), running))
        all.push_back(std::move(running));
      else
        done(index, std::move(running.result));
      ++index;
      continue;
    }
    turn(all, done);
  }
  ::sigaction(SIGPIPE, &before, nullptr);
}

}  // namespace muster::cli
