// SPDX-License-Identifier: Apache-2.0
#include "server/region_pass.h"

#include <algorithm>
#include <array>

#include "access/audit.h"
#include "core/bytes.h"
#include "net/content_length.h"
#include "server/api.h"
#include "server/json.h"
#include "server/neighbours.h"
#include "server/region.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;
using core::Code;
using core::fail;
using net::Request;
using net::Response;
using Link = std::shared_ptr<NeighbourLink>;

/// What an operation may be repeated for: each of them does the same once or twice.
constexpr int kAttempts = 3;
constexpr core::Duration kPause = 200ms;
constexpr std::size_t kSmallBytes = 64 * 1024;
constexpr std::size_t kWhatBytesMax = 300;

constexpr std::array<std::string_view, 3> kToThem{"accept", "content-type", "idempotency-key"};
constexpr std::array<std::string_view, 5> kFromThem{"content-type", "cache-control", "retry-after",
                                                    "content-disposition", "location"};

bool is_run(std::string_view method, std::string_view path) {
  return method == "POST" && path == "/v1/runs";
}

/// What is behind "/v1/regions/NAME" as it was sent.
std::string_view behind_name(std::string_view target) {
  constexpr std::string_view kPrefix = "/v1/regions/";
  if (!target.starts_with(kPrefix)) return {};
  const auto slash = target.find('/', kPrefix.size());
  return slash == std::string_view::npos ? std::string_view{} : target.substr(slash);
}

/// For people who look at the list of runs.
void describe(std::string_view body, regions::RemoteRun& run) {
  const auto order = parse_object(body);
  if (!order) return;  // the other region says what is wrong with it
  const auto text = [](const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
  };
  run.selector = core::printable(text(*order, "selector"), kWhatBytesMax);
  if (const auto* command = order->if_contains("command"); command && command->is_object()) {
    run.what = text(command->get_object(), "shell");
    if (const auto* argv = command->get_object().if_contains("argv"); argv && argv->is_array())
      for (const auto& word : argv->get_array())
        if (word.is_string())
          run.what += (run.what.empty() ? "" : " ") + std::string(word.get_string());
  } else if (const auto* method = order->if_contains("method"); method && method->is_object()) {
    run.what = text(method->get_object(), "name");
  } else if (order->contains("ping")) {
    run.what = "(ping)";
  }
  run.what = core::printable(run.what, kWhatBytesMax);
}

/// Written before anything is sent: who asks for what, and for a run the key that makes it one.
runtime::Task<core::Result<regions::RemoteRun>> write_down(Region& region, access::Principal by,
                                                           std::string neighbour,
                                                           net::ClientRequest& request,
                                                           std::string key) {
  const bool starts = is_run(request.method, request.target);
  regions::RemoteRun run;
  run.neighbour = neighbour;
  run.user = by.name;
  run.key = key;
  run.state = "unknown";
  run.counts = "{}";
  run.asked_at = run.looked_at = core::wall_now();
  if (starts) describe(request.body, run);
  co_return co_await region.database().write(
      [&](store::Connection& c) -> core::Result<regions::RemoteRun> {
        MUSTER_TRY(access::Audit::append(
            c, core::wall_now(), by, starts ? "region.run" : "region.ask", neighbour,
            starts ? access::audit_detail(
                         {{"command", run.what}, {"selector", run.selector}, {"key", key}})
                   : access::audit_detail({{"what", request.method + " " + request.target}})));
        if (!starts) return run;
        return regions::Store::begin_run(c, run);
      });
}

/// What came of a start, for the list of runs.
runtime::Task<void> note_start(Region& region, Link link, regions::RemoteRun run, int status,
                               std::string_view body) {
  if (!run.run.empty()) co_return;  // it was known
  if (status == 200 || status == 201) {
    const auto answer = parse_object(body);
    if (!answer) co_return;
    const auto* id = answer->if_contains("id");
    const auto* state = answer->if_contains("state");
    if (!id || !id->is_string() || !state || !state->is_string()) co_return;
    run.run = core::printable(id->get_string(), 40);
    run.state = core::printable(state->get_string(), 40);
  } else if (status >= 400 && status < 500) {
    run.state = "refused";
  } else {
    co_return;
  }
  (void)co_await region.database().write(
      [&](store::Connection& c) { return regions::Store::note_run(c, run); });
  link->follow(std::move(run));
}

core::Error lost_error(const net::ClientRequest& request, const NeighbourLink& link,
                       const core::Error& why) {
  if (!link.health().may_ask() && why.message == link.unavailable().message) return why;
  std::string text = "the region " + link.neighbour().name + " did not answer: " + why.message;
  if (is_run(request.method, request.target))
    text +=
        "; whether the run was started there is not known. Repeat it with the same "
        "Idempotency-Key, or look first";
  return {why.code == Code::kTimeout ? Code::kTimeout : Code::kUnavailable, std::move(text)};
}

bool worth_repeating(const core::Error& why) {
  return why.code == Code::kUnavailable || why.code == Code::kTimeout || why.code == Code::kIo;
}

runtime::Task<core::Result<NeighbourLink::Opened>> open_patiently(Link link,
                                                                  net::ClientRequest request,
                                                                  NeighbourLink::Asker by) {
  for (int attempt = 1;; ++attempt) {
    auto opened = co_await link->open(request, by);
    if (opened || attempt == kAttempts || !worth_repeating(opened.error()) ||
        !link->health().may_ask())
      co_return opened;
    if (!co_await runtime::sleep_for(kPause)) co_return opened;
  }
}

Response head_of(const net::ClientResponse& from, const std::string& neighbour) {
  Response response;
  // 401 would send the user to log in here, which changes nothing there.
  response.status = from.status == 401 ? 403 : from.status;
  for (const auto& [name, value] : from.headers)
    if (std::ranges::find(kFromThem, name) != kFromThem.end())
      response.headers.emplace_back(
          name, name == "location" ? "/v1/regions/" + neighbour + value : value);
  return response;
}

runtime::Task<core::Result<Response>> answer_of(Link link, NeighbourLink::Opened opened,
                                                bool head_only) {
  const auto& from = opened.stream.response();
  Response response = head_of(from, link->neighbour().name);
  const auto size = net::content_length(from.header("content-length"));
  const bool empty = head_only || from.status == 204 || from.status == 304;
  if (empty || (size && *size <= kSmallBytes)) {
    for (;;) {
      MUSTER_CO_ASSIGN(std::string part, co_await opened.stream.read());
      if (part.empty()) break;
      response.body += part;
    }
    link->keep(std::move(opened));
    if (head_only && size) {  // how long it would be; nothing is produced
      response.content_length = size;
      response.producer = [](net::BodyWriter&) -> runtime::Task<core::Status> {
        co_return core::Status{};
      };
    }
    co_return response;
  }
  response.content_length = size;
  auto shared = std::make_shared<NeighbourLink::Opened>(std::move(opened));
  response.producer = [link, shared](net::BodyWriter& writer) -> runtime::Task<core::Status> {
    for (;;) {
      MUSTER_CO_ASSIGN(std::string part, co_await shared->stream.read());
      if (part.empty()) break;
      MUSTER_CO_TRY(co_await writer.write(std::move(part)));
    }
    link->keep(std::move(*shared));
    co_return core::Status{};
  };
  end_with(link->known(), response);
  co_return response;
}

NeighbourLink::Asker asker_of(const access::Principal& by) {
  return {by.name, std::string(access::name(by.role))};
}

}  // namespace

core::Status may_ask(const access::Principal& by, const regions::Neighbour& neighbour) {
  MUSTER_TRY(access::require(by, access::Right::kUseRegions));
  const auto least = static_cast<access::Role>(neighbour.least_role);
  if (by.role >= least) return {};
  return fail(Code::kDenied, "you are " + std::string(access::name(by.role)) + "; the region " +
                                 neighbour.name + " is for the role " +
                                 std::string(access::name(least)) + " and above");
}

runtime::Task<core::Result<Response>> pass_on(Region& region, Request& request) {
  const access::Principal by = caller(request);
  MUSTER_CO_ASSIGN(const Link link, region.neighbours().find(request.param("name")));
  MUSTER_CO_TRY(may_ask(by, link->neighbour()));
  const std::string_view target = behind_name(request.target);
  const std::string_view path = target.substr(0, target.find('?'));
  const auto* operation = regions::operation_of(request.method, path);
  if (!operation)
    co_return fail(Code::kDenied, request.method + " " + core::printable(path, 100) +
                                      " cannot be asked of another region; ask it there");
  if (operation->needs == regions::Permission::kRun)
    MUSTER_CO_TRY(access::require(by, access::Right::kRun));
  if (!link->health().may_ask()) co_return fail(link->unavailable());

  net::ClientRequest onward{.method = request.method, .target = std::string(target)};
  for (const auto name : kToThem)
    if (const auto value = request.header(name)) onward.headers.emplace_back(name, *value);
  onward.body = request.body;
  std::string key(request.header("idempotency-key").value_or(""));
  const bool starts = is_run(request.method, path);
  if (starts && key.empty()) {
    key = core::to_base32(core::random_bytes(16));
    onward.headers.emplace_back("idempotency-key", key);
  }
  regions::RemoteRun run;
  if (operation->changes) {
    MUSTER_CO_ASSIGN(run, co_await write_down(region, by, link->neighbour().name, onward, key));
  }
  auto opened = co_await open_patiently(link, onward, asker_of(by));
  if (!opened) co_return fail(lost_error(onward, *link, opened.error()));
  const int status = opened->stream.response().status;
  auto response = co_await answer_of(link, std::move(*opened), request.method == "HEAD");
  if (!response) co_return fail(lost_error(onward, *link, response.error()));
  if (starts) co_await note_start(region, link, std::move(run), status, response->body);
  co_return response;
}

namespace {

/// Shared by those who answer and the one who waits, who may be gone first.
struct Gathered {
  std::vector<AnswerOf> answers;
  std::size_t left = 0;
  runtime::Signal one_more;
};

runtime::Task<void> ask_one(Region& region, std::shared_ptr<Gathered> gathered, std::size_t at,
                            access::Principal by, net::ClientRequest request, core::Duration within,
                            std::string key) {
  const Link link = gathered->answers[at].link;
  core::Result<net::ClientResponse> answer = fail(link->unavailable());
  if (link->health().may_ask()) {
    regions::RemoteRun run;
    core::Status written;
    if (!key.empty()) {
      auto row = co_await write_down(region, by, link->neighbour().name, request, key);
      if (row)
        run = std::move(*row);
      else
        written = fail(std::move(row.error()));
    }
    for (int attempt = 1; written && attempt <= kAttempts && link->health().may_ask(); ++attempt) {
      answer = co_await link->ask(request, asker_of(by), within);
      if (answer || !worth_repeating(answer.error())) break;
    }
    if (!written) answer = fail(std::move(written.error()));
    if (answer && !key.empty())
      co_await note_start(region, link, std::move(run), answer->status, answer->body);
    if (!answer && written) answer = fail(lost_error(request, *link, answer.error()));
  }
  gathered->answers[at].answer = std::move(answer);
  --gathered->left;
  gathered->one_more.notify();
}

}  // namespace

runtime::Task<std::vector<AnswerOf>> ask_all(Region& region, access::Principal by,
                                             std::vector<Link> links, net::ClientRequest request,
                                             core::Duration within, std::string key) {
  auto gathered = std::make_shared<Gathered>();
  for (auto& link : links) gathered->answers.push_back({std::move(link)});
  gathered->left = gathered->answers.size();
  for (std::size_t i = 0; i < gathered->answers.size(); ++i)
    region.spawn(ask_one(region, gathered, i, by, request, within, key));
  const auto deadline = core::mono_now() + within + NeighbourLink::kConnectTime;
  while (gathered->left > 0 && core::mono_now() < deadline && !region.stopping()) {
    const auto seen = gathered->one_more.count();
    co_await gathered->one_more.wait(seen, deadline - core::mono_now());
  }
  std::vector<AnswerOf> answers;
  for (auto& each : gathered->answers) {
    answers.push_back({each.link});
    // One that comes later still finds its place.
    answers.back().answer = each.answer;
    if (!each.answer && gathered->left > 0 && each.answer.error().code == Code::kTimeout)
      answers.back().answer = fail(
          Code::kTimeout, "the region " + each.link->neighbour().name + " did not answer in time" +
                              (key.empty() ? "" : "; whether it has started the run is not known"));
  }
  co_return answers;
}

}  // namespace muster::server
