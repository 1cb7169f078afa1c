// SPDX-License-Identifier: Apache-2.0
#include "manage/resource.h"

#include <algorithm>

#include "core/assert.h"
#include "core/bytes.h"
#include "core/log.h"

namespace muster::manage {
namespace {

namespace json = boost::json;
using core::Code;
using core::fail;
using core::Result;
using net::Response;

/// The answer says that it comes from the management resource, not from an application.
Response signed_answer(Response response) {
  response.headers.emplace_back("Muster-Management", std::string(kSignValue));
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

Response refused(const net::Request& request, const core::Error& error) {
  Response response = Response::error(error);
  if (error.code == Code::kInvalid && request.method != "POST") {
    response.status = 405;
    response.headers.emplace_back("Allow", "POST");
  }
  return response;
}

}  // namespace

Response json_answer(const json::value& value, int status) {
  return Response::json(json::serialize(value) + "\n", status);
}

Resource::Resource(Ports ports) : ports_(std::move(ports)) {
  offer("operations", [this](Asked) -> Answer { co_return list_operations(); });
}

void Resource::offer(std::string_view operation, Handler handler) {
  MUSTER_ASSERT(find_operation(operation).has_value());
  handlers_[std::string(operation)] = std::move(handler);
}

Result<Response> Resource::list_operations() const {
  json::array list;
  for (const Operation& operation : operations()) {
    if (!handlers_.contains(operation.name)) continue;
    json::array arguments;
    for (const Argument& each : operation.arguments)
      arguments.push_back(
          json::object{{"name", each.name}, {"required", each.required}, {"help", each.help}});
    list.push_back(json::object{{"name", operation.name},
                                {"summary", operation.summary},
                                {"permission", name(operation.permission)},
                                {"changes", operation.changes},
                                {"via", operation.forwardable && further_ != nullptr},
                                {"arguments", std::move(arguments)}});
  }
  return json_answer(
      json::object{{"host", ports_.host}, {"id", ports_.id}, {"operations", std::move(list)}});
}

runtime::Task<Response> Resource::answer(net::Request& request) {
  auto caller = co_await ports_.authenticate(request);
  if (!caller) co_return signed_answer(refuse_unknown(request, caller.error()));
  if (under_way_ >= kUnderWayMax)
    co_return signed_answer(
        Response::error({Code::kUnavailable, "too many calls are under way here; try again"}));
  struct UnderWay {
    std::size_t& count;
    ~UnderWay() { --count; }
  } counted{++under_way_};
  auto response = co_await answer_known(*caller, request);
  if (!response) co_return signed_answer(refused(request, response.error()));
  co_return signed_answer(std::move(*response));
}

Response Resource::refuse_unknown(const net::Request& request, const core::Error& why) {
  if (why.code != Code::kUnauthorized) {
    ++stats_.not_allowed;
    return Response::error(why);
  }
  ++stats_.unknown;
  if (failures_.failed(request.remote_address, core::mono_now())) {
    Response response = Response::error(
        {Code::kLimit,
         "too many callers that are not known came from this address; wait a minute"});
    response.headers.emplace_back("Retry-After", "60");
    return response;
  }
  core::log(core::Level::kWarn, "manage", "refused a caller",
            {{"address", request.remote_address}, {"why", why.message}});
  if (ports_.note) {
    // Nothing was done: a full disk keeps nobody from being refused.
    const auto noted = ports_.note({{"at", core::to_rfc3339(core::wall_now())},
                                    {"address", request.remote_address},
                                    {"refused", core::printable(why.message, 300)}});
    if (!noted)
      core::log(core::Level::kError, "manage", "the audit log cannot be written",
                {{"why", noted.error().message}});
  }
  Response response = Response::error(why);
  response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"muster-management\"");
  return response;
}

core::Status Resource::note(const Asked& asked, const char* what, int status) const {
  if (!ports_.note) return {};
  json::object arguments;
  for (const auto& [name, value] : asked.call.arguments)
    arguments[name] = core::printable(value, 500);
  json::object line{{"at", core::to_rfc3339(core::wall_now())},
                    {"who", core::printable(asked.caller.name, 200)},
                    {"address", asked.request.remote_address},
                    {"operation", asked.call.operation},
                    {"what", what},
                    {"arguments", std::move(arguments)}};
  if (status != 0) line["status"] = status;
  if (!asked.call.trail.empty()) {
    json::array trail;
    for (const auto& id : asked.call.trail) trail.emplace_back(id);
    line["trail"] = std::move(trail);
  }
  auto noted = ports_.note(line);
  if (!noted)
    return fail(Code::kUnavailable,
                "the audit log cannot be written, so nothing is done: " + noted.error().message);
  return {};
}

core::Status Resource::check(const Operation& operation, const Asked& asked) const {
  const auto require = [&](Permission permission) -> core::Status {
    if (asked.caller.may.contains(permission)) return {};
    return fail(Code::kDenied, std::string(operation.name) + " needs the permission '" +
                                   std::string(name(permission)) + "', which " +
                                   core::printable(asked.caller.name, 200) + " has not");
  };
  MUSTER_TRY(require(operation.permission));
  if (!handlers_.contains(operation.name))
    return fail(Code::kNotFound, "this host does not offer " + std::string(operation.name));
  if (std::ranges::find(asked.call.trail, ports_.id) != asked.call.trail.end())
    return fail(Code::kConflict, "the call has been at " + ports_.host +
                                     " already: the ways that it was given are a loop");
  if (asked.call.via.empty()) return check_arguments(operation, asked.call);
  MUSTER_TRY(require(Permission::kForward));
  if (!operation.forwardable)
    return fail(Code::kInvalid, std::string(operation.name) +
                                    " is asked of a host directly, "
                                    "without via");
  if (!further_) return fail(Code::kNotFound, "this host has no neighbours to call on");
  return check_arguments(operation, asked.call);
}

runtime::Task<Result<Response>> Resource::answer_known(Caller caller, net::Request& request) {
  auto parsed = parse_call(request);
  // A call with too much in it stays wrong however often it is made.
  if (!parsed && parsed.error().code == Code::kLimit) parsed.error().code = Code::kInvalid;
  MUSTER_CO_ASSIGN(const Call call, std::move(parsed));
  const Asked asked{caller, call, request, core::mono_now() + call.time_left};
  MUSTER_CO_ASSIGN(const Operation* const operation, find_operation(call.operation));
  if (auto allowed = check(*operation, asked); !allowed) {
    stats_.not_allowed += allowed.error().code == Code::kDenied ? 1 : 0;
    MUSTER_CO_TRY(note(asked, "refused", net::http_status(allowed.error().code)));
    co_return std::unexpected(std::move(allowed.error()));
  }
  ++stats_.answered;
  if (operation->changes) MUSTER_CO_TRY(note(asked, "begins", 0));
  auto response = co_await carry_out(operation, asked);
  const int status = response ? response->status : net::http_status(response.error().code);
  if (auto noted = note(asked, "ended", status); !noted && !operation->changes)
    co_return std::unexpected(std::move(noted.error()));
  co_return response;
}

runtime::Task<Result<Response>> Resource::carry_out(const Operation* operation, Asked asked) {
  auto own = co_await handlers_.find(operation->name)->second(asked);
  if (asked.call.via.empty()) co_return own;
  json::object joined{{"host", ports_.host}};
  if (own) {
    boost::system::error_code failed;
    joined["status"] = own->status;
    joined["answer"] = json::parse(own->body, failed);
  } else {
    joined["status"] = net::http_status(own.error().code);
    joined["error"] = {{"code", core::name(own.error().code)}, {"message", own.error().message}};
  }
  joined["further"] = co_await further_->ask(asked, ports_.id);
  co_return json_answer(joined);
}

}  // namespace muster::manage
