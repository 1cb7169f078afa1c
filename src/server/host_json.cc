// SPDX-License-Identifier: Apache-2.0
#include "server/host_json.h"

#include "server/json.h"

namespace muster::server {
namespace {

json::object facts_json(const fleet::Endpoint& endpoint) {
  const fleet::Platform& platform = *endpoint.platform;
  json::object facts;
  set(facts, "hostname", endpoint.name);
  set(facts, "os", platform.os);
  set(facts, "distribution", platform.distribution);
  set(facts, "distribution_version", platform.distribution_version);
  set(facts, "kernel", platform.kernel);
  set(facts, "machine", platform.machine);
  set(facts, "agent_version", platform.agent_version);
  if (endpoint.cpus > 0) facts["cpus"] = endpoint.cpus;
  if (endpoint.memory_bytes > 0) facts["memory_bytes"] = endpoint.memory_bytes;
  if (endpoint.booted_unix_ms > 0)
    facts["booted_at"] = time_text(core::wall_from_unix_ms(endpoint.booted_unix_ms));
  if (!platform.features.empty())
    facts["features"] = json::array(platform.features.begin(), platform.features.end());
  if (!endpoint.addresses.empty())
    facts["addresses"] = json::array(endpoint.addresses.begin(), endpoint.addresses.end());
  return facts;
}

}  // namespace

json::object host_json(const fleet::Endpoint& endpoint) {
  json::object labels;
  for (const auto& label : endpoint.labels) labels[label.key] = label.value;
  json::object host{{"id", endpoint.id.str()},
                    {"name", endpoint.name},
                    {"online", endpoint.online()},
                    {"state", fleet::name(endpoint.state)},
                    {"labels", std::move(labels)},
                    {"facts", facts_json(endpoint)},
                    {"enrolled_at", time_text(endpoint.enrolled_at)}};
  set(host, "address", endpoint.address);
  if (endpoint.online()) host["gateway"] = endpoint.connection->gateway;
  if (endpoint.last_contact != core::WallTime{})
    host["last_contact"] = time_text(endpoint.last_contact);
  set(host, "warning", endpoint.warning);
  return host;
}

}  // namespace muster::server
