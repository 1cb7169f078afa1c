// SPDX-License-Identifier: Apache-2.0
#include "agent/work.h"

#include "core/bytes.h"
#include "link/limits.h"

namespace muster::agent {
namespace {

wire::Outcome outcome_of(const methods::Completion& completion) {
  using How = methods::Completion::How;
  switch (completion.how) {
    case How::kExited:
      return completion.exit_code == 0 && completion.signal == 0 ? wire::OUTCOME_SUCCEEDED
                                                                 : wire::OUTCOME_FAILED;
    case How::kNotStarted:
      return wire::OUTCOME_FAILED;
    case How::kRefused:
      return wire::OUTCOME_REFUSED;
    case How::kTimedOut:
      return wire::OUTCOME_TIMED_OUT;
    case How::kCancelled:
      return wire::OUTCOME_CANCELLED;
  }
  return wire::OUTCOME_FAILED;
}

}  // namespace

methods::CommandLimits limits_of(const wire::Limits& limits) {
  return {.timeout = std::chrono::milliseconds(limits.timeout_ms()),
          .memory_bytes = limits.memory_bytes(),
          .output_bytes_max = limits.output_bytes_max(),
          .open_files_max = limits.open_files_max(),
          .file_bytes_max = limits.file_bytes_max()};
}

methods::Command command_of(const wire::Invoke& invoke) {
  const wire::Command& from = invoke.command();
  methods::Command command;
  command.argv.assign(from.argv().begin(), from.argv().end());
  command.stdin_bytes = from.stdin();
  command.environment.assign(from.environment().begin(), from.environment().end());
  command.user = from.user();
  command.directory = from.directory();
  command.limits = limits_of(invoke.limits());
  return command;
}

link::RunResult result_of(methods::Completion completion) {
  link::RunResult result;
  wire::Announce& announce = result.announce;
  announce.set_outcome(outcome_of(completion));
  announce.set_exit_code(completion.exit_code);
  announce.set_signal(static_cast<std::uint32_t>(completion.signal));
  announce.set_reason(core::printable(completion.reason, link::kReasonBytesMax));
  announce.set_stdout_bytes_cut(completion.stdout_bytes_cut);
  announce.set_stderr_bytes_cut(completion.stderr_bytes_cut);
  announce.set_duration_ms(static_cast<std::uint32_t>(completion.duration.count()));
  result.stdout_bytes = std::move(completion.stdout_bytes);
  result.stderr_bytes = std::move(completion.stderr_bytes);
  result.stdout_source = std::move(completion.stdout_source);
  result.stderr_source = std::move(completion.stderr_source);
  return result;
}

}  // namespace muster::agent
