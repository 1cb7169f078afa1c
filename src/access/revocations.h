// SPDX-License-Identifier: Apache-2.0
//
// Whose certificates do not count any more, although they have not expired.
//
// The list is in memory too, because every handshake asks it. It belongs to the
// loop's thread; the database is changed first, then the memory.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "access/types.h"
#include "identity/certificate.h"
#include "store/database.h"

namespace muster::access {

struct Revocation {
  std::string subject;  ///< "endpoint:<id>", "gateway:<name>" or "serial:<hex>".
  core::WallTime at;
  std::string by;
  std::string reason;
};

class Revocations {
 public:
  Revocations(store::Database& database, Clock clock);

  /// Fills the memory from the database. Blocking; for start-up.
  core::Status load();

  /// An endpoint by its id: all its certificates, now and later. Needs kManageHosts.
  /// kExists where it is revoked already. `also` runs in the same transaction.
  using Also = std::function<core::Status(store::Connection&)>;
  runtime::Task<core::Status> revoke_endpoint(Principal by, core::EndpointId id, std::string reason,
                                              Also also = {});
  runtime::Task<core::Status> revoke_gateway(Principal by, std::string name, std::string reason,
                                             Also also = {});
  /// One certificate by its serial number in hexadecimal.
  runtime::Task<core::Status> revoke_serial(Principal by, std::string serial, std::string reason,
                                            Also also = {});

  /// True where the peer must not be served. No I/O.
  bool revoked(const identity::PeerIdentity& peer) const;
  bool revoked(core::EndpointId id) const;
  /// All, in no order.
  std::vector<Revocation> list() const;

  /// Called on the loop after each new revocation, so that live links can be cut.
  void on_revoked(std::function<void(const Revocation&)> listener) {
    listener_ = std::move(listener);
  }

 private:
  runtime::Task<core::Status> revoke(Principal by, std::string subject, std::string reason,
                                     Also also);
  store::Database& database_;
  Clock clock_;
  std::unordered_map<std::string, Revocation> revoked_;  // by subject
  std::function<void(const Revocation&)> listener_;
};

}  // namespace muster::access
