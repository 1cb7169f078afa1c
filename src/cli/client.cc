// SPDX-License-Identifier: Apache-2.0
#include "cli/client.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "cli/json_access.h"
#include "cli/text.h"
#include "core/bytes.h"
#include "core/ids.h"
#include "core/json.h"

namespace muster::cli {
namespace {

constexpr std::size_t kPage = 1000;  // the API's largest

core::Result<Json> parse_answer(const Answer& answer) {
  if (answer.status >= 400) return core::fail(error_of(answer));
  if (answer.body.empty()) return Json(nullptr);
  auto json = core::read_json(answer.body);
  if (!json)
    return core::fail(core::Code::kCorrupt,
                      "the server's answer is not JSON; is this address a Muster server?");
  return json;
}

core::Code code_of_status(int status) {
  switch (status) {
    case 400:
    case 413:
      return core::Code::kInvalid;
    case 401:
      return core::Code::kUnauthorized;
    case 403:
      return core::Code::kDenied;
    case 404:
      return core::Code::kNotFound;
    case 409:
      return core::Code::kConflict;
    case 429:
      return core::Code::kLimit;
    case 503:
      return core::Code::kUnavailable;
    case 504:
      return core::Code::kTimeout;
    default:
      return core::Code::kInternal;
  }
}

std::string path(std::string_view collection, std::string_view name) {
  return "/v1/" + std::string(collection) + "/" + url_escape(name);
}

}  // namespace

core::Error error_of(const Answer& answer) {
  boost::system::error_code failed;
  const Json json = boost::json::parse(answer.body, failed);
  const Json* inner = failed ? nullptr : member(json, "error");
  if (inner == nullptr || text(*inner, "message").empty()) {
    return {code_of_status(answer.status),
            "the server answered with status " + std::to_string(answer.status)};
  }
  core::Error error{core::code_from_name(text(*inner, "code")), in_line(text(*inner, "message"))};
  const auto column = maybe_number(*inner, "column");
  if (column && !error.message.contains("column ")) {
    error.message += " (column " + std::to_string(*column) + ")";
  }
  return error;
}

std::string url_escape(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").contains(c);
    if (plain) {
      escaped += c;
    } else {
      escaped += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return escaped;
}

core::Result<Json> Client::call(std::string method, std::string target, const Json* body,
                                std::string idempotency_key) {
  Request request{std::move(method), std::move(target), "", std::move(idempotency_key)};
  if (body != nullptr) request.body = boost::json::serialize(*body);
  MUSTER_ASSIGN(const Answer answer, transport_->request(std::move(request)));
  return parse_answer(answer);
}

core::Status Client::pages(const std::string& target, std::string_view list,
                           std::string_view cursor, std::size_t limit, const Visitor& visit,
                           Json* last) {
  std::string next;
  for (std::size_t seen = 0; limit == 0 || seen < limit;) {
    const std::size_t count = limit == 0 ? kPage : std::min(kPage, limit - seen);
    std::string page = target + (target.contains('?') ? "&" : "?");
    page += "limit=" + std::to_string(count);
    if (!next.empty()) page += "&" + std::string(cursor) + "=" + url_escape(next);
    MUSTER_ASSIGN(const Json answer, call("GET", std::move(page)));
    if (last != nullptr) *last = answer;
    for (const Json& element : elements(answer, list)) {
      if (!visit(element)) return {};
      ++seen;
    }
    const auto after = maybe_number(answer, "next");
    const std::string before = next;
    next = after ? std::to_string(*after) : text(answer, "next");
    if (next.empty() || next == before) return {};  // the second would go round for ever
  }
  return {};
}

core::Result<Json> Client::me() {
  return call("GET", "/v1/me");
}

core::Result<Json> Client::region() {
  return call("GET", "/v1/region");
}

core::Result<Json> Client::hosts(std::string_view selector, std::size_t limit) {
  std::string target = "/v1/hosts";
  if (!selector.empty()) target += "?selector=" + url_escape(selector);
  boost::json::array hosts;
  Json last;
  MUSTER_TRY(pages(
      target, "hosts", "after", limit,
      [&](const Json& host) {
        hosts.push_back(host);
        return true;
      },
      &last));
  return Json(boost::json::object{{"hosts", std::move(hosts)},
                                  {"total", number(last, "total")},
                                  {"online", number(last, "online")}});
}

core::Result<Json> Client::host(std::string_view id) {
  return call("GET", path("hosts", id));
}

core::Result<Json> Client::find_host(std::string_view id_or_name) {
  if (core::EndpointId::parse(id_or_name)) {
    auto found = host(id_or_name);
    if (found || found.error().code != core::Code::kNotFound) return found;
  }
  std::string quoted;
  for (const char c : id_or_name) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  constexpr std::size_t kCandidates = 20;
  MUSTER_ASSIGN(const Json list, hosts("name=\"" + quoted + "\"", kCandidates));
  const auto& found = elements(list, "hosts");
  if (found.size() == 1) return found.front();
  const std::string shown = "'" + core::printable(id_or_name, 128) + "'";
  if (found.empty()) {
    return core::fail(core::Code::kNotFound,
                      "no host is called " + shown + " (muster hosts lists them all)");
  }
  std::string message = shown + " means " + std::to_string(found.size()) + " hosts; take the id:";
  for (const Json& each : found) {
    message += "\n  " + in_line(text(each, "id")) + "  " + in_line(text(each, "name"));
  }
  return core::fail(core::Code::kInvalid, std::move(message));
}

core::Result<Json> Client::label_hosts(std::string_view selector,
                                       const std::map<std::string, std::string>& set,
                                       const std::vector<std::string>& remove) {
  boost::json::object to_set;
  for (const auto& [key, value] : set) to_set[key] = value;
  boost::json::array to_remove;
  for (const auto& key : remove) to_remove.emplace_back(key);
  const Json body =
      boost::json::object{{"selector", std::string(selector)},
                          {"labels", boost::json::object{{"set", to_set}, {"remove", to_remove}}}};
  return call("POST", "/v1/hosts/labels", &body);
}

core::Status Client::remove_host(std::string_view id) {
  return remove("hosts", id);
}

core::Status Client::revoke_host(std::string_view id) {
  MUSTER_TRY(call("POST", path("hosts", id) + "/revoke"));
  return {};
}

core::Status Client::revoke_gateway(std::string_view name) {
  MUSTER_TRY(call("POST", path("gateways", name) + "/revoke"));
  return {};
}

core::Result<Json> Client::policy(std::optional<std::uint64_t> version) {
  return call("GET", "/v1/policy" + (version ? "?version=" + std::to_string(*version) : ""));
}

core::Result<Json> Client::set_policy(const Json& what) {
  return call("PUT", "/v1/policy", &what);
}

core::Status Client::act(std::string_view collection, std::string_view name,
                         std::string_view verb) {
  MUSTER_TRY(call("POST", path(collection, name) + "/" + std::string(verb)));
  return {};
}

core::Result<Json> Client::check_selector(std::string_view selector) {
  const Json body = boost::json::object{{"selector", std::string(selector)}};
  return call("POST", "/v1/selectors/check", &body);
}

core::Result<Json> Client::create_run(const Json& order) {
  return call("POST", "/v1/runs", &order, core::to_base32(core::random_bytes(16)));
}

core::Result<Json> Client::run(std::string_view id) {
  return call("GET", path("runs", id));
}

core::Result<Json> Client::runs(std::size_t limit) {
  boost::json::array runs;
  MUSTER_TRY(pages("/v1/runs", "runs", "after", limit, [&](const Json& run) {
    runs.push_back(run);
    return true;
  }));
  return Json(boost::json::object{{"runs", std::move(runs)}});
}

core::Result<Json> Client::cancel_run(std::string_view id) {
  return call("POST", path("runs", id) + "/cancel");
}

core::Result<Json> Client::pause_run(std::string_view id, std::string_view reason) {
  const Json body = boost::json::object{{"reason", reason}};
  return call("POST", path("runs", id) + "/pause", &body);
}

core::Result<Json> Client::resume_run(std::string_view id) {
  return call("POST", path("runs", id) + "/resume");
}

core::Result<Json> Client::waves(std::string_view run) {
  return call("GET", path("runs", run) + "/waves");
}

core::Result<Json> Client::stop_everything(std::string_view reason) {
  const Json body = boost::json::object{{"reason", reason}};
  return call("POST", "/v1/stop-everything", &body);
}

core::Result<Json> Client::lift_stop() {
  return call("DELETE", "/v1/stop-everything");
}

core::Result<Json> Client::stop_state() {
  return call("GET", "/v1/stop-everything");
}

core::Result<Json> Client::folds(std::string_view run) {
  boost::json::array folds;
  MUSTER_TRY(pages(path("runs", run) + "/folds", "folds", "after", 0, [&](const Json& fold) {
    folds.push_back(fold);
    return true;
  }));
  return Json(boost::json::object{{"folds", std::move(folds)}});
}

core::Status Client::targets(std::string_view run, std::string_view state, const Visitor& visit) {
  std::string target = path("runs", run) + "/targets";
  if (!state.empty()) target += "?state=" + url_escape(state);
  return pages(target, "targets", "after", 0, visit);
}

core::Result<std::string> Client::output(std::string_view run, std::string_view endpoint,
                                         std::string_view stream) {
  MUSTER_ASSIGN(Answer answer,
                transport_->request({"GET",
                                     path("runs", run) + "/targets/" + url_escape(endpoint) + "/" +
                                         std::string(stream),
                                     "", ""}));
  if (answer.status >= 400) return core::fail(error_of(answer));
  return std::move(answer.body);
}

core::Result<std::string> Client::install_script() {
  MUSTER_ASSIGN(Answer answer, transport_->request({"GET", "/install.sh", "", ""}));
  if (answer.status >= 400) return core::fail(error_of(answer));
  return std::move(answer.body);
}

core::Status Client::run_events(std::string_view run, EventReader& reader) {
  return transport_->events(path("runs", run) + "/events", reader);
}

core::Result<Json> Client::list(std::string_view collection) {
  return call("GET", "/v1/" + std::string(collection));
}

core::Result<Json> Client::get(std::initializer_list<std::string_view> parts) {
  std::string target = "/v1";
  for (const auto part : parts) target += "/" + url_escape(part);
  return call("GET", target);
}

core::Result<Json> Client::add_to_recording(std::string_view name, const boost::json::array& runs) {
  const Json body = boost::json::object{{"runs", runs}};
  return call("POST", path("recordings", name) + "/runs", &body);
}

core::Status Client::change_retention(const boost::json::object& change) {
  const Json body(change);
  MUSTER_TRY(call("PATCH", "/v1/retention", &body));
  return {};
}

core::Result<Json> Client::create(std::string_view collection, const Json& what) {
  return call("POST", "/v1/" + std::string(collection), &what);
}

core::Status Client::change(std::string_view collection, std::string_view name, const Json& what) {
  MUSTER_TRY(call("PATCH", path(collection, name), &what));
  return {};
}

core::Status Client::remove(std::string_view collection, std::string_view name) {
  MUSTER_TRY(call("DELETE", path(collection, name)));
  return {};
}

core::Status Client::change_password(std::string_view old_one, std::string_view new_one) {
  const Json body =
      boost::json::object{{"old", std::string(old_one)}, {"new", std::string(new_one)}};
  MUSTER_TRY(call("POST", "/v1/password", &body));
  return {};
}

core::Result<Json> Client::methods(bool with_private) {
  boost::json::array methods;
  MUSTER_TRY(pages(with_private ? "/v1/methods?private=true" : "/v1/methods", "methods", "after", 0,
                   [&](const Json& method) {
                     methods.push_back(method);
                     return true;
                   }));
  return Json(boost::json::object{{"methods", std::move(methods)}});
}

core::Result<Json> Client::method(std::string_view name, std::string_view version) {
  std::string target = path("methods", name);
  if (!version.empty()) target += "/versions/" + url_escape(version);
  return call("GET", std::move(target));
}

core::Status Client::use_method(std::string_view name, std::string_view version) {
  const Json body = boost::json::object{{"version", version}};
  MUSTER_TRY(call("PUT", path("methods", name) + "/current", &body));
  return {};
}

core::Status Client::remove_method(std::string_view name, std::string_view version) {
  std::string target = path("methods", name);
  if (!version.empty()) target += "/versions/" + url_escape(version);
  MUSTER_TRY(call("DELETE", std::move(target)));
  return {};
}

core::Result<std::vector<std::string>> Client::missing_objects(
    const std::vector<std::string>& digests) {
  const Json body =
      boost::json::object{{"objects", boost::json::array(digests.begin(), digests.end())}};
  MUSTER_ASSIGN(const Json answer, call("POST", "/v1/content/missing", &body));
  std::vector<std::string> missing;
  for (const Json& digest : elements(answer, "missing")) {
    if (digest.is_string()) missing.emplace_back(digest.get_string());
  }
  return missing;
}

core::Status Client::send_object(std::string_view digest, std::string bytes) {
  Request request{"PUT", path("content", digest), std::move(bytes)};
  request.content_type = "application/octet-stream";
  MUSTER_ASSIGN(const Answer answer, transport_->request(std::move(request)));
  MUSTER_TRY(parse_answer(answer));
  return {};
}

core::Result<Json> Client::schedule(std::string_view name) {
  return call("GET", path("schedules", name));
}

core::Result<Json> Client::replace_schedule(std::string_view name, const Json& what) {
  return call("PUT", path("schedules", name), &what);
}

core::Result<Json> Client::fire_schedule(std::string_view name) {
  return call("POST", path("schedules", name) + "/fire");
}

core::Result<Json> Client::firings(std::string_view schedule, std::size_t limit) {
  boost::json::array firings;
  MUSTER_TRY(pages(path("schedules", schedule) + "/firings", "firings", "after", limit,
                   [&](const Json& firing) {
                     firings.push_back(firing);
                     return true;
                   }));
  return Json(boost::json::object{{"firings", std::move(firings)}});
}

core::Result<Json> Client::preview_schedule(std::string_view cron, std::string_view zone,
                                            std::size_t count) {
  return call("GET", "/v1/schedules/preview?cron=" + url_escape(cron) +
                         "&zone=" + url_escape(zone) + "&count=" + std::to_string(count));
}

core::Status Client::events(const std::map<std::string, std::string>& query, std::size_t limit,
                            const Visitor& visit) {
  std::string target = "/v1/host-events";
  for (const auto& [name, value] : query)
    target += (target.contains('?') ? "&" : "?") + name + "=" + url_escape(value);
  return pages(target, "events", "after", limit, visit);
}

core::Status Client::audit(std::size_t limit, const Visitor& visit) {
  return pages("/v1/audit", "entries", "before", limit, visit);
}

core::Result<Json> Client::verify_audit() {
  return call("GET", "/v1/audit/verify");
}

}  // namespace muster::cli
