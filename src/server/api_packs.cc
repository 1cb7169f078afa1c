// SPDX-License-Identifier: Apache-2.0
//
// File packs: what there is and what is in them. They are published, run and removed as the
// methods that they are.
#include <charconv>

#include "core/bytes.h"
#include "server/api.h"
#include "server/json.h"
#include "server/pack_service.h"
#include "server/region.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;
using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;

json::object to_json(const catalog::Published& published, std::string_view name) {
  json::object object{{"name", std::string(name)},
                      {"version", published.version},
                      {"current", published.current},
                      {"digest", published.digest.str()},
                      {"size_bytes", published.bytes},
                      {"published_at", time_text(published.published_at)},
                      {"published_by", published.published_by},
                      {"key", core::to_hex(published.key_id)}};
  set(object, "description", published.description);
  return object;
}

std::string_view kind_name(packs::Kind kind) {
  switch (kind) {
    case packs::Kind::kDirectory:
      return "directory";
    case packs::Kind::kSymlink:
      return "symlink";
    default:
      return "file";
  }
}

json::object to_json(const packs::Index& index, const packs::Entry& entry) {
  const bool step = entry.target == index.steps();
  json::object object{
      {"path", step ? entry.path : index.targets[entry.target].path + "/" + entry.path},
      {"kind", step ? "step" : kind_name(entry.kind)}};
  if (entry.kind != packs::Kind::kSymlink) {
    std::string mode(4, '0');
    for (int i = 0; i < 4; ++i)
      mode[3 - i] = static_cast<char>('0' + ((entry.mode >> (3 * i)) & 7));
    object["mode"] = mode;
  }
  set(object, "owner", entry.owner);
  set(object, "group", entry.group);
  set(object, "link", entry.link);
  if (entry.kind != packs::Kind::kFile) return object;
  object["size_bytes"] = entry.size;
  object["sha256"] = entry.sha256.str();
  return object;
}

/// Sizes of the files; the package's own where its index cannot be read.
runtime::Task<core::Status> set_sizes(PackService& service, catalog::Published published,
                                      json::object& object) {
  const auto sizes = co_await service.sizes(published);
  if (!sizes && sizes.error().code == Code::kCancelled) co_return core::fail(sizes.error());
  if (!sizes) co_return core::Status{};
  object["size_bytes"] = sizes->bytes;
  object["files"] = sizes->files;
  co_return core::Status{};
}

Answer list_packs(PackService& service, Request& request) {
  MUSTER_CO_ASSIGN(const auto limit, limit_of(request));
  const std::string after(request.query_value("after").value_or(""));
  MUSTER_CO_ASSIGN(const auto page, co_await service.list(limit, after));
  json::array array;
  for (const auto& listed : page.methods) {
    json::object object = to_json(listed.current, listed.current.name);
    object["versions"] = listed.versions;
    MUSTER_CO_TRY(co_await set_sizes(service, listed.current, object));
    array.push_back(std::move(object));
  }
  co_return json_response(json::object{{"packs", std::move(array)}, {"next", cursor(page.next)}});
}

Answer show_pack(PackService& service, Request& request) {
  const std::string name(request.param("name"));
  MUSTER_CO_ASSIGN(const auto pack,
                   co_await service.find(name, std::string(request.param("version"))));
  MUSTER_CO_ASSIGN(const auto all, co_await service.versions(name));
  const packs::Index& index = *pack.index;
  json::object object = to_json(pack.method->published, name);
  set(object, "description", index.description);
  json::array targets, versions;
  for (const auto& target : index.targets)
    targets.push_back(json::object{{"path", target.path}, {"owned", target.owned}});
  for (const auto& version : all) {
    json::object each = to_json(version, name);
    MUSTER_CO_TRY(co_await set_sizes(service, version, each));
    versions.push_back(std::move(each));
  }
  object["targets"] = std::move(targets);
  object["versions"] = std::move(versions);
  std::uint64_t files = 0;
  for (const auto& entry : index.entries) files += entry.kind == packs::Kind::kFile ? 1 : 0;
  object["files"] = files;
  object["size_bytes"] = object["files_bytes"] = index.bytes();
  object["containers"] = index.containers.size();
  set(object, "pre", index.pre);
  set(object, "post", index.post);
  co_return json_response(object);
}

/// The cursor is the number of entries before the page.
Answer list_files(PackService& service, Request& request) {
  MUSTER_CO_ASSIGN(const auto limit, limit_of(request));
  const auto text = request.query_value("after").value_or("0");
  std::size_t from = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), from);
  if (wrong != std::errc() || end != text.data() + text.size())
    co_return fail(Code::kInvalid, "'after' must be the 'next' of the page before");
  MUSTER_CO_ASSIGN(const auto pack, co_await service.find(std::string(request.param("name")),
                                                          std::string(request.param("version"))));
  const auto& entries = pack.index->entries;
  json::array files;
  std::size_t at = std::min(from, entries.size());
  for (; at < entries.size() && files.size() < limit; ++at)
    files.push_back(to_json(*pack.index, entries[at]));
  std::optional<std::string> next;
  if (at < entries.size()) next = std::to_string(at);
  co_return json_response(json::object{{"files", std::move(files)}, {"next", cursor(next)}});
}

Answer read_index(PackService& service, Request& request) {
  MUSTER_CO_ASSIGN(auto bytes, co_await service.index(std::string(request.param("name")),
                                                      std::string(request.param("version"))));
  co_return Response::bytes(std::move(bytes), "application/octet-stream");
}

}  // namespace

void add_pack_routes(net::Router& router, Region& region) {
  using Handler = Answer (*)(PackService&, Request&);
  const auto add = [&](const char* pattern, Handler handler) {
    add_route(router, "GET", pattern, "view",
              [&region, handler](Request& request) { return handler(region.packs(), request); });
  };
  add("/v1/packs", list_packs);
  add("/v1/packs/{name}", show_pack);
  add("/v1/packs/{name}/versions/{version}", show_pack);
  add("/v1/packs/{name}/versions/{version}/files", list_files);
  add("/v1/packs/{name}/versions/{version}/index", read_index);
}

}  // namespace muster::server
