// SPDX-License-Identifier: Apache-2.0
//
// Methods: publishing them, and what there is. Content comes first, by its hash.

#include "core/bytes.h"
#include "net/content_length.h"
#include "server/api.h"
#include "server/json.h"
#include "server/method_json.h"
#include "server/method_service.h"
#include "server/region.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;
using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;

constexpr std::size_t kPublishBodyBytesMax = 2 * methods::kManifestBytesMax;
constexpr std::size_t kMissingBodyBytesMax = MethodService::kObjectsMax * 70;

Answer list_methods(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const auto limit, limit_of(request));
  const bool all = request.query_value("private").value_or("") == "true";
  MUSTER_CO_ASSIGN(const auto page,
                   co_await region.methods().list(
                       limit, std::string(request.query_value("after").value_or("")), all));
  json::array methods;
  for (const auto& listed : page.methods) methods.push_back(to_json(listed));
  co_return json_response(
      json::object{{"methods", std::move(methods)}, {"next", cursor(page.next)}});
}

Answer show_method(Region& region, Request& request) {
  const std::string name(request.param("name"));
  MUSTER_CO_ASSIGN(const auto method,
                   co_await region.methods().find(name, std::string(request.param("version"))));
  MUSTER_CO_ASSIGN(const auto versions, co_await region.methods().versions(name));
  json::object answer = to_json(*method);
  json::array list;
  for (const auto& version : versions) list.push_back(to_json(version));
  answer["versions"] = std::move(list);
  co_return json_response(answer);
}

Answer publish_method(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  const std::string manifest = members.required_text("manifest", kPublishBodyBytesMax);
  const std::string signature = members.required_text("signature", 256);
  const std::string key = members.required_text("key", 64);
  const bool current = members.flag("current", true);
  MUSTER_CO_TRY(members.done());
  methods::SignedManifest from;
  MUSTER_CO_ASSIGN(from.manifest, core::from_base64(manifest));
  MUSTER_CO_ASSIGN(from.signature, core::from_base64(signature));
  MUSTER_CO_ASSIGN(from.key_id, core::from_hex(key));
  MUSTER_CO_ASSIGN(const auto done,
                   co_await region.methods().publish(caller(request), std::move(from), current));
  co_return json_response(to_json(*done.method), done.fresh ? 201 : 200);
}

Answer mark_current(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  const std::string version = members.required_text("version", methods::kVersionBytesMax);
  MUSTER_CO_TRY(members.done());
  MUSTER_CO_TRY(co_await region.methods().mark_current(
      caller(request), std::string(request.param("name")), version));
  co_return Response::no_content();
}

/// An open run of a method that `concerns` says yes to; null: there is none.
const jobs::Run* open_run(Region& region,
                          const std::function<bool(const wire::Method&)>& concerns) {
  for (const jobs::Run* run : region.runs().ledger().open_runs())
    if (run->invoke.has_method() && concerns(run->invoke.method())) return run;
  return nullptr;
}

/// What hosts are still to fetch must stay.
runtime::Task<core::Status> check_unused(Region& region, std::string name, std::string version) {
  MUSTER_CO_ASSIGN(const auto versions, co_await region.methods().versions(std::move(name)));
  for (const auto& published : versions) {
    if (!version.empty() && published.version != version) continue;
    const auto* run = open_run(region, [&](const wire::Method& method) {
      return method.digest() == published.digest.bytes();
    });
    if (run)
      co_return fail(Code::kConflict, "the run " + run->id.str() + " is under way with version " +
                                          published.version +
                                          ": wait for its end, or cancel it, then remove it");
  }
  co_return core::Status();
}

Answer remove_method(Region& region, Request& request) {
  MUSTER_CO_TRY(co_await check_unused(region, std::string(request.param("name")),
                                      std::string(request.param("version"))));
  MUSTER_CO_TRY(co_await region.methods().remove(
      caller(request), std::string(request.param("name")), std::string(request.param("version"))));
  co_return Response::no_content();
}

Answer list_keys(Region& region, Request&) {
  MUSTER_CO_ASSIGN(const auto keys, co_await region.methods().keys());
  json::array array;
  for (const auto& key : keys) array.push_back(to_json(key));
  co_return json_response(json::object{{"keys", std::move(array)}});
}

Answer trust_key(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  const std::string pem = members.required_text("public_key_pem", 4096);
  const std::string note = members.text("note", 256);
  MUSTER_CO_TRY(members.done());
  MUSTER_CO_ASSIGN(const auto key, co_await region.methods().trust_key(caller(request), pem, note));
  co_return json_response(to_json(key), 201);
}

Answer distrust_key(Region& region, Request& request) {
  MUSTER_CO_TRY(
      co_await region.methods().distrust_key(caller(request), std::string(request.param("id"))));
  // What it has signed is not started any more, also where the order waits already.
  MUSTER_CO_ASSIGN(const std::string id, core::from_hex(request.param("id")));
  const auto signed_by_it = [&](const wire::Method& method) {
    return core::sha256(method.publishing_key()) == id;
  };
  std::vector<core::RunId> open;
  for (const jobs::Run* run : region.runs().ledger().open_runs())
    if (run->invoke.has_method() && signed_by_it(run->invoke.method())) open.push_back(run->id);
  for (const core::RunId run : open) {
    MUSTER_CO_TRY(co_await region.runs().cancel(run, caller(request).name,
                                                "its method's publishing key was withdrawn"));
  }
  co_return Response::no_content();
}

Answer missing_objects(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const json::object body, parse_object(request.body));
  Members members(body);
  const auto texts = members.texts("objects", MethodService::kObjectsMax, 64);
  if (!texts) members.wrong("objects", "is required");
  MUSTER_CO_TRY(members.done());
  std::vector<core::ContentId> wanted;
  for (const std::string& text : *texts) {
    MUSTER_CO_ASSIGN(const auto id, core::ContentId::parse(text));
    wanted.push_back(id);
  }
  MUSTER_CO_ASSIGN(const auto lacking, co_await region.methods().missing(std::move(wanted)));
  json::array array;
  for (const auto& id : lacking) array.emplace_back(id.str());
  co_return json_response(json::object{{"missing", std::move(array)}});
}

core::Result<std::uint64_t> length_of(const Request& request) {
  if (const auto bytes = net::content_length(request.header("content-length"))) return *bytes;
  return fail(Code::kInvalid, "the request must say its Content-Length");
}

Answer put_object(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const auto id, core::ContentId::parse(request.param("digest")));
  MUSTER_CO_ASSIGN(const auto bytes, length_of(request));
  MUSTER_CO_ASSIGN(const bool fresh, co_await region.methods().keep_object(id, bytes, [&request] {
    return request.body_stream->read();
  }));
  co_return json_response(json::object{{"digest", id.str()}, {"size_bytes", bytes}},
                          fresh ? 201 : 200);
}

void add_content_routes(net::Router& router, Region& region) {
  add_route(
      router, "POST", "/v1/content/missing", "manage_methods",
      [&region](Request& request) { return missing_objects(region, request); },
      kMissingBodyBytesMax);
  net::RouteOptions options;
  options.access = "manage_methods";
  options.body_bytes_max = methods::kPackageFileBytesMax;
  options.stream_body = true;
  router.add(
      "PUT", "/v1/content/{digest}",
      [&region](Request& request) -> runtime::Task<Response> {
        auto response = co_await put_object(region, request);
        if (!response) co_return Response::error(response.error());
        co_return std::move(*response);
      },
      options);
}

}  // namespace

void add_method_routes(net::Router& router, Region& region) {
  add_route(router, region, "GET", "/v1/methods", "view", list_methods);
  add_route(router, region, "POST", "/v1/methods", "manage_methods", publish_method,
            kPublishBodyBytesMax);
  add_route(router, region, "GET", "/v1/methods/{name}", "view", show_method);
  add_route(router, region, "DELETE", "/v1/methods/{name}", "manage_methods", remove_method);
  add_route(router, region, "PUT", "/v1/methods/{name}/current", "manage_methods", mark_current);
  add_route(router, region, "GET", "/v1/methods/{name}/versions/{version}", "view", show_method);
  add_route(router, region, "DELETE", "/v1/methods/{name}/versions/{version}", "manage_methods",
            remove_method);
  add_route(router, region, "GET", "/v1/publishing-keys", "view", list_keys);
  add_route(router, region, "POST", "/v1/publishing-keys", "manage_methods", trust_key);
  add_route(router, region, "DELETE", "/v1/publishing-keys/{id}", "manage_methods", distrust_key);
  add_content_routes(router, region);
}

}  // namespace muster::server
