// SPDX-License-Identifier: Apache-2.0
//
// Live views by server-sent events. A view sends the present state when something
// changed, no faster than the eye: a slow reader gets fewer events, never old ones.
#include "core/bytes.h"
#include "server/api.h"
#include "server/host_json.h"
#include "server/json.h"
#include "server/region.h"
#include "server/run_access.h"
#include "server/run_json.h"
#include "server/scope.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;
using net::BodyWriter;
using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;

constexpr core::Duration kRunPause = 100ms;
constexpr core::Duration kRegionPause = 500ms;
constexpr core::Duration kKeepAlive = 15s;
constexpr std::uint32_t kTargetEventsMax = 1000;

std::string event(std::string_view name, const json::value& data) {
  return "event: " + std::string(name) + "\ndata: " + json::serialize(data) + "\n\n";
}

std::string output_event(const Region& region, const RunWatch::OutputPart& part) {
  json::object data{{"endpoint", part.endpoint.str()},
                    {"name", host_name(const_cast<Region&>(region).registry(), part.endpoint)},
                    {"stream", part.stream == wire::STREAM_STDOUT ? "stdout" : "stderr"}};
  if (core::is_utf8(part.data))
    data["text"] = part.data;
  else
    data["base64"] = core::to_base64(part.data);
  return event("output", data);
}

std::string progress_event(Region& region, const core::EndpointId& endpoint,
                           const TargetProgress& progress) {
  json::object data = progress_json(progress);
  data["endpoint"] = endpoint.str();
  data["name"] = host_name(region.registry(), endpoint);
  return event("progress", data);
}

std::string target_event(Region& region, const jobs::Run& run, const jobs::TargetEvent& target) {
  json::object data{{"endpoint", target.endpoint.str()},
                    {"name", host_name(region.registry(), target.endpoint)},
                    {"state", jobs::name(target.state)}};
  if (jobs::has_exit_code(run, target.state, target.signal)) data["exit_code"] = target.exit_code;
  return event("target", data);
}

/// What has gathered for the watcher, as events.
std::string take_events(Region& region, const jobs::Run& run, RunWatch& watch) {
  const bool with_targets = run.counts.total() <= kTargetEventsMax;
  std::string text;
  for (const auto& part : watch.output) text += output_event(region, part);
  watch.output.clear();
  watch.output_bytes = 0;
  for (const auto& [endpoint, progress] : std::exchange(watch.progress, {}))
    text += progress_event(region, endpoint, progress);
  if (with_targets)
    for (const auto& target : watch.events) text += target_event(region, run, target);
  watch.events.clear();
  return text;
}

runtime::Task<core::Status> send_run_events(Region& region, std::shared_ptr<RunWatch> watch,
                                            BodyWriter& writer) {
  writer.on_gone([weak = std::weak_ptr(watch)] {
    if (const auto alive = weak.lock()) alive->signal.notify();
  });
  for (;;) {
    const std::uint64_t seen = watch->signal.count();
    MUSTER_CO_ASSIGN(const auto run, co_await region.runs().get(watch->run));
    std::string text = event("run", run_json(run));
    text += take_events(region, run, *watch);
    if (run.finished()) text += event("end", run_json(run));
    MUSTER_CO_TRY(co_await writer.write(std::move(text)));
    if (run.finished()) co_return core::Status{};
    co_await watch->ended.wait(0, kRunPause);  // its end is told at once
    while (!co_await watch->signal.wait(seen, kKeepAlive)) {
      if (writer.gone() || region.stopping()) co_return core::Status{};
      MUSTER_CO_TRY(co_await writer.write(": keep-alive\n\n"));
    }
    if (writer.gone() || region.stopping()) co_return core::Status{};
  }
}

Answer watch_run(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const auto run, co_await find_run(region, request));
  MUSTER_CO_ASSIGN(auto watch, region.live().watch_run(run.id));
  Response response = Response::stream("text/event-stream",
                                       [&region, watch = std::move(watch)](BodyWriter& writer) {
                                         return send_run_events(region, watch, writer);
                                       });
  response.headers.emplace_back("Cache-Control", "no-store");
  co_return response;
}

json::object hosts_event(Region& region, const access::Principal& principal, RegionWatch& watch,
                         bool with_changes) {
  const auto now = core::wall_now();
  const auto scope = Scope::of(principal);
  json::object data;
  if (!scope) return {{"total", 0}, {"online", 0}};
  if (scope->everywhere()) {
    data["total"] = region.registry().size();
    data["online"] = region.registry().online();
  } else {
    const auto mine = region.registry().select(nullptr, scope->selector(), now);
    data["total"] = mine.size();
    data["online"] = std::count_if(mine.begin(), mine.end(),
                                   [](const fleet::Endpoint* host) { return host->online(); });
  }
  if (with_changes && !watch.many_hosts) {
    json::array changed;
    for (const auto& id : watch.hosts)
      if (const auto* host = region.registry().find(id); host && scope->allows(*host, now))
        changed.push_back(host_json(*host));
    data["changed"] = std::move(changed);
  }
  watch.hosts.clear();
  watch.many_hosts = false;
  return data;
}

runtime::Task<core::Status> send_region_events(Region& region, std::shared_ptr<RegionWatch> watch,
                                               access::Principal principal, BodyWriter& writer) {
  writer.on_gone([weak = std::weak_ptr(watch)] {
    if (const auto alive = weak.lock()) alive->signal.notify();
  });
  std::string text = event("hosts", hosts_event(region, principal, *watch, false));
  for (;;) {
    const std::uint64_t seen = watch->signal.count();
    for (const auto& id : std::exchange(watch->runs, {})) {
      auto run = co_await region.runs().get(id);
      if (run && may_see(principal, *run))
        text += event("runs", json::object{{"run", run_json(*run)}});
    }
    if (!text.empty()) MUSTER_CO_TRY(co_await writer.write(std::exchange(text, {})));
    co_await runtime::sleep_for(kRegionPause);
    while (!co_await watch->signal.wait(seen, kKeepAlive)) {
      if (writer.gone() || region.stopping()) co_return core::Status{};
      MUSTER_CO_TRY(co_await writer.write(": keep-alive\n\n"));
    }
    if (writer.gone() || region.stopping()) co_return core::Status{};
    if (!watch->hosts.empty() || watch->many_hosts)
      text += event("hosts", hosts_event(region, principal, *watch, true));
  }
}

Answer watch_region(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(auto watch, region.live().watch_region());
  Response response = Response::stream(
      "text/event-stream",
      [&region, watch = std::move(watch), principal = caller(request)](BodyWriter& writer) {
        return send_region_events(region, watch, principal, writer);
      });
  response.headers.emplace_back("Cache-Control", "no-store");
  co_return response;
}

}  // namespace

void add_live_routes(net::Router& router, Region& region) {
  add_route(router, "GET", "/v1/runs/{id}/events", "view",
            [&region](Request& request) { return watch_run(region, request); });
  add_route(router, "GET", "/v1/events", "view",
            [&region](Request& request) { return watch_region(region, request); });
}

}  // namespace muster::server
