// SPDX-License-Identifier: Apache-2.0
#include "methods/detail/execution.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/log.h"
#include "methods/detail/process_tree.h"
#include "methods/runner.h"
#include "wire/limits.h"

namespace muster::methods::detail {
namespace {

constexpr std::chrono::milliseconds kSweepEvery{20};
constexpr std::chrono::seconds kGiveUpAfter{10};
/// Reads of one pipe in a row before others get their turn.
constexpr int kReadsInARow = 16;

// One for all: only the loop's thread reads, and never two at a time.
std::array<char, 64 * 1024>& read_buffer() {
  static std::array<char, 64 * 1024> buffer;
  return buffer;
}

}  // namespace

Execution::Execution(Runner& runner, runtime::Loop& loop, core::RunId run,
                     const CommandLimits& limits)
    : runner_(runner),
      loop_(loop),
      run_(run),
      output_bytes_max_(limits.output_bytes_max > 0 ? limits.output_bytes_max
                                                    : wire::kOutputBytesDefault),
      timeout_(limits.timeout.count() > 0 ? limits.timeout : wire::kTimeoutDefault),
      mark_("MUSTER_RUN=" + run.str()),
      timer_(loop) {}

Execution::~Execution() {
  if (pid_ <= 0) return;
  kill_now();
  waitpid(pid_, nullptr, 0);
}

void Execution::start(const Spawned& spawned) {
  pid_ = spawned.pid;
  started_at_ = core::mono_now();
  out_[0].watch = std::make_unique<runtime::ReadWatch>(loop_, spawned.stdout_fd,
                                                       [this] { readable(Stream::kStdout); });
  out_[1].watch = std::make_unique<runtime::ReadWatch>(loop_, spawned.stderr_fd,
                                                       [this] { readable(Stream::kStderr); });
  for (Output& output : out_) output.spool = std::make_shared<runtime::Spool>(runner_.spool_);
  if (spawned.channel_fd >= 0)
    channel_ = std::make_unique<runtime::ReadWatch>(loop_, spawned.channel_fd, [this] { hear(); });
  timer_.start(timeout_, [this] {
    kill(Completion::How::kTimedOut, "not finished within " + core::to_text(timeout_));
  });
}

void Execution::readable(Stream stream) {
  const auto alive = shared_from_this();
  if (!drain(stream)) out_[static_cast<int>(stream)].watch.reset();
  maybe_done();
}

// Reads what is there; false at the end of the stream.
bool Execution::drain(Stream stream) {
  Output& output = out_[static_cast<int>(stream)];
  auto& buffer = read_buffer();
  for (int i = 0; i < kReadsInARow && output.watch; ++i) {
    const ssize_t count = read(output.watch->descriptor(), buffer.data(), buffer.size());
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    if (count == 0) return false;
    const auto size = static_cast<std::size_t>(count);
    const std::uint64_t offset = output.spool->size();
    const std::size_t room = std::min<std::size_t>(size, output_bytes_max_ - offset);
    const std::size_t kept = room > 0 ? output.spool->append({buffer.data(), room}) : 0;
    output.cut += size - kept;
    if (kept == 0) continue;
    runner_.observer_.command_output(run_, stream, offset, {buffer.data(), kept});
  }
  return true;
}

// The channel. It never decides when a run ends.
void Execution::hear() {
  const auto alive = shared_from_this();
  auto& buffer = read_buffer();
  for (int i = 0; i < kReadsInARow && channel_; ++i) {
    const ssize_t count = recv(channel_->descriptor(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) return channel_.reset();  // all who had it have closed it
    runner_.observer_.command_channel(run_, {buffer.data(), static_cast<std::size_t>(count)});
  }
}

void Execution::tell(std::string_view bytes) {
  if (!channel_) return;
  const ssize_t count =
      send(channel_->descriptor(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  // A part of a line is of no use to anybody: whoever does not read gets the end.
  if (count != static_cast<ssize_t>(bytes.size())) shutdown(channel_->descriptor(), SHUT_WR);
}

void Execution::look() {
  if (ended_ || over_) return;
  siginfo_t info{};
  if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
      info.si_pid != pid_)
    return;
  ended_ = true;
  channel_.reset();
  if (killing_) return sweep();
  if (info.si_code == CLD_EXITED)
    completion_.exit_code = info.si_status;
  else
    completion_.signal = info.si_status;
  if (completion_.signal != 0)
    completion_.reason = "ended by signal " + std::to_string(completion_.signal);
  process_ended();
}

// Its output is read to the end, but background processes that hold it open are not
// waited for.
void Execution::process_ended() {
  const auto alive = shared_from_this();
  timer_.start(kDrainGrace, [this] {
    for (Output& output : out_) output.watch.reset();
    maybe_done();
  });
  for (const Stream stream : {Stream::kStdout, Stream::kStderr})
    if (!drain(stream)) out_[static_cast<int>(stream)].watch.reset();
  maybe_done();
}

void Execution::maybe_done() {
  const auto alive = shared_from_this();
  if (ended_ && !killing_ && !out_[0].watch && !out_[1].watch) finish();
}

void Execution::kill(Completion::How how, std::string reason) {
  if (killing_ || over_ || ended_) return;
  killing_ = true;
  completion_.how = how;
  completion_.reason = std::move(reason);
  kill_at_ = core::mono_now() + kKillGrace;
  give_up_at_ = kill_at_ + kGiveUpAfter;
  ask_to_end();
  timer_.start(kSweepEvery, [this] { sweep(); });
}

void Execution::kill_now() {
  for (int round = 0; round < 20; ++round) {
    const auto pids = tree_of(pid_, mark_);
    if (pids.empty()) return;
    for (const pid_t pid : pids) ::kill(pid, SIGKILL);
  }
}

// SIGTERM once to each process of the tree, also to those that came since the last
// look. False: none is left.
bool Execution::ask_to_end() {
  const auto pids = tree_of(pid_, mark_);
  for (const pid_t pid : pids) {
    if (!asked_.insert(pid).second) continue;
    ::kill(pid, SIGTERM);
    ::kill(pid, SIGCONT);
  }
  return !pids.empty();
}

void Execution::sweep() {
  if (over_) return;
  const auto alive = shared_from_this();
  const core::MonoTime now = core::mono_now();
  const bool left = ask_to_end();
  if (left && now >= kill_at_) kill_now();
  if (left && now >= give_up_at_) {
    completion_.reason += "; some of its processes could not be killed";
  } else if (left || !ended_) {
    const auto elapsed = now - (kill_at_ - kKillGrace);
    timer_.start(std::clamp<core::Duration>(elapsed / 4, kSweepEvery, kSweepEvery * 10),
                 [this] { sweep(); });
    return;
  }
  for (const Stream stream : {Stream::kStdout, Stream::kStderr})
    if (out_[static_cast<int>(stream)].watch) drain(stream);
  finish();
}

void Execution::keep(Output& output, std::string& bytes,
                     std::shared_ptr<const core::ByteSource>& source) {
  if (!output.spool->trouble().empty()) {
    if (!completion_.reason.empty()) completion_.reason += "; ";
    completion_.reason += "its output was cut: " + output.spool->trouble();
  }
  if (output.spool->in_memory())
    bytes = output.spool->take();
  else
    source = std::move(output.spool);
}

void Execution::finish() {
  if (std::exchange(over_, true)) return;
  timer_.cancel();
  completion_.duration =
      std::chrono::duration_cast<std::chrono::milliseconds>(core::mono_now() - started_at_);
  for (Output& output : out_) output.watch.reset();
  channel_.reset();
  keep(out_[0], completion_.stdout_bytes, completion_.stdout_source);
  keep(out_[1], completion_.stderr_bytes, completion_.stderr_source);
  completion_.stdout_bytes_cut = out_[0].cut;
  completion_.stderr_bytes_cut = out_[1].cut;
  if (ended_) {
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  runner_.ended(run_, std::move(completion_));
}

}  // namespace muster::methods::detail
