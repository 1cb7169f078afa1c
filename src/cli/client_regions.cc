// SPDX-License-Identifier: Apache-2.0
//
// The part of the API that is about other regions.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "cli/client.h"
#include "core/bytes.h"
#include "core/clock.h"

namespace muster::cli {

core::Result<Json> Client::region_card(std::string_view name) {
  return call("GET",
              name.empty() ? "/v1/regions/card" : "/v1/regions/card?name=" + url_escape(name));
}

core::Result<Json> Client::hosts_of_regions(std::string_view regions, std::string_view selector,
                                            std::uint64_t limit) {
  std::string target = "/v1/regions/hosts?regions=" + url_escape(regions);
  if (!selector.empty()) target += "&selector=" + url_escape(selector);
  return call("GET", target + "&limit=" + std::to_string(limit));
}

core::Result<Json> Client::run_in_regions(const std::vector<std::string>& names,
                                          boost::json::object order) {
  boost::json::array regions;
  for (const auto& name : names) regions.emplace_back(name);
  const Json body =
      boost::json::object{{"regions", std::move(regions)}, {"order", std::move(order)}};
  return call("POST", "/v1/regions/runs", &body, core::to_base32(core::random_bytes(16)));
}

core::Result<Json> Client::remote_runs(std::size_t limit) {
  boost::json::array runs;
  MUSTER_TRY(pages("/v1/regions/runs", "runs", "after", limit, [&](const Json& run) {
    runs.push_back(run);
    return true;
  }));
  return Json(boost::json::object{{"runs", std::move(runs)}});
}

}  // namespace muster::cli
