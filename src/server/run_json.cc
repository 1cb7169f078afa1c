// SPDX-License-Identifier: Apache-2.0
#include "server/run_json.h"

#include "core/bytes.h"
#include "methods/task_result.h"
#include "server/json.h"
#include "server/rollout_json.h"

namespace muster::server {
namespace {

json::object command_json(const jobs::Run& run) {
  const wire::Command& command = run.invoke.command();
  json::object object;
  if (!run.shell.empty()) {
    object["shell"] = run.shell;
  } else {
    json::array argv;
    for (const auto& word : command.argv()) argv.emplace_back(word);
    object["argv"] = std::move(argv);
  }
  if (!command.stdin().empty()) object["stdin_base64"] = core::to_base64(command.stdin());
  if (command.environment_size() > 0) {
    json::object environment;
    for (const std::string& entry : command.environment()) {
      const std::size_t equals = std::min(entry.find('='), entry.size());
      environment[entry.substr(0, equals)] = entry.substr(std::min(equals + 1, entry.size()));
    }
    object["environment"] = std::move(environment);
  }
  set(object, "user", command.user());
  set(object, "directory", command.directory());
  return object;
}

json::object method_json(const jobs::Run& run) {
  const wire::Method& method = run.invoke.method();
  json::object object{{"name", run.method.name},
                      {"version", run.method.version},
                      {"digest", core::to_hex(method.digest())},
                      {"noop", method.noop()}};
  boost::system::error_code wrong;
  if (auto arguments = json::parse(run.method.arguments, wrong); !wrong)
    object["arguments"] = std::move(arguments);
  set(object, "user", method.user());
  return object;
}

/// What a method's process said, as one JSON object; secrets of it hidden.
void set_result(json::object& object, const jobs::Run& run, const jobs::Target& target) {
  if (!jobs::has_exit_code(run, target.state, target.signal) || target.is_stored_apart) return;
  const methods::TaskResult result =
      methods::parse_task_output({.task = run.method.name,
                                  .stdout_bytes = target.out,
                                  .stderr_bytes = target.err,
                                  .exit_code = target.exit_code,
                                  .signal = static_cast<int>(target.signal),
                                  .stdout_cut = target.out_bytes_cut > 0});
  object["result"] = result.shown();
  if (result.sensitive) object.erase("stdout");
}

json::object limits_json(const wire::Limits& limits) {
  json::object object;
  if (limits.timeout_ms()) object["timeout_ms"] = limits.timeout_ms();
  if (limits.memory_bytes()) object["memory_bytes"] = limits.memory_bytes();
  if (limits.output_bytes_max()) object["output_bytes_max"] = limits.output_bytes_max();
  if (limits.open_files_max()) object["open_files_max"] = limits.open_files_max();
  if (limits.file_bytes_max()) object["file_bytes_max"] = limits.file_bytes_max();
  return object;
}

core::Status read_command(const json::object& object, jobs::RunSpec& spec) {
  constexpr std::size_t kText = wire::kCommandBytesMax;
  Members members(object, "command.");
  spec.kind = jobs::RunKind::kCommand;
  spec.argv =
      members.texts("argv", jobs::kArgumentsMax, kText).value_or(std::vector<std::string>{});
  spec.shell = members.text("shell", kText);
  const std::string input = members.text("stdin_base64", kText * 4 / 3 + 4);
  for (auto& [name, value] : members.text_map("environment", jobs::kEnvironmentMax, kText)) {
    if (name.empty() || name.find('=') != std::string::npos)
      members.wrong("environment", "has a name that is empty or contains '='");
    spec.environment.push_back(name + "=" + value);
  }
  spec.user = members.text("user", jobs::kUserBytesMax);
  spec.directory = members.text("directory", jobs::kDirectoryBytesMax);
  MUSTER_TRY(members.done());
  auto decoded = core::from_base64(input);
  if (!decoded)
    members.wrong("stdin_base64", "is not base 64: " + decoded.error().message);
  else
    spec.standard_input = std::move(*decoded);
  return members.done();
}

core::Result<MethodOrder> read_method_order(const json::object& object, jobs::RunSpec& spec) {
  Members members(object, "method.");
  spec.kind = jobs::RunKind::kMethod;
  MethodOrder order;
  order.name = members.text("name", 2 * methods::kNamePartBytesMax + 2);
  order.version = members.text("version", methods::kVersionBytesMax);
  const std::string digest = members.text("digest", 64);
  if (const json::object* arguments = members.object("arguments")) order.arguments = *arguments;
  order.noop = members.flag("noop", false);
  spec.user = members.text("user", jobs::kUserBytesMax);
  MUSTER_TRY(members.done());
  if (!digest.empty()) {
    MUSTER_ASSIGN(order.digest, core::ContentId::parse(digest));
  }
  if (order.name.empty() == digest.empty() || (!digest.empty() && !order.version.empty()))
    return core::fail(core::Code::kInvalid,
                      "method: give its name, with a version or without, or its digest");
  return order;
}

core::Status read_limits(const json::object& object, wire::Limits& limits) {
  Members members(object, "limits.");
  const auto get = [&](std::string_view name, std::int64_t most) {
    return static_cast<std::uint64_t>(members.maybe_integer(name, 1, most).value_or(0));
  };
  limits.set_timeout_ms(static_cast<std::uint32_t>(get("timeout_ms", UINT32_MAX)));
  limits.set_memory_bytes(get("memory_bytes", INT64_MAX));
  limits.set_output_bytes_max(get("output_bytes_max", INT64_MAX));
  limits.set_open_files_max(static_cast<std::uint32_t>(get("open_files_max", UINT32_MAX)));
  limits.set_file_bytes_max(get("file_bytes_max", INT64_MAX));
  return members.done();
}

core::Result<jobs::ChainGrant> read_grant(const json::object& object) {
  Members members(object, "chain.");
  jobs::ChainGrant grant;
  grant.methods = members.texts("methods", jobs::kGrantMethodsMax, jobs::kGrantMethodBytesMax)
                      .value_or(std::vector<std::string>{});
  grant.commands = members.flag("commands", false);
  grant.selector = members.text("selector", fleet::kSelectorBytesMax);
  MUSTER_TRY(members.done());
  return grant;
}

void show_chain(json::object& object, const jobs::Chain& chain) {
  json::array methods;
  for (const auto& method : chain.grant.methods) methods.emplace_back(method);
  object["chain"] = json::object{{"methods", std::move(methods)},
                                 {"commands", chain.grant.commands},
                                 {"selector", chain.grant.selector}};
  if (!chain.is_child()) return;
  object["parent"] = json::object{{"run", chain.parent().run.str()},
                                  {"endpoint", chain.parent().endpoint.str()},
                                  {"root", chain.above.front().run.str()},
                                  {"depth", chain.depth()}};
}

}  // namespace

json::object run_json(const jobs::Run& run) {
  json::object object{{"id", run.id.str()},
                      {"kind", jobs::name(run.kind)},
                      {"selector", run.selector},
                      {"created_at", time_text(run.created_at)},
                      {"created_by", run.created_by},
                      {"state", run.finished() ? "finished" : "running"},
                      {"counts", counts_json(run.counts)},
                      {"targets", run.counts.total()}};
  if (run.kind == jobs::RunKind::kCommand) object["command"] = command_json(run);
  if (run.kind == jobs::RunKind::kMethod) object["method"] = method_json(run);
  if (auto limits = limits_json(run.invoke.limits()); !limits.empty())
    object["limits"] = std::move(limits);
  set(object, "description", run.description);
  set(object, "finished_at", run.finished_at);
  set(object, "cancelled_by", run.cancelled_by);
  if (run.queue_until) {
    const auto wait = *run.queue_until - run.created_at;
    object["queue_for_ms"] = std::max<std::int64_t>(0, wait.count());
  }
  if (run.invoke.live_output()) object["live_output"] = true;
  show_progress(object, run);
  if (run.chain) show_chain(object, *run.chain);
  return object;
}

std::string host_name(const fleet::Registry& registry, const core::EndpointId& id) {
  const fleet::Endpoint* endpoint = registry.find(id);
  return endpoint ? endpoint->name : id.str();
}

json::object target_json(const jobs::Run& run, const jobs::Target& target,
                         const fleet::Registry& registry, std::size_t output_bytes_max) {
  json::object object{
      {"endpoint", target.endpoint.str()}, {"name", host_name(registry, target.endpoint)},
      {"state", jobs::name(target.state)}, {"stdout_bytes", target.out_bytes},
      {"stderr_bytes", target.err_bytes},  {"truncated", target.truncated()}};
  if (jobs::has_exit_code(run, target.state, target.signal)) object["exit_code"] = target.exit_code;
  if (target.signal != 0) object["signal"] = target.signal;
  set(object, "reason", target.reason);
  if (target.out.size() <= output_bytes_max) set_output(object, "stdout", target.out);
  if (target.err.size() <= output_bytes_max) set_output(object, "stderr", target.err);
  if (run.kind == jobs::RunKind::kMethod) set_result(object, run, target);
  set(object, "started_at", target.started_at);
  set(object, "finished_at", target.finished_at);
  if (jobs::is_final(target.state) && target.started_at) object["duration_ms"] = target.duration_ms;
  return object;
}

json::object progress_json(const TargetProgress& progress) {
  json::object object;
  if (progress.percent) object["percent"] = *progress.percent;
  set(object, "text", progress.text);
  return object;
}

core::Result<RunRequest> read_run_request(const json::object& body) {
  Members members(body);
  RunRequest request;
  jobs::RunSpec& spec = request.spec;
  spec.selector = members.text("selector", fleet::kSelectorBytesMax);
  if (!body.contains("selector")) members.wrong("selector", "is required");
  const json::object* command = members.object("command");
  const json::object* ping = members.object("ping");
  const json::object* method = members.object("method");
  const json::object* limits = members.object("limits");
  const json::object* rollout = members.object("rollout");
  const json::object* chain = members.object("chain");
  spec.idempotent = members.flag("idempotent", false);
  spec.queue_for = std::chrono::milliseconds(
      members.maybe_integer("queue_for_ms", 0, jobs::kQueueForCeiling.count()).value_or(0));
  spec.live_output = members.flag("live_output", false);
  spec.description = members.text("description", jobs::kDescriptionBytesMax);
  MUSTER_TRY(members.done());
  if ((command ? 1 : 0) + (ping ? 1 : 0) + (method ? 1 : 0) != 1)
    return core::fail(core::Code::kInvalid, "give exactly one of 'command', 'method' and 'ping'");
  spec.kind = jobs::RunKind::kPing;
  if (command) MUSTER_TRY(read_command(*command, spec));
  if (ping) MUSTER_TRY(Members(*ping, "ping.").done());
  if (method) {
    MUSTER_ASSIGN(request.method, read_method_order(*method, spec));
  }
  if (limits) MUSTER_TRY(read_limits(*limits, spec.limits));
  if (method && spec.idempotent)
    return core::fail(core::Code::kInvalid,
                      "'idempotent' is said of a command; a method's metadata says it itself");
  if (rollout) {
    MUSTER_ASSIGN(spec.rollout, read_rollout(*rollout));
  }
  if (chain && !method)
    return core::fail(core::Code::kInvalid,
                      "'chain' says what a method may start; a command starts nothing by itself");
  if (chain) {
    MUSTER_ASSIGN(request.grant, read_grant(*chain));
  }
  return request;
}

}  // namespace muster::server
