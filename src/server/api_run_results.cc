// SPDX-License-Identifier: Apache-2.0
//
// What a run's targets answered: one by one, folded, and byte for byte.
#include <charconv>

#include "core/bytes.h"
#include "fleet/node_set.h"
#include "jobs/run_store.h"
#include "server/api.h"
#include "server/json.h"
#include "server/region.h"
#include "server/run_access.h"
#include "server/run_json.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;
using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;

/// Output on one page of targets, and of each stream in a fold.
constexpr std::size_t kPageOutputBytesMax = 4 * 1024 * 1024;
constexpr std::size_t kFoldOutputBytesMax = 16 * 1024;
constexpr std::size_t kFoldHostsBytesMax = 4 * 1024;
/// Pieces in which a whole stream is read from the database.
constexpr std::size_t kReadBytes = 1024 * 1024;

core::Result<std::uint32_t> read_number(std::string_view name, std::string_view text,
                                        std::uint32_t most) {
  std::uint32_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size() || number > most)
    return fail(Code::kInvalid,
                std::string(name) + " must be a whole number up to " + std::to_string(most));
  return number;
}

/// A target as it stands, with what it says of its progress while it goes on.
json::object shown_target(Region& region, const jobs::Run& run, const jobs::Target& target,
                          std::size_t output_bytes_max) {
  json::object object = target_json(run, target, region.registry(), output_bytes_max);
  if (!jobs::is_final(target.state))
    if (const TargetProgress* progress = region.live().progress(run.id, target.endpoint))
      object["progress"] = progress_json(*progress);
  return object;
}

Answer list_targets(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const auto run, co_await find_run(region, request));
  MUSTER_CO_ASSIGN(const std::size_t limit, limit_of(request));
  std::optional<jobs::TargetState> state;
  if (const auto text = request.query_value("state")) {
    state = jobs::target_state(*text);
    if (!state) co_return fail(Code::kInvalid, "there is no target state of that name");
  }
  std::optional<std::uint32_t> after;
  if (const auto text = request.query_value("after")) {
    MUSTER_CO_ASSIGN(after, read_number("after", *text, UINT32_MAX));
  }
  std::uint32_t output_max = jobs::kRowOutputBytesMax;
  if (const auto text = request.query_value("output_bytes_max")) {
    MUSTER_CO_ASSIGN(output_max, read_number("output_bytes_max", *text, jobs::kRowOutputBytesMax));
  }
  std::string fold;
  if (const auto text = request.query_value("fold")) {
    MUSTER_CO_ASSIGN(fold, core::from_hex(*text));
    if (fold.empty()) co_return fail(Code::kInvalid, "fold must be the id of a fold of this run");
  }
  MUSTER_CO_ASSIGN(auto page, co_await region.database().read([&](store::Connection& connection) {
    return jobs::RunStore::targets(connection, run.id, state, limit, after, fold);
  }));
  json::array targets;
  std::size_t output = 0;
  std::optional<std::uint32_t> next = page.next;
  for (std::size_t i = 0; i < page.targets.size(); ++i) {
    const jobs::Target& target = page.targets[i].target;
    if (output > kPageOutputBytesMax) {
      next = page.targets[i - 1].slot;
      break;
    }
    output += std::min<std::size_t>(target.out.size(), output_max) +
              std::min<std::size_t>(target.err.size(), output_max);
    targets.push_back(shown_target(region, run, target, output_max));
  }
  co_return json_response(
      json::object{{"targets", std::move(targets)},
                   {"next", next ? json::value(std::to_string(*next)) : json::value(nullptr)}});
}

core::Result<core::EndpointId> endpoint_of(const Request& request) {
  const auto id = core::EndpointId::parse(request.param("endpoint"));
  if (id) return *id;
  return fail(Code::kNotFound, "no target of this run has the id '" +
                                   core::printable(request.param("endpoint"), 64) + "'");
}

Answer get_target(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const auto run, co_await find_run(region, request));
  MUSTER_CO_ASSIGN(const auto endpoint, endpoint_of(request));
  MUSTER_CO_ASSIGN(auto target, co_await region.database().read([&](store::Connection& connection) {
    return jobs::RunStore::target(connection, run.id, endpoint);
  }));
  co_return json_response(shown_target(region, run, target, jobs::kRowOutputBytesMax));
}

Answer get_output(Region& region, Request& request, wire::Stream stream) {
  MUSTER_CO_ASSIGN(const auto run, co_await find_run(region, request));
  MUSTER_CO_ASSIGN(const auto endpoint, endpoint_of(request));
  MUSTER_CO_ASSIGN(auto target, co_await region.database().read([&](store::Connection& connection) {
    return jobs::RunStore::target(connection, run.id, endpoint);
  }));
  const core::RunId id = run.id;
  Response response = Response::stream(
      "application/octet-stream",
      [&region, id, endpoint, stream](net::BodyWriter& writer) -> runtime::Task<core::Status> {
        for (std::uint64_t offset = 0;;) {
          auto part = co_await region.database().read([&, offset](store::Connection& connection) {
            return jobs::RunStore::output(connection, region.runs().files(), id, endpoint, stream,
                                          offset, kReadBytes);
          });
          if (!part) co_return std::unexpected(std::move(part.error()));
          if (part->empty()) co_return core::Status{};
          offset += part->size();
          MUSTER_CO_TRY(co_await writer.write(std::move(*part)));
        }
      });
  response.content_length = stream == wire::STREAM_STDOUT ? target.out_bytes : target.err_bytes;
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.headers.emplace_back("Content-Disposition", "attachment");
  co_return response;
}

json::object fold_json(const jobs::Run& run, const jobs::Fold& fold,
                       const fleet::Registry& registry) {
  const jobs::Target& sample = fold.sample;
  std::vector<std::string> names;
  names.reserve(fold.endpoints.size());
  for (const auto& endpoint : fold.endpoints) names.push_back(host_name(registry, endpoint));
  std::string hosts = fleet::fold_names(names);
  if (hosts.size() > kFoldHostsBytesMax) {
    hosts.resize(hosts.rfind(',', kFoldHostsBytesMax) + 1);
    hosts += "…";
  }
  json::object object{{"state", jobs::name(sample.state)},
                      {"count", fold.endpoints.size()},
                      {"hosts", hosts},
                      {"sample_endpoint", sample.endpoint.str()},
                      {"stdout_bytes", sample.out_bytes},
                      {"stderr_bytes", sample.err_bytes}};
  if (sample.truncated()) object["truncated"] = true;
  if (!fold.digest.empty()) object["id"] = core::to_hex(fold.digest);
  json::object shown = target_json(run, sample, registry, SIZE_MAX);
  for (const char* name : {"exit_code", "signal", "reason", "result"})
    if (const auto* value = shown.if_contains(name)) object[name] = *value;
  if (shown.contains("stdout") || shown.contains("stdout_base64"))
    set_output(object, "stdout", std::string_view(sample.out).substr(0, kFoldOutputBytesMax));
  set_output(object, "stderr", std::string_view(sample.err).substr(0, kFoldOutputBytesMax));
  return object;
}

Answer list_folds(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const auto run, co_await find_run(region, request));
  MUSTER_CO_ASSIGN(const std::size_t limit, limit_of(request));
  std::uint32_t first = 0;
  if (const auto text = request.query_value("after")) {
    MUSTER_CO_ASSIGN(first, read_number("after", *text, UINT32_MAX));
  }
  MUSTER_CO_ASSIGN(auto folds, co_await region.database().read([&](store::Connection& connection) {
    return jobs::RunStore::folds(connection, run.id);
  }));
  json::array array;
  const std::size_t last = std::min(folds.size(), first + limit);
  for (std::size_t i = first; i < last; ++i)
    array.push_back(fold_json(run, folds[i], region.registry()));
  co_return json_response(json::object{
      {"folds", std::move(array)},
      {"next", last < folds.size() ? json::value(std::to_string(last)) : json::value(nullptr)}});
}

}  // namespace

void add_run_result_routes(net::Router& router, Region& region) {
  const std::string target = "/v1/runs/{id}/targets/{endpoint}";
  add_route(router, "GET", "/v1/runs/{id}/targets", "view",
            [&region](Request& request) { return list_targets(region, request); });
  add_route(router, "GET", "/v1/runs/{id}/folds", "view",
            [&region](Request& request) { return list_folds(region, request); });
  add_route(router, "GET", target, "view",
            [&region](Request& request) { return get_target(region, request); });
  add_route(router, "GET", target + "/stdout", "view", [&region](Request& request) {
    return get_output(region, request, wire::STREAM_STDOUT);
  });
  add_route(router, "GET", target + "/stderr", "view", [&region](Request& request) {
    return get_output(region, request, wire::STREAM_STDERR);
  });
}

}  // namespace muster::server
