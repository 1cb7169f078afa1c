// SPDX-License-Identifier: Apache-2.0
//
// Stop everything. What these routes do waits for nobody else's work: they are
// authenticated before all reads that wait, the switch holds before any disk is asked, and
// the answer comes after at most kDiskWait.
#include "server/api.h"
#include "server/json.h"
#include "server/region.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;
using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;

constexpr core::Duration kDiskWait = 5s;

json::object stop_json(const std::optional<jobs::Hold>& stopped) {
  json::object object{{"stopped", stopped.has_value()}};
  if (!stopped) return object;
  object["by"] = stopped->by;
  object["reason"] = stopped->reason;
  object["at"] = time_text(stopped->at);
  return object;
}

Answer stop_everything(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const json::object body,
                   request.body.empty() ? json::object() : parse_object(request.body));
  Members members(body);
  std::string reason = members.text("reason", StopOrder::kReasonBytesMax);
  MUSTER_CO_TRY(members.done());
  const auto done = co_await region.stop_switch().stop(
      {caller(request).name, std::move(reason), core::wall_now()}, kDiskWait);
  json::object object = stop_json(region.stop_switch().stopped());
  object["runs"] = done.runs;
  object["kept"] = done.kept.has_value();
  if (!done.kept)
    object["warning"] = "it does not hold over a restart: " + done.kept.error().message;
  co_return json_response(object);
}

Answer lift(Region& region, Request& request) {
  MUSTER_CO_TRY(co_await region.stop_switch().lift(caller(request).name));
  co_return json_response(stop_json(region.stop_switch().stopped()));
}

}  // namespace

void add_stop_routes(net::Router& router, Region& region) {
  const std::string path(kStopPath);
  add_route(router, "POST", path, "stop_everything",
            [&region](Request& request) { return stop_everything(region, request); });
  add_route(router, "DELETE", path, "stop_everything",
            [&region](Request& request) { return lift(region, request); });
  add_route(router, "GET", path, "view", [&region](Request&) -> Answer {
    co_return json_response(stop_json(region.stop_switch().stopped()));
  });
}

}  // namespace muster::server
