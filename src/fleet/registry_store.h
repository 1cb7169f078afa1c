// SPDX-License-Identifier: Apache-2.0
//
// The registry's tables. Each function runs inside Database::write or ::read.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"
#include "fleet/endpoint.h"
#include "store/connection.h"
#include "store/migration.h"

namespace muster::fleet {

store::MigrationSet registry_migrations();

/// What is kept of an endpoint beside its enrolment.
struct StoredEndpoint {
  core::EndpointId id;
  std::string facts;   ///< wire::Facts, serialised
  std::string labels;  ///< key=value lines
  std::string address;
  core::WallTime last_contact;
};

class RegistryStore {
 public:
  /// Everything, for Registry::load.
  static core::Result<std::vector<Endpoint>> load(store::Connection& connection);
  /// A new endpoint (or the same key enrolled again: its labels are replaced, its
  /// state is kept). kDenied where it is revoked. In the transaction that uses up the token.
  static core::Status insert(store::Connection& connection, const core::EndpointId& id,
                             const Labels& labels, core::WallTime now,
                             EndpointState state = EndpointState::kActive);
  /// Of a held one. kNotFound; kConflict where it is not held.
  static core::Status approve(store::Connection& connection, const core::EndpointId& id);
  static core::Result<bool> knows(store::Connection& connection, const core::EndpointId& id);
  /// What Registry::take_unsaved gave.
  static core::Status save(store::Connection& connection, std::span<const StoredEndpoint> rows);
  static core::Status revoke(store::Connection& connection, const core::EndpointId& id);
  static core::Status remove(store::Connection& connection, const core::EndpointId& id);
};

}  // namespace muster::fleet
