// SPDX-License-Identifier: Apache-2.0
//
// Runs: start, list, look, cancel.
#include <algorithm>
#include <set>

#include "core/bytes.h"
#include "core/log.h"
#include "jobs/run_store.h"
#include "methods/task_name.h"
#include "server/api.h"
#include "server/json.h"
#include "server/region.h"
#include "server/rollout_json.h"
#include "server/run_access.h"
#include "server/run_json.h"
#include "server/scope.h"
#include "server/trust.h"

namespace muster::server {

using core::Code;
using core::fail;
using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;

std::optional<std::string> sees_runs_of(const access::Principal& principal) {
  return principal.selectors.empty() ? std::nullopt : std::optional(principal.name);
}

bool may_see(const access::Principal& principal, const jobs::Run& run) {
  const auto only = sees_runs_of(principal);
  return !only || run.created_by == *only;
}

runtime::Task<core::Result<jobs::Run>> find_run(Region& region, Request& request) {
  const auto id = core::RunId::parse(request.param("id"));
  if (!id)
    co_return fail(Code::kNotFound,
                   "there is no run '" + core::printable(request.param("id"), 64) + "'");
  auto run = co_await region.runs().get(*id);
  if (run && !may_see(caller(request), *run))
    co_return fail(Code::kNotFound, "there is no run " + id->str());
  co_return run;
}

namespace {

/// The matching hosts by name, so that a run's targets are stored in the order in which
/// people read them.
void sort_by_name(std::vector<const fleet::Endpoint*>& endpoints) {
  std::sort(endpoints.begin(), endpoints.end(),
            [](const fleet::Endpoint* a, const fleet::Endpoint* b) {
              return std::tie(a->name, a->id) < std::tie(b->name, b->id);
            });
}

std::vector<core::EndpointId> ids_of(const std::vector<const fleet::Endpoint*>& endpoints) {
  std::vector<core::EndpointId> ids;
  ids.reserve(endpoints.size());
  for (const auto* endpoint : endpoints) ids.push_back(endpoint->id);
  return ids;
}

/// What the method's metadata says holds where the order says nothing.
void add_method(MethodService::Ready ready, jobs::RunSpec& spec) {
  const methods::Additions& additions = ready.method->package.metadata.additions;
  spec.method = std::move(ready.work);
  spec.idempotent = additions.idempotent;
  if (spec.user.empty()) spec.user = additions.user;
  if (spec.limits.timeout_ms() == 0)
    spec.limits.set_timeout_ms(static_cast<std::uint32_t>(additions.timeout.count()));
  if (spec.limits.output_bytes_max() == 0)
    spec.limits.set_output_bytes_max(additions.output_bytes_max);
}

/// The first run of a tree: its starter's rights are those of now.
core::Result<std::shared_ptr<const jobs::Chain>> first_chain(jobs::ChainGrant grant,
                                                             const access::Principal& by) {
  MUSTER_TRY(jobs::check_grant(grant));
  for (std::string& method : grant.methods) {
    MUSTER_ASSIGN(const auto name, methods::TaskName::parse(method));
    method = name.shown();
  }
  if (auto good = check_selector(grant.selector); !good)
    return fail(Code::kInvalid, "chain: " + good.error().message);
  auto chain = std::make_shared<jobs::Chain>();
  chain->grant = std::move(grant);
  chain->role = static_cast<std::uint8_t>(by.role);
  chain->selectors = by.selectors;
  return chain;
}

/// A method's start of a run has limits of its own.
core::Status check_child(const jobs::Chain& child, const jobs::RunSpec& spec,
                         std::span<const core::EndpointId> targets) {
  if (targets.size() > jobs::kChildTargetsMax)
    return fail(Code::kLimit, std::to_string(targets.size()) + " hosts match; a method may start " +
                                  "a run on " + std::to_string(jobs::kChildTargetsMax));
  return jobs::check_loop(child, spec.method.label.name, targets);
}

/// All that can be known of an order before its targets are chosen.
struct Checked {
  RunService::Wanted wanted;
  fleet::Selector selector = fleet::Selector::all();
  Scope scope;
};

runtime::Task<core::Result<Checked>> check_order(Region& region, access::Principal by,
                                                 json::object request) {
  Checked checked;
  RunService::Wanted& wanted = checked.wanted;
  MUSTER_CO_ASSIGN(auto read, read_run_request(request));
  wanted.spec = std::move(read.spec);
  wanted.spec.created_by = by.name;
  if (read.grant && by.via.starts_with(kViaRegion))
    co_return fail(Code::kDenied,
                   "a run that another region starts cannot start others: leave 'chain' out");
  if (read.method) {
    MUSTER_CO_ASSIGN(auto ready, co_await region.methods().prepare(std::move(*read.method)));
    add_method(std::move(ready), wanted.spec);
  }
  if (read.grant) {
    MUSTER_CO_ASSIGN(wanted.spec.chain, first_chain(*std::move(read.grant), by));
  }
  // What is wrong with the order itself comes before what is wrong with its targets.
  if (const auto valid = jobs::make_run(wanted.spec, core::wall_now(), 0); !valid)
    co_return fail(Code::kInvalid, valid.error().message);

  auto selector = read_selector(wanted.spec.selector);
  if (!selector)
    co_return fail(Code::kInvalid, check_selector(wanted.spec.selector).error().message);
  checked.selector = std::move(*selector);
  if (wanted.spec.selector.empty()) wanted.spec.selector = "all";
  MUSTER_CO_ASSIGN(checked.scope, Scope::of(by));
  co_return checked;
}

}  // namespace

runtime::Task<core::Result<json::object>> check_run(Region& region, access::Principal by,
                                                    json::object request) {
  MUSTER_CO_ASSIGN(const Checked checked, co_await check_order(region, std::move(by), request));
  const jobs::MethodLabel& method = checked.wanted.spec.method.label;
  if (method.has_secrets)
    request["method"].as_object()["arguments"] = json::parse(method.arguments);
  co_return request;
}

runtime::Task<core::Result<RunService::Created>> order_run(
    Region& region, access::Principal by, json::object request, std::string idempotency_key,
    std::string digest, std::optional<std::vector<core::EndpointId>> only,
    std::shared_ptr<const jobs::Chain> child) {
  if (region.stopping())
    co_return fail(Code::kUnavailable, "the server stops; try again when it is back");
  if (idempotency_key.size() > jobs::kIdempotencyKeyBytesMax || !core::is_utf8(idempotency_key))
    co_return fail(Code::kInvalid, "an Idempotency-Key has at most 128 bytes of UTF-8");
  MUSTER_CO_ASSIGN(Checked checked, co_await check_order(region, by, std::move(request)));
  RunService::Wanted wanted = std::move(checked.wanted);
  wanted.idempotency_key = std::move(idempotency_key);
  wanted.request_digest = std::move(digest);
  auto matched =
      region.registry().select(&checked.selector, checked.scope.selector(), core::wall_now());
  if (only) {
    const std::set<core::EndpointId> chosen(only->begin(), only->end());
    std::erase_if(matched, [&](const auto* endpoint) { return !chosen.contains(endpoint->id); });
  }
  const auto revoked = std::erase_if(matched, [](const fleet::Endpoint* endpoint) {
    return endpoint->state == fleet::EndpointState::kRevoked;
  });
  const auto held = std::erase_if(matched, [](const fleet::Endpoint* endpoint) {
    return endpoint->state == fleet::EndpointState::kHeld;
  });
  if (matched.empty())
    co_return fail(Code::kConflict,
                   (held > 0 ? "only hosts that wait for approval (muster hosts pending) match '"
                    : revoked > 0 ? "only revoked hosts match '"
                                  : "no host matches '") +
                       core::printable(wanted.spec.selector, 200) + "'; nothing was started");
  sort_by_name(matched);
  if (const auto& plan = wanted.spec.rollout) {
    MUSTER_CO_ASSIGN(wanted.rollout, arrange_waves(*plan, matched, core::wall_now()));
  }
  wanted.targets = ids_of(matched);
  if (child) {
    MUSTER_CO_TRY(check_child(*child, wanted.spec, wanted.targets));
    wanted.spec.chain = std::move(child);
  }
  co_return co_await region.runs().create(std::move(wanted));
}

namespace {

Answer create_run(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(json::object body, parse_object(request.body));
  // Only an answer of its own can say the column.
  if (const json::value* text = body.if_contains("selector"); text && text->is_string())
    if (auto selector = read_selector(text->get_string()); !selector)
      co_return std::move(selector.error());
  MUSTER_CO_ASSIGN(auto created,
                   co_await order_run(region, caller(request), std::move(body),
                                      std::string(request.header("idempotency-key").value_or("")),
                                      core::sha256(request.body)));
  // What schedules do in somebody's name is not recorded. And a run that is on its way is told
  // as one, even where it could not be recorded.
  if (!created.repeated)
    if (const auto kept = co_await region.recorder().ordered(caller(request).name, created.run.id);
        !kept)
      core::log(core::Level::kWarn, "server", "a run could not be recorded",
                {{"run", created.run.id}, {"why", kept.error().message}});
  Response response = json_response(run_json(created.run), created.repeated ? 200 : 201);
  response.headers.emplace_back("Location", "/v1/runs/" + created.run.id.str());
  co_return response;
}

Answer list_runs(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const std::size_t limit, limit_of(request));
  std::optional<core::RunId> after;
  if (const auto text = request.query_value("after")) {
    MUSTER_CO_ASSIGN(after, core::RunId::parse(*text));
  }
  const auto only = sees_runs_of(caller(request));
  MUSTER_CO_ASSIGN(auto page, co_await region.database().read([&](store::Connection& connection) {
    return jobs::RunStore::runs(connection, limit, after, only);
  }));
  json::array runs;
  for (const auto& run : page.runs) runs.push_back(run_json(run));
  co_return json_response(
      json::object{{"runs", std::move(runs)},
                   {"next", page.next ? json::value(page.next->str()) : json::value(nullptr)}});
}

Answer get_run(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(auto run, co_await find_run(region, request));
  json::object object = run_json(run);
  if (run.chain) {
    MUSTER_CO_ASSIGN(const auto ids, co_await region.database().read([&](store::Connection& c) {
      return jobs::RunStore::children(c, run.id);
    }));
    json::array children;
    for (const core::RunId id : ids) children.emplace_back(id.str());
    object["children"] = std::move(children);
  }
  co_return json_response(object);
}

Answer cancel_run(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(auto run, co_await find_run(region, request));
  MUSTER_CO_ASSIGN(run, co_await region.runs().cancel(run.id, caller(request).name,
                                                      "cancelled by " + caller(request).name));
  co_return json_response(run_json(run));
}

}  // namespace

void add_run_routes(net::Router& router, Region& region) {
  // A command of the largest size, in JSON with escapes or base 64.
  constexpr std::size_t kBodyBytesMax = 1024 * 1024;
  add_route(
      router, "POST", "/v1/runs", "run",
      [&region](Request& request) { return create_run(region, request); }, kBodyBytesMax);
  add_route(router, "GET", "/v1/runs", "view",
            [&region](Request& request) { return list_runs(region, request); });
  add_route(router, "GET", "/v1/runs/{id}", "view",
            [&region](Request& request) { return get_run(region, request); });
  add_route(router, "POST", "/v1/runs/{id}/cancel", "run",
            [&region](Request& request) { return cancel_run(region, request); });
}

}  // namespace muster::server
