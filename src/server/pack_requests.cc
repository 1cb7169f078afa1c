// SPDX-License-Identifier: Apache-2.0
#include "server/pack_requests.h"

#include <algorithm>

#include "core/bytes.h"
#include "core/log.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;

constexpr std::size_t kUserBytesMax = 32;
constexpr std::size_t kKeyBytesMax = 64;
/// Endpoints whose pace is remembered; those that have not asked for long are forgotten.
constexpr std::size_t kRememberedMax = 10'000;

/// As the endpoint's machine has it; foreign to us.
bool is_account(std::string_view name) {
  return !name.empty() && name.size() <= kUserBytesMax && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '$' || c == '#';
  });
}

core::Error too_often() {
  return {Code::kLimit, "this machine asks for packs too often; wait a minute"};
}

core::Error not_here(const std::string& pack, const std::string& version) {
  return {Code::kNotFound, "this machine may have no file pack " + core::printable(pack, 100) +
                               (version.empty() ? "" : "@" + core::printable(version, 100)) +
                               "; an administrator allows it (muster pack allow)"};
}

}  // namespace

bool PackRequests::may_ask(const core::EndpointId& endpoint, std::uint64_t cost) {
  const core::MonoTime now = core::mono_now();
  if (asked_.size() >= kRememberedMax && !asked_.contains(endpoint))
    std::erase_if(
        asked_, [now](const auto& each) { return each.second.ready_at(kCostAtOnce, now) <= now; });
  if (asked_.size() >= 2 * kRememberedMax && !asked_.contains(endpoint)) return false;
  return asked_.try_emplace(endpoint, kCostPerSecond, kCostAtOnce, now)
      .first->second.take(cost, now);
}

runtime::Task<core::Result<std::string>> PackRequests::answer(core::EndpointId endpoint,
                                                              core::RunId run, std::string call,
                                                              std::string body) {
  if (!may_ask(endpoint, kQuestionCost)) co_return fail(too_often());
  if (call == kListCall) {
    MUSTER_CO_ASSIGN(const auto answer, co_await list(endpoint));
    co_return json::serialize(answer);
  }
  MUSTER_CO_ASSIGN(auto object, parse_object(body));
  auto answer = co_await get(endpoint, run, std::move(object));
  if (!answer) {
    core::log(core::Level::kInfo, "packs", "a host was refused a pack",
              {{"endpoint", endpoint}, {"why", answer.error().message}});
    co_return fail(std::move(answer.error()));
  }
  co_return json::serialize(*answer);
}

runtime::Task<core::Result<std::optional<catalog::Published>>> PackRequests::allowed_version(
    core::EndpointId endpoint, std::string pack, std::string version) {
  using Found = std::optional<catalog::Published>;
  if (!rules_.speaks_of(pack)) co_return Found();
  auto versions = co_await packs_.versions(pack);
  if (!versions && versions.error().code == Code::kNotFound) co_return Found();
  if (!versions) co_return fail(std::move(versions.error()));
  const fleet::Endpoint* host = registry_.find(endpoint);
  if (!host) co_return Found();
  const fleet::Subject subject = fleet::subject_of(*host, core::wall_now());
  // The current one where it may have it, else the newest of the others.
  Found best;
  for (catalog::Published& each : *versions) {
    if (!version.empty() && each.version != version) continue;
    if (!rules_.allows(pack, each.version, each.current, subject)) continue;
    if (!best || each.current) best = std::move(each);
  }
  co_return best;
}

runtime::Task<core::Result<json::object>> PackRequests::list(core::EndpointId endpoint) {
  if (!registry_.find(endpoint)) co_return fail(Code::kNotFound, "there is no such host");
  json::array listed;
  std::size_t bytes = 0;
  bool more = false;
  std::vector<std::string> names;
  for (const PackRule& rule : rules_.all())
    if (!rule.deny) names.push_back(rule.pack);
  std::ranges::sort(names);
  const auto [repeated, end] = std::ranges::unique(names);
  names.erase(repeated, end);
  for (const std::string& name : names) {
    MUSTER_CO_ASSIGN(const auto version, co_await allowed_version(endpoint, name, ""));
    if (!version) continue;
    json::object object{{"name", name}, {"version", version->version}};
    set(object, "description", core::printable(version->description, 200));
    if (const auto sizes = co_await packs_.sizes(*version)) {
      object["files"] = sizes->files;
      object["size_bytes"] = sizes->bytes;
    }
    bytes += json::serialize(object).size();
    more = listed.size() >= kListedMax || bytes > kListBytesMax;
    if (more) break;
    listed.push_back(std::move(object));
  }
  co_return json::object{{"packs", std::move(listed)}, {"more", more}};
}

runtime::Task<core::Result<json::object>> PackRequests::get(core::EndpointId endpoint,
                                                            core::RunId run, json::object body) {
  Members members(body);
  const std::string name = members.required_text("name", packs::kNameBytesMax);
  const std::string version = members.text("version", packs::kVersionBytesMax);
  const std::string user = members.text("user", 64);
  const std::string key = members.text("key", kKeyBytesMax);
  MUSTER_CO_TRY(members.done());
  MUSTER_CO_TRY(packs::check_name(name));
  if (!version.empty()) MUSTER_CO_TRY(packs::check_version(version));
  if (run.value() == 0 && !is_account(user))
    co_return fail(Code::kInvalid, "'" + core::printable(user, 64) + "' is no name of a user");
  MUSTER_CO_ASSIGN(const auto allowed, co_await allowed_version(endpoint, name, version));
  if (!allowed) co_return fail(not_here(name, version));
  const fleet::Endpoint* host = registry_.find(endpoint);
  if (!host) co_return fail(not_here(name, version));
  if (!may_ask(endpoint, kOrderCost)) co_return fail(too_often());
  const std::string asker = run.value() == 0 ? "user:" + user : "run:" + run.str();
  const access::Principal by{"host:" + core::printable(host->name, 64) + "/" + asker,
                             access::Role::kOperator,
                             {},
                             "host:" + endpoint.str()};
  json::object request{{"selector", "id=" + endpoint.str()},
                       {"description", "a file pack, asked for on the host itself"},
                       {"method", json::object{{"name", std::string(PackService::kPrefix) + name},
                                               {"version", allowed->version},
                                               {"arguments", json::object{{"action", "apply"}}}}}};
  const std::string digest = core::sha256(json::serialize(request));
  MUSTER_CO_ASSIGN(
      const auto created,
      co_await order_(by, std::move(request), key.empty() ? "" : "packs " + key, digest, endpoint));
  json::object answer{{"run", created.run.id.str()}, {"name", name}, {"version", allowed->version}};
  if (created.repeated) answer["repeated"] = true;
  co_return answer;
}

}  // namespace muster::server
