// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "jobs/run_store.h"
#include "runtime/descriptor.h"

namespace muster::server {

struct ServerConfig {
  /// Holds the database, the authority's key and the server's certificate.
  std::filesystem::path state;
  /// `postgresql://user@host/name`: the database is there, and everything else in `state`.
  std::string database = {};
  /// A file with the region's secret, which is taken into `state`; empty: the one there.
  std::filesystem::path region_secret = {};
  std::string address = "0.0.0.0";
  std::uint16_t port = 7443;
  /// Listens there already, where this process has served before as another of several servers.
  std::shared_ptr<runtime::Descriptor> listening = {};
  /// The server's name in its certificate; empty: the host's name.
  std::string name;
  /// Further DNS names and addresses by which clients reach it.
  std::vector<std::string> alternative_names;
  /// Agents that are offered to new machines: a folder with muster-agent-TYPE, and the one for
  /// machines of this type where the folder has none. Empty: none.
  std::filesystem::path agents = {};
  std::filesystem::path own_agent = {};
  /// Those of the region who ask the network (UDP) are told where the server is.
  bool discovery = true;
  /// Bytes of the objects that are published; more are refused.
  std::uint64_t content_bytes_max = 64ULL << 30;
  /// What is kept of finished runs.
  jobs::Retention retention;
};

}  // namespace muster::server
