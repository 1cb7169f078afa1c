// SPDX-License-Identifier: Apache-2.0
//
// ServerProcess is one of several servers over one PostgreSQL (docs/postgresql.md): it stands by,
// leads while it has the lease, and stands by again, until a signal. Nothing of what it had in
// memory survives a change: who leads begins as a server does that was restarted.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "cli/region_process.h"
#include "server/config.h"
#include "store/servers.h"

namespace muster::cli {

class ServerProcess {
 public:
  /// Called once this process leads for the first time and serves.
  using Leads = std::function<core::Status(RegionProcess&)>;

  ServerProcess(server::ServerConfig config, Leads leads);
  /// Until a signal, or an error that no waiting mends.
  core::Status run();

 private:
  core::Status wait_for_keys();
  /// True: it goes on; false: a signal ended it.
  core::Result<bool> lead();
  core::Result<bool> stand_by();

  server::ServerConfig config_;
  Leads leads_;
  bool has_served_ = false;
  std::unique_ptr<store::Servers> servers_;
};

/// Makes this process one of the database's servers: place, secret and keys are checked.
core::Result<std::unique_ptr<store::Servers>> join_servers(const server::ServerConfig& config);

}  // namespace muster::cli
