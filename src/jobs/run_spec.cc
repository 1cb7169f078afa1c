// SPDX-License-Identifier: Apache-2.0
#include "jobs/run_spec.h"

#include <algorithm>

#include "core/bytes.h"

namespace muster::jobs {
namespace {

using core::Code;
using std::chrono::milliseconds;

core::Status check_size(std::string_view field, std::size_t size, std::size_t max) {
  if (size <= max) return {};
  return core::fail(Code::kLimit, std::string(field) + " has " + std::to_string(size) + " bytes, " +
                                      std::to_string(max) + " are allowed");
}

/// What execve cannot carry, or what is shown as text and is none.
core::Status check_text(std::string_view field, std::string_view text, std::size_t max) {
  MUSTER_TRY(check_size(field, text.size(), max));
  if (text.find('\0') != text.npos)
    return core::fail(Code::kInvalid, std::string(field) + " contains a zero byte");
  if (!core::is_utf8(text))
    return core::fail(Code::kInvalid, std::string(field) + " is not valid UTF-8");
  return {};
}

core::Status check_range(std::string_view field, std::uint64_t value, std::uint64_t min,
                         std::uint64_t max) {
  if (value == 0 || (value >= min && value <= max)) return {};
  return core::fail(Code::kInvalid, std::string(field) + " must be between " + std::to_string(min) +
                                        " and " + std::to_string(max) + " (0: the default), not " +
                                        std::to_string(value));
}

core::Status check_limits(const wire::Limits& limits) {
  MUSTER_TRY(check_range("limits.timeout_ms", limits.timeout_ms(), 1,
                         static_cast<std::uint64_t>(wire::kTimeoutCeiling.count())));
  MUSTER_TRY(
      check_range("limits.memory_bytes", limits.memory_bytes(), kMemoryBytesFloor, 1ULL << 50));
  MUSTER_TRY(check_range("limits.output_bytes_max", limits.output_bytes_max(), 1,
                         wire::kOutputBytesCeiling));
  MUSTER_TRY(check_range("limits.open_files_max", limits.open_files_max(), 16, kOpenFilesCeiling));
  return check_range("limits.file_bytes_max", limits.file_bytes_max(), 1, 1ULL << 50);
}

core::Status fill_command(const RunSpec& spec, wire::Command& command) {
  if (spec.argv.empty() == spec.shell.empty())
    return core::fail(Code::kInvalid,
                      "a command needs either argv (a program and its arguments) or shell "
                      "(a line for /bin/sh)");
  if (spec.argv.size() > kArgumentsMax)
    return core::fail(Code::kLimit, "argv has " + std::to_string(spec.argv.size()) +
                                        " arguments, " + std::to_string(kArgumentsMax) +
                                        " are allowed");
  if (!spec.argv.empty() && spec.argv.front().empty())
    return core::fail(Code::kInvalid, "argv[0], the program, is empty");
  if (spec.environment.size() > kEnvironmentMax)
    return core::fail(Code::kLimit, "environment has " + std::to_string(spec.environment.size()) +
                                        " entries, " + std::to_string(kEnvironmentMax) +
                                        " are allowed");
  for (const auto& argument : spec.argv) {
    MUSTER_TRY(check_text("an argument", argument, wire::kCommandBytesMax));
    command.add_argv(argument);
  }
  if (!spec.shell.empty()) {
    MUSTER_TRY(check_text("shell", spec.shell, wire::kCommandBytesMax));
    for (const char* argument : {"/bin/sh", "-c"}) command.add_argv(argument);
    command.add_argv(spec.shell);
  }
  for (const auto& entry : spec.environment) {
    MUSTER_TRY(check_text("environment", entry, wire::kCommandBytesMax));
    const auto equals = entry.find('=');
    if (equals == 0 || equals == entry.npos)
      return core::fail(Code::kInvalid, "environment entries are NAME=value, not '" +
                                            core::printable(entry, 64) + "'");
    command.add_environment(entry);
  }
  MUSTER_TRY(check_text("user", spec.user, kUserBytesMax));
  MUSTER_TRY(check_text("directory", spec.directory, kDirectoryBytesMax));
  if (!spec.directory.empty() && spec.directory.front() != '/')
    return core::fail(Code::kInvalid, "directory must be an absolute path");
  command.set_stdin(spec.standard_input);
  command.set_user(spec.user);
  command.set_directory(spec.directory);
  return check_size("the command (arguments, standard input and environment together)",
                    command.ByteSizeLong(), wire::kCommandBytesMax);
}

core::Status fill_method(const RunSpec& spec, Run& run) {
  if (spec.method.invoke.digest().size() != 32)
    return core::fail(Code::kInvalid, "the run names no method");
  MUSTER_TRY(check_text("user", spec.user, kUserBytesMax));
  run.method = spec.method.label;
  wire::Method& method = *run.invoke.mutable_method();
  method = spec.method.invoke;
  method.set_user(spec.user);
  return check_size("the method's order, which is its arguments above all,", method.ByteSizeLong(),
                    wire::kCommandBytesMax);
}

}  // namespace

core::Result<Run> make_run(const RunSpec& spec, core::WallTime now, std::uint64_t random) {
  MUSTER_TRY(check_text("description", spec.description, kDescriptionBytesMax));
  MUSTER_TRY(check_limits(spec.limits));
  if (spec.queue_for < milliseconds::zero() || spec.queue_for > kQueueForCeiling)
    return core::fail(Code::kInvalid, "queue_for_ms must be between 0 and " +
                                          std::to_string(kQueueForCeiling.count()) +
                                          " (30 days), not " +
                                          std::to_string(spec.queue_for.count()));
  if (spec.rollout) MUSTER_TRY(check_plan(*spec.rollout));
  Run run;
  run.idempotent = spec.idempotent;
  run.id = core::RunId::make(core::unix_ms(now), random);
  run.kind = spec.kind;
  run.shell = spec.shell;
  run.selector = spec.selector;
  run.description = spec.description;
  run.created_by = spec.created_by;
  run.chain = spec.chain;
  run.created_at = now;
  if (spec.queue_for > milliseconds::zero()) run.queue_until = now + spec.queue_for;
  wire::Invoke& invoke = run.invoke;
  invoke.set_run(run.id.value());
  invoke.set_expires_in_ms(static_cast<std::uint32_t>(kStartWithin.count()));
  *invoke.mutable_limits() = spec.limits;
  if (spec.kind == RunKind::kPing) {
    if (!spec.argv.empty() || !spec.shell.empty())
      return core::fail(Code::kInvalid, "a ping has no command");
    invoke.mutable_ping();
    invoke.mutable_limits()->set_timeout_ms(static_cast<std::uint32_t>(kPingTimeout.count()));
    return run;
  }
  invoke.set_live_output(spec.live_output);
  auto& limits = *invoke.mutable_limits();
  if (limits.timeout_ms() == 0)
    limits.set_timeout_ms(static_cast<std::uint32_t>(wire::kTimeoutDefault.count()));
  if (limits.output_bytes_max() == 0) limits.set_output_bytes_max(wire::kOutputBytesDefault);
  MUSTER_TRY(spec.kind == RunKind::kMethod ? fill_method(spec, run)
                                           : fill_command(spec, *invoke.mutable_command()));
  return run;
}

core::Duration answer_within(const Run& run) {
  const milliseconds timeout(run.invoke.limits().timeout_ms());
  const milliseconds start_within(run.invoke.expires_in_ms());
  switch (run.kind) {
    case RunKind::kPing:  // starts nothing that could wait
      return timeout;
    case RunKind::kCommand:
      break;
    case RunKind::kMethod:  // may be fetched for as long as it may run
      return start_within + 2 * timeout;
  }
  return start_within + timeout;
}

}  // namespace muster::jobs
