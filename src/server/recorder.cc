// SPDX-License-Identifier: Apache-2.0
#include "server/recorder.h"

#include "access/audit.h"
#include "core/bytes.h"
#include "jobs/run_store.h"
#include "server/json.h"
#include "server/region.h"
#include "server/run_json.h"

namespace muster::server {
namespace {

using access::Audit;
using access::audit_detail;
using core::Code;
using core::fail;
using jobs::Recording;
using jobs::Recordings;
using store::Connection;

/// Hosts in one archive; bytes of each stream of an answer that go in as text.
constexpr std::size_t kHostsMax = 200'000;
constexpr std::size_t kShownBytesMax = 4 * 1024;

/// The order as POST /v1/runs would take it again, but for the method's digest, which stands
/// for its name and version.
json::object request_of(const jobs::Run& run) {
  json::object shown = run_json(run);
  json::object request;
  for (const char* name : {"selector", "command", "limits", "queue_for_ms", "description"})
    if (const auto* value = shown.if_contains(name)) request[name] = *value;
  if (run.kind == jobs::RunKind::kPing) request["ping"] = json::object();
  if (run.kind != jobs::RunKind::kMethod) return request;
  const json::object& method = shown["method"].get_object();
  json::object order{{"digest", method.at("digest")}, {"noop", method.at("noop")}};
  for (const char* name : {"arguments", "user"})
    if (const auto* value = method.if_contains(name)) order[name] = *value;
  request["method"] = std::move(order);
  return request;
}

json::object answer_of(const jobs::Run& run, const jobs::Fold& fold,
                       const fleet::Registry& registry) {
  const jobs::Target& sample = fold.sample;
  json::array hosts;
  for (const auto& endpoint : fold.endpoints) hosts.emplace_back(host_name(registry, endpoint));
  json::object answer{{"state", jobs::name(sample.state)}, {"hosts", std::move(hosts)}};
  const json::object shown = target_json(run, sample, registry, kShownBytesMax);
  for (const char* name : {"exit_code", "signal", "reason", "result", "stdout", "stderr"})
    if (const auto* value = shown.if_contains(name)) answer[name] = *value;
  if (!sample.is_stored_apart && jobs::has_exit_code(run, sample.state, sample.signal))
    answer["stdout_sha256"] = core::to_hex(core::sha256(sample.out));
  return answer;
}

/// The names of arguments that the record does not know.
json::array hidden_in(const jobs::Run& run, const json::object& request) {
  json::array hidden;
  const auto* method = request.if_contains("method");
  if (!run.method.has_secrets || !method) return hidden;
  const auto* arguments = method->get_object().if_contains("arguments");
  if (!arguments || !arguments->is_object()) return hidden;
  for (const auto& argument : arguments->get_object())
    if (argument.value() == "[hidden]") hidden.emplace_back(argument.key());
  return hidden;
}

}  // namespace

core::Status Recorder::restore() {
  MUSTER_ASSIGN(const auto all, database_.read_blocking(Recordings::list));
  for (const Recording& recording : all)
    if (recording.open) open_[recording.created_by] = recording.name;
  return {};
}

runtime::Task<core::Result<Recording>> Recorder::create(access::Principal by, Recording recording,
                                                        std::vector<core::RunId> runs) {
  recording.created_by = by.name;
  recording.created_at = core::wall_now();
  MUSTER_CO_TRY(co_await database_.write([=](Connection& connection) -> core::Status {
    MUSTER_TRY(Recordings::create(connection, recording));
    MUSTER_TRY(Recordings::add(connection, recording.name, runs));
    MUSTER_TRY(Audit::append(connection, core::wall_now(), by, "recording.create", recording.name,
                             audit_detail({{"runs", std::to_string(runs.size())},
                                           {"open", recording.open ? "true" : "false"}})));
    return {};
  }));
  if (recording.open) open_[by.name] = recording.name;
  co_return co_await find(recording.name);
}

runtime::Task<core::Result<Recording>> Recorder::find(std::string name) {
  co_return co_await database_.read(
      [name](Connection& connection) { return Recordings::find(connection, name); });
}

runtime::Task<core::Result<std::vector<Recording>>> Recorder::list() {
  co_return co_await database_.read(Recordings::list);
}

runtime::Task<core::Status> Recorder::add(access::Principal by, std::string name,
                                          std::vector<core::RunId> runs) {
  co_return co_await database_.write([=](Connection& connection) -> core::Status {
    MUSTER_TRY(Recordings::add(connection, name, runs));
    MUSTER_TRY(Audit::append(connection, core::wall_now(), by, "recording.add", name,
                             audit_detail({{"runs", std::to_string(runs.size())}})));
    return {};
  });
}

runtime::Task<core::Status> Recorder::set_open(access::Principal by, Recording recording,
                                               bool open) {
  MUSTER_CO_TRY(co_await database_.write([=](Connection& connection) -> core::Status {
    MUSTER_TRY(Recordings::set_open(connection, recording, open));
    MUSTER_TRY(Audit::append(connection, core::wall_now(), by,
                             open ? "recording.open" : "recording.close", recording.name));
    return {};
  }));
  if (open) {
    open_[recording.created_by] = recording.name;
  } else if (const auto at = open_.find(recording.created_by);
             at != open_.end() && at->second == recording.name) {
    open_.erase(at);
  }
  co_return core::Status();
}

runtime::Task<core::Status> Recorder::remove(access::Principal by, std::string name) {
  MUSTER_CO_TRY(co_await database_.write([=](Connection& connection) -> core::Status {
    MUSTER_TRY(Recordings::remove(connection, name));
    MUSTER_TRY(Audit::append(connection, core::wall_now(), by, "recording.remove", name));
    return {};
  }));
  std::erase_if(open_, [&](const auto& entry) { return entry.second == name; });
  co_return core::Status();
}

runtime::Task<core::Status> Recorder::ordered(std::string author, core::RunId run) {
  const auto at = open_.find(author);
  if (at == open_.end()) co_return core::Status();
  const std::string name = at->second;
  co_return co_await database_.write([name, run](Connection& connection) {
    return Recordings::add(connection, name, std::span(&run, 1));
  });
}

runtime::Task<core::Result<json::object>> Recorder::archive(Region& region, Recording recording) {
  MUSTER_CO_ASSIGN(auto runs, co_await database_.read([&](Connection& connection) {
    return Recordings::runs(connection, recording.name);
  }));
  co_return co_await archive(region, std::move(recording), std::move(runs));
}

runtime::Task<core::Result<json::object>> Recorder::archive(Region& region, Recording recording,
                                                            std::vector<core::RunId> runs) {
  json::array steps;
  std::size_t hosts = 0;
  std::optional<core::WallTime> first;
  for (const core::RunId id : runs) {
    MUSTER_CO_ASSIGN(const auto run, co_await region.runs().get(id));
    if (!run.finished())
      co_return fail(Code::kConflict, "the run " + id.str() +
                                          " has not ended: wait for its end, or cancel it, then "
                                          "make the archive");
    hosts += run.counts.total();
    if (hosts > kHostsMax)
      co_return fail(Code::kLimit, "an archive holds the answers of at most " +
                                       std::to_string(kHostsMax) + " hosts");
    MUSTER_CO_ASSIGN(const auto folds, co_await database_.read([id](Connection& connection) {
      return jobs::RunStore::folds(connection, id);
    }));
    if (!first) first = run.created_at;
    json::object request = request_of(run);
    json::array hidden = hidden_in(run, request);
    json::object step{{"run", id.str()},
                      {"after_ms", (run.created_at - *first).count()},
                      {"request", std::move(request)}};
    if (run.kind == jobs::RunKind::kMethod)
      step["method"] = json::object{{"name", run.method.name}, {"version", run.method.version}};
    if (!hidden.empty()) step["hidden"] = std::move(hidden);
    json::array answers;
    for (const auto& fold : folds) answers.push_back(answer_of(run, fold, region.registry()));
    step["answers"] = std::move(answers);
    steps.push_back(std::move(step));
  }
  json::object made{{"format", "muster-recording-1"},
                    {"name", recording.name},
                    {"recorded_by", recording.created_by},
                    {"recorded_at", time_text(recording.created_at)},
                    {"region", region.id()},
                    {"steps", std::move(steps)}};
  set(made, "description", recording.description);
  co_return made;
}

}  // namespace muster::server
