// SPDX-License-Identifier: Apache-2.0
#include "manage/neighbours.h"

#include <algorithm>

#include "core/bytes.h"
#include "core/json.h"
#include "manage/detail/owned_file.h"
#include "runtime/file.h"
#include "runtime/signal.h"

namespace muster::manage {
namespace {

namespace json = boost::json;
using core::Code;
using core::fail;
using runtime::Task;

constexpr std::size_t kFileBytesMax = 1024 * 1024;

json::object part(const std::string& host, const core::Error& error) {
  return {{"host", host},
          {"status", net::http_status(error.code)},
          {"error", {{"code", core::name(error.code)}, {"message", error.message}}}};
}

/// What a host answered, as a part of the whole.
json::object part(const std::string& host, const net::ClientResponse& response) {
  if (!response.header(kSign))
    return part(
        host, {Code::kUnavailable, "what answers there is no management resource of this version"});
  json::object made{{"host", host}, {"status", response.status}};
  auto answer = core::read_json(response.body);
  auto* object = answer ? answer->if_object() : nullptr;
  if (!object) return part(host, {Code::kCorrupt, "the answer is no JSON"});
  // Its own part and those behind it, where it called further.
  for (const char* each : {"error", "further", "answer"})
    if (auto* found = object->if_contains(each)) made[each] = std::move(*found);
  if (!made.contains("error") && !made.contains("answer")) made["answer"] = std::move(*answer);
  return made;
}

}  // namespace

core::Result<std::vector<Neighbour>> NeighbourFile::load() const {
  const auto text = runtime::read_file(file_, kFileBytesMax);
  if (!text && text.error().code == Code::kNotFound) return std::vector<Neighbour>();
  if (!text) return fail(core::Error(text.error()));
  boost::system::error_code failed;
  const auto value = json::parse(*text, failed);
  const auto* list =
      !failed && value.is_object() ? value.as_object().if_contains("neighbours") : nullptr;
  const auto damaged = fail(Code::kCorrupt, file_.string() +
                                                " is damaged: put it right or "
                                                "remove it");
  if (!list || !list->is_array()) return damaged;
  std::vector<Neighbour> neighbours;
  for (const auto& each : list->as_array()) {
    const auto* object = each.if_object();
    if (!object) return damaged;
    const auto member = [&](std::string_view name) {
      const auto* found = object->if_contains(name);
      return found && found->is_string() ? std::string(found->as_string()) : std::string();
    };
    const auto fingerprint = core::from_base32(member("fingerprint"));
    if (!fingerprint || !is_host_name(member("name"))) return damaged;
    neighbours.push_back({member("name"), member("address"), *fingerprint, member("token")});
  }
  return neighbours;
}

core::Status NeighbourFile::save(const std::vector<Neighbour>& list) const {
  json::array array;
  for (const Neighbour& each : list)
    array.push_back(json::object{{"name", each.name},
                                 {"address", each.address},
                                 {"fingerprint", core::to_base32(each.fingerprint)},
                                 {"token", each.token}});
  return detail::write_owned_file(
      file_, json::serialize(json::object{{"neighbours", std::move(array)}}) + "\n");
}

core::Status NeighbourFile::add(Neighbour neighbour) const {
  if (!is_host_name(neighbour.name))
    return fail(Code::kInvalid, "a neighbour's name has a-z, 0-9, '-' and '.', 63 at most");
  MUSTER_TRY(net::ServerAddress::parse(neighbour.address));
  MUSTER_ASSIGN(auto list, load());
  std::erase_if(list, [&](const Neighbour& each) { return each.name == neighbour.name; });
  if (list.size() >= kNeighboursMax)
    return fail(Code::kLimit,
                "a host has at most " + std::to_string(kNeighboursMax) + " neighbours");
  list.push_back(std::move(neighbour));
  return save(list);
}

core::Status NeighbourFile::remove(std::string_view name) const {
  MUSTER_ASSIGN(auto list, load());
  if (std::erase_if(list, [&](const Neighbour& each) { return each.name == name; }) == 0)
    return fail(Code::kNotFound, "there is no neighbour '" + core::printable(name, 64) + "'");
  return save(list);
}

std::vector<Step> first_steps(const std::vector<std::vector<std::string>>& via,
                              const std::vector<std::string>& names) {
  std::vector<Step> steps;
  const auto step = [&](const std::string& host) -> Step& {
    auto found = std::ranges::find(steps, host, &Step::host);
    if (found != steps.end()) return *found;
    return steps.emplace_back(Step{host, {}});
  };
  for (const auto& way : via) {
    if (way.front() == "*") {
      for (const auto& name : names) step(name);
      continue;
    }
    Step& first = step(way.front());
    std::vector<std::string> rest(way.begin() + 1, way.end());
    if (!rest.empty() && std::ranges::find(first.via, rest) == first.via.end())
      first.via.push_back(std::move(rest));
  }
  return steps;
}

/// One ask(): who is still waited for, and what came. Shared, for whoever asked may give up.
struct Neighbours::Round {
  std::vector<json::object> parts;
  std::size_t left = 0;
  runtime::Signal changed;
};

Task<json::array> Neighbours::ask(Asked asked, std::string own_id) {
  const auto known = file_.load();
  if (!known) co_return json::array{part("", known.error())};
  std::vector<std::string> names;
  for (const Neighbour& each : *known) names.push_back(each.name);
  const auto steps = first_steps(asked.call.via, names);
  const auto round = std::make_shared<Round>();
  round->parts.resize(steps.size());
  const core::MonoTime deadline = asked.deadline - kMargin;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    const auto found = std::ranges::find(*known, step.host, &Neighbour::name);
    const auto refuse = [&](Code code, std::string message) {
      round->parts[i] = part(step.host, {code, std::move(message)});
    };
    if (found == known->end())
      refuse(Code::kNotFound, "this host has no neighbour of that name");
    else if (asked.call.trail.size() + 1 > kDepthMax)
      refuse(Code::kLimit, "the call has passed too many hosts");
    else if (calls_ >= kCallsMax)
      refuse(Code::kUnavailable, "this host calls on too many others already; try again");
    else if (deadline <= core::mono_now())
      refuse(Code::kTimeout, "no time was left to call on it");
    else {
      ++calls_;
      ++round->left;
      round->parts[i] = part(step.host, {Code::kTimeout, "it did not answer in time"});
      tasks_.spawn(call(round, i, *found,
                        onward(asked.call, step.via, own_id, deadline - core::mono_now()),
                        deadline));
    }
  }
  while (round->left > 0 && core::mono_now() < deadline)
    co_await round->changed.wait(round->changed.count(), deadline - core::mono_now());
  json::array joined;
  for (const auto& each : round->parts) joined.push_back(each);
  co_return joined;
}

Task<void> Neighbours::call(std::shared_ptr<Round> round, std::size_t at, Neighbour neighbour,
                            Onward onward, core::MonoTime deadline) {
  struct Done {
    Neighbours& owner;
    Round& round;
    ~Done() {
      --owner.calls_;
      --round.left;
      round.changed.notify();
    }
  } done{*this, *round};
  const auto failed = [&](core::Error error) {
    if (error.code == Code::kTimeout) error.message = "it did not answer in time";
    round->parts[at] = part(neighbour.name, error);
  };
  const auto address = net::ServerAddress::parse(neighbour.address);
  if (!address) co_return failed(address.error());
  net::TlsClientOptions options;
  options.ca_fingerprint = neighbour.fingerprint;
  const auto tls = net::TlsClientContext::make(std::move(options));
  if (!tls) co_return failed(tls.error());
  const core::Duration left = deadline - core::mono_now();
  net::HttpClient client(loop_, *address, *tls,
                         {.body_bytes_max = kAnswerBytesMax,
                          .connect_time_max = left,
                          .response_time_max = left,
                          .stream_idle_max = left});
  net::ClientRequest request{.method = "POST", .target = std::move(onward.target)};
  request.headers = std::move(onward.headers);
  if (!neighbour.token.empty())
    request.headers.emplace_back("Authorization", "Bearer " + neighbour.token);
  const auto response = co_await client.request(std::move(request));
  if (!response) co_return failed(response.error());
  round->parts[at] = part(neighbour.name, *response);
}

}  // namespace muster::manage
