// SPDX-License-Identifier: Apache-2.0
//
// Looking through networks for machines.
#include <charconv>

#include "access/audit.h"
#include "server/api.h"
#include "server/json.h"
#include "server/region.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;
using net::Request;
using net::Response;
using Answer = runtime::Task<core::Result<Response>>;

const std::vector<std::uint16_t> kPortsDefault{22, 7443};
constexpr std::size_t kNetworkBytesMax = 64;

json::object found_json(const Found& found, const fleet::Registry& registry) {
  json::object object{{"address", found.address.str()}, {"kind", found.kind()}};
  json::array& open = object["open_ports"].emplace_array();
  for (const auto port : found.open) open.emplace_back(port);
  set(object, "ssh", found.ssh);
  const fleet::Endpoint* endpoint = found.endpoint ? registry.find(*found.endpoint) : nullptr;
  if (endpoint) {
    object["endpoint"] = endpoint->id.str();
    object["name"] = endpoint->name;
    object["online"] = endpoint->online();
  }
  if (found.answers) object["agent"] = found.link_open ? "link open" : "link down";
  return object;
}

json::object sweep_json(const Sweep& sweep, const fleet::Registry& registry, bool with_found) {
  json::object object{{"id", sweep.id},
                      {"state", sweep.running   ? "running"
                                : sweep.stopped ? "stopped"
                                                : "finished"},
                      {"started_at", time_text(sweep.started_at)},
                      {"addresses", sweep.addresses},
                      {"looked_at", sweep.looked_at},
                      {"machines", sweep.found.size()}};
  json::array& networks = object["networks"].emplace_array();
  for (const auto& network : sweep.networks) networks.emplace_back(network.str());
  if (!with_found) return object;
  json::array& found = object["found"].emplace_array();
  for (const auto& [address, each] : sweep.found) found.push_back(found_json(each, registry));
  return object;
}

core::Result<std::vector<fleet::Subnet>> read_networks(const fleet::SitePolicy& policy,
                                                       const std::vector<std::string>& texts) {
  if (texts.empty()) return fail(Code::kInvalid, "networks: name at least one, as 10.1.7.0/24");
  std::vector<fleet::Subnet> networks;
  for (const auto& text : texts) {
    MUSTER_ASSIGN(const auto network, fleet::Subnet::parse(text));
    if (std::ranges::none_of(policy.discover, [&](const fleet::Subnet& allowed) {
          return allowed.contains(network);
        }))
      return fail(Code::kDenied, "the site policy does not open " + network.str() +
                                     " to discovery: add discover = [\"" + network.str() +
                                     "\"] to it (muster policy show > policy.toml; edit; muster "
                                     "policy set policy.toml)");
    // What lies in another one is looked at once.
    if (std::ranges::any_of(networks, [&](const auto& each) { return each.contains(network); }))
      continue;
    std::erase_if(networks, [&](const auto& each) { return network.contains(each); });
    networks.push_back(network);
  }
  return networks;
}

core::Result<std::vector<std::uint16_t>> read_ports(const json::object& body) {
  const json::value* value = body.if_contains("ports");
  if (!value) return kPortsDefault;
  const json::array* list = value->if_array();
  const auto wrong = [] {
    return fail(Code::kInvalid, "ports: a list of 1 to " + std::to_string(kSweepPortsMax) +
                                    " different numbers from 1 to 65535");
  };
  if (!list || list->empty() || list->size() > kSweepPortsMax) return wrong();
  std::vector<std::uint16_t> ports;
  for (const json::value& each : *list) {
    boost::system::error_code failed;
    const auto number = each.to_number<std::uint16_t>(failed);
    if (failed || number == 0 || std::ranges::find(ports, number) != ports.end()) return wrong();
    ports.push_back(number);
  }
  return ports;
}

Answer begin(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(json::object body, parse_object(request.body));
  MUSTER_CO_ASSIGN(auto ports, read_ports(body));
  body.erase("ports");
  Members members(body);
  const auto texts = members.texts("networks", kSweepNetworksMax, kNetworkBytesMax);
  MUSTER_CO_TRY(members.done());
  MUSTER_CO_ASSIGN(auto networks, read_networks(*region.placement().policy(),
                                                texts.value_or(std::vector<std::string>())));
  std::string list;
  for (const auto& network : networks) list += (list.empty() ? "" : " ") + network.str();
  const access::Principal by = caller(request);
  MUSTER_CO_ASSIGN(const auto sweep, region.sweeper().start(std::move(networks), std::move(ports)));
  if (auto noted =
          co_await region.database().write([&](store::Connection& connection) -> core::Status {
            MUSTER_TRY(access::Audit::append(connection, core::wall_now(), by, "discovery.start",
                                             std::to_string(sweep->id),
                                             access::audit_detail({{"networks", list}})));
            return {};
          });
      !noted) {
    region.sweeper().stop(sweep->id);  // what is not recorded does not happen
    co_return fail(std::move(noted.error()));
  }
  co_return json_response(sweep_json(*sweep, region.registry(), false), 202);
}

core::Result<std::shared_ptr<const Sweep>> named(Region& region, const Request& request) {
  const std::string_view text = request.param("id");
  std::uint64_t id = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), id);
  auto sweep = failed == std::errc() && end == text.data() + text.size() ? region.sweeper().find(id)
                                                                         : nullptr;
  if (!sweep)
    return fail(Code::kNotFound,
                "there is no such discovery: the last ones are kept while the server runs");
  return sweep;
}

Answer show(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const auto sweep, named(region, request));
  co_return json_response(sweep_json(*sweep, region.registry(), true));
}

Answer list(Region& region, Request&) {
  json::array sweeps;
  for (const auto& sweep : region.sweeper().all())
    sweeps.push_back(sweep_json(*sweep, region.registry(), false));
  json::array networks;
  for (const auto& network : region.placement().policy()->discover)
    networks.emplace_back(network.str());
  co_return json_response(
      json::object{{"discoveries", std::move(sweeps)}, {"allowed_networks", std::move(networks)}});
}

Answer stop(Region& region, Request& request) {
  MUSTER_CO_ASSIGN(const auto sweep, named(region, request));
  region.sweeper().stop(sweep->id);
  co_return Response::no_content();
}

}  // namespace

void add_discovery_routes(net::Router& router, Region& region) {
  add_route(router, region, "GET", "/v1/discoveries", "manage_region", list);
  add_route(router, region, "POST", "/v1/discoveries", "manage_region", begin);
  add_route(router, region, "GET", "/v1/discoveries/{id}", "manage_region", show);
  add_route(router, region, "POST", "/v1/discoveries/{id}/stop", "manage_region", stop);
}

}  // namespace muster::server
