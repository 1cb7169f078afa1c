// SPDX-License-Identifier: Apache-2.0
//
// Placement carries out the site policy: it tells the Assigner what happens, sends endpoints
// where it decides, and keeps the policy and the drained gateways in the database.
//
// Lives on the server's loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/types.h"
#include "fleet/assigner.h"
#include "fleet/policy_store.h"
#include "fleet/registry.h"
#include "link/region_ports.h"
#include "runtime/loop.h"
#include "runtime/task.h"
#include "store/database.h"

namespace muster::server {

class Placement {
 public:
  /// Finds the gateway of that name; null where it is gone.
  using FindGateway = std::function<link::RegionGateway*(const std::string& name)>;

  Placement(runtime::Loop& loop, store::Database& database, fleet::Registry& registry,
            FindGateway find_gateway);

  /// Loads what is stored. Blocking; once, first. A stored policy that this version cannot
  /// read is kCorrupt.
  core::Status open();
  /// Begins to move hosts.
  void start();
  void stop() { tick_.cancel(); }

  // What the hub tells.
  void gateway_up(const std::string& name, std::uint32_t capacity,
                  std::optional<std::vector<std::string>> addresses);
  void gateway_down(const std::string& name);
  /// Where an endpoint that asks at `gateway` must go instead; nothing: it is right there.
  std::optional<wire::Goodbye> elsewhere(const core::EndpointId& id, const std::string& gateway,
                                         const wire::LinkUp& message);
  void arrived(const core::EndpointId& id, const std::string& gateway);
  /// host:port of gateways that would take it if its own were gone.
  std::vector<std::string> others(const core::EndpointId& id, const std::string& gateway) {
    return assigner_.others(id, gateway);
  }
  void left(const core::EndpointId& id) { assigner_.left(id); }
  void forget(const core::EndpointId& id) { assigner_.forget(id); }

  /// The policy as it is in force: immutable, for any thread.
  std::shared_ptr<const fleet::SitePolicy> policy() const { return policy_; }
  /// Puts it in force once it is durable; `made_from`: the version that it replaces, or
  /// whichever is in force. kInvalid with line and column, kConflict where it is another.
  runtime::Task<core::Result<fleet::StoredPolicy>> set(access::Principal by, std::string text,
                                                       std::optional<std::int64_t> made_from);
  runtime::Task<core::Result<fleet::StoredPolicy>> stored(std::optional<std::int64_t> version);
  runtime::Task<core::Result<std::vector<fleet::StoredPolicy>>> versions();

  /// Its hosts leave, and no others are sent there, until that is undone.
  runtime::Task<core::Status> drain(access::Principal by, std::string gateway, bool draining);
  std::vector<fleet::GatewayView> gateways() const { return assigner_.gateways(); }

  /// As placement sees a host: where its link is plays no part.
  static fleet::Subject subject_of(const fleet::Endpoint& endpoint);
  fleet::Explanation explain(const core::EndpointId* id, const fleet::Subject& host,
                             std::string_view at, const fleet::SitePolicy* instead) const {
    return assigner_.explain(id, host, at, instead, core::mono_now());
  }

 private:
  void tick();
  void take(std::shared_ptr<const fleet::SitePolicy> policy);

  store::Database& database_;
  fleet::Registry& registry_;
  FindGateway find_gateway_;
  std::shared_ptr<const fleet::SitePolicy> policy_;
  fleet::Subject subject_;  ///< of the host that the Assigner looks at
  fleet::Assigner assigner_;
  runtime::Timer tick_;
};

}  // namespace muster::server
