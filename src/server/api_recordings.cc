// SPDX-License-Identifier: Apache-2.0
//
// Recordings: series of runs, kept to be repeated.
#include "core/bytes.h"
#include "server/api.h"
#include "server/json.h"
#include "server/recorder.h"
#include "server/region.h"
#include "server/run_access.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;
using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;

constexpr std::size_t kDescriptionBytesMax = 1024;

json::object to_json(const jobs::Recording& recording) {
  json::object object{{"name", recording.name},
                      {"created_by", recording.created_by},
                      {"created_at", time_text(recording.created_at)},
                      {"open", recording.open},
                      {"runs", recording.runs}};
  set(object, "description", recording.description);
  return object;
}

/// Who is narrowed to some hosts sees and changes only their own, as with runs.
runtime::Task<core::Result<jobs::Recording>> find_recording(Region& region, Request& request) {
  const std::string name(request.param("name"));
  MUSTER_CO_ASSIGN(auto found, co_await region.recorder().find(name));
  const auto only = sees_runs_of(caller(request));
  if (only && found.created_by != *only)
    co_return fail(Code::kNotFound, "there is no recording '" + core::printable(name, 100) + "'");
  co_return found;
}

/// The runs that a request names, each of which the caller may see.
runtime::Task<core::Result<std::vector<core::RunId>>> runs_of(Region& region, access::Principal by,
                                                              std::vector<std::string> texts) {
  std::vector<core::RunId> runs;
  for (const std::string& text : texts) {
    const auto id = core::RunId::parse(text);
    auto run = id ? co_await region.runs().get(*id) : fail(Code::kNotFound, "");
    if (!run || !may_see(by, *run))
      co_return fail(Code::kNotFound, "there is no run '" + core::printable(text, 64) + "'");
    runs.push_back(run->id);
  }
  co_return runs;
}

Answer create_recording(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  jobs::Recording recording;
  recording.name = members.required_text("name", jobs::kRecordingNameBytesMax);
  recording.description = members.text("description", kDescriptionBytesMax);
  recording.open = members.flag("open", false);
  auto texts = members.texts("runs", jobs::kRecordedRunsMax, 64);
  MUSTER_CO_TRY(members.done());
  MUSTER_CO_ASSIGN(auto runs, co_await runs_of(region, caller(request),
                                               texts.value_or(std::vector<std::string>{})));
  MUSTER_CO_ASSIGN(const auto made, co_await region.recorder().create(
                                        caller(request), std::move(recording), std::move(runs)));
  co_return json_response(to_json(made), 201);
}

Answer list_recordings(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const auto all, co_await region.recorder().list());
  const auto only = sees_runs_of(caller(request));
  json::array array;
  for (const auto& recording : all)
    if (!only || recording.created_by == *only) array.push_back(to_json(recording));
  co_return json_response(json::object{{"recordings", std::move(array)}});
}

Answer get_recording(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const auto recording, co_await find_recording(region, request));
  co_return json_response(to_json(recording));
}

Answer add_runs(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const auto recording, co_await find_recording(region, request));
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  auto texts = members.texts("runs", jobs::kRecordedRunsMax, 64);
  if (!texts) members.wrong("runs", "is required");
  MUSTER_CO_TRY(members.done());
  MUSTER_CO_ASSIGN(auto runs, co_await runs_of(region, caller(request), std::move(*texts)));
  MUSTER_CO_TRY(co_await region.recorder().add(caller(request), recording.name, std::move(runs)));
  MUSTER_CO_ASSIGN(const auto now, co_await find_recording(region, request));
  co_return json_response(to_json(now));
}

Answer change_recording(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const auto recording, co_await find_recording(region, request));
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  const bool open = members.flag("open", recording.open);
  MUSTER_CO_TRY(members.done());
  MUSTER_CO_TRY(co_await region.recorder().set_open(caller(request), recording, open));
  MUSTER_CO_ASSIGN(const auto now, co_await find_recording(region, request));
  co_return json_response(to_json(now));
}

Answer remove_recording(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const auto recording, co_await find_recording(region, request));
  MUSTER_CO_TRY(co_await region.recorder().remove(caller(request), recording.name));
  co_return Response::no_content();
}

Answer get_archive(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(auto recording, co_await find_recording(region, request));
  MUSTER_CO_ASSIGN(const auto archive,
                   co_await region.recorder().archive(region, std::move(recording)));
  co_return json_response(archive);
}

Answer get_run_archive(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const auto run, co_await find_run(region, request));
  const jobs::Recording alone{run.id.str(),   run.description, run.created_by,
                              run.created_at, false,           1};
  MUSTER_CO_ASSIGN(const auto archive, co_await region.recorder().archive(region, alone, {run.id}));
  co_return json_response(archive);
}

}  // namespace

void add_recording_routes(net::Router& router, Region& region) {
  add_route(router, region, "GET", "/v1/recordings", "view", list_recordings);
  add_route(router, region, "POST", "/v1/recordings", "run", create_recording);
  add_route(router, region, "GET", "/v1/recordings/{name}", "view", get_recording);
  add_route(router, region, "PATCH", "/v1/recordings/{name}", "run", change_recording);
  add_route(router, region, "DELETE", "/v1/recordings/{name}", "run", remove_recording);
  add_route(router, region, "POST", "/v1/recordings/{name}/runs", "run", add_runs);
  add_route(router, region, "GET", "/v1/recordings/{name}/archive", "view", get_archive);
  add_route(router, region, "GET", "/v1/runs/{id}/archive", "view", get_run_archive);
}

}  // namespace muster::server
