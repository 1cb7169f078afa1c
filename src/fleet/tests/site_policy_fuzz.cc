// SPDX-License-Identifier: Apache-2.0
//
// Any text as a site policy: refused with a line and a column, or read and decided by, never
// worse.
#include <cstdint>

#include "core/assert.h"
#include "fleet/placement.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto policy = fleet::SitePolicy::parse(text);
  if (!policy) {
    MUSTER_ASSERT(policy.error().line >= 1 && policy.error().column >= 1);
    MUSTER_ASSERT(policy.error().message.starts_with("line "));
    return 0;
  }
  static const core::EndpointId id = core::EndpointId::of_public_key("key");
  static const fleet::Platform platform{"linux", "debian", "12", "6.1", "x86_64", "0.1.0", {"a"}};
  static const fleet::Labels labels = {{"role", "db"}, {"site", "north"}};
  fleet::Subject host;
  host.id = &id;
  host.name = "web07";
  host.platform = &platform;
  host.labels = labels;
  host.address = "10.1.2.3";
  const std::vector<fleet::GatewayView> gateways{
      {"main", fleet::GatewayState::kUp, 100, 99, 0},
      {"north-a", fleet::GatewayState::kDraining, 100, 5, 0},
      {"north-b", fleet::GatewayState::kUp, 100, 5, 95},
      {"south", fleet::GatewayState::kAway, 100, 0, 0}};
  const auto told = fleet::explain(*policy, host, gateways, {.at = 1, .counted = true});
  MUSTER_ASSERT(told.gateway == "main");  // the only one with a place
  MUSTER_ASSERT(!told.why.empty() && !fleet::admission_of(*policy, host).why.empty());
  return 0;
}
