// SPDX-License-Identifier: Apache-2.0
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "cli/pack_commands.h"

namespace muster::cli {
namespace {

core::Result<std::string> get(Context& context, const std::string& target) {
  MUSTER_ASSIGN(Region region, find_region(context.environment));
  const auto transport = context.open(std::move(region));
  MUSTER_ASSIGN(Answer answer, transport->request({"GET", target, "", ""}));
  if (answer.status >= 400) return core::fail(error_of(answer));
  return std::move(answer.body);
}

/// All pages of a list, as one.
core::Result<Json> pages(Context& context, const std::string& target, std::string_view list) {
  boost::json::array all;
  for (std::string next;;) {
    const std::string page =
        target + "?limit=1000" + (next.empty() ? "" : "&after=" + url_escape(next));
    MUSTER_ASSIGN(const std::string body, get(context, page));
    std::error_code failed;
    const Json answer = boost::json::parse(body, failed);
    if (failed) return core::fail(core::Code::kCorrupt, "the server answered with what is no JSON");
    for (const Json& element : elements(answer, list)) all.push_back(element);
    const std::string before = std::exchange(next, text(answer, "next"));
    if (next.empty() || next == before) break;  // the second would go round for ever
  }
  return Json(boost::json::object{{std::string(list), std::move(all)}});
}

std::string version_path(const std::string& name, const std::string& version) {
  return "/v1/packs/" + url_escape(name) + "/versions/" + url_escape(version);
}

}  // namespace

core::Result<Json> all_packs(Context& context) {
  return pages(context, "/v1/packs", "packs");
}

core::Result<Json> one_pack(Client& client, const std::string& name, const std::string& version) {
  if (version.empty()) return client.get({"packs", name});
  return client.get({"packs", name, "versions", version});
}

core::Result<Json> pack_files(Context& context, const std::string& name,
                              const std::string& version) {
  return pages(context, version_path(name, version) + "/files", "files");
}

core::Result<std::string> pack_index(Context& context, const std::string& name,
                                     const std::string& version) {
  return get(context, version_path(name, version) + "/index");
}

}  // namespace muster::cli
