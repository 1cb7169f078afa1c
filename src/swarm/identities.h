// SPDX-License-Identifier: Apache-2.0
//
// Keys and certificates of simulated endpoints: real ones, enrolled like any other's,
// many on one connection. Kept in a file, so that a swarm can come back.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "net/http_client.h"
#include "runtime/loop.h"

namespace muster::swarm {

struct Identities {
  std::string ca_pem;
  std::vector<net::TlsIdentity> endpoints;
};

/// kNotFound where there is no such file.
core::Result<Identities> load_identities(const std::filesystem::path& path);
core::Status save_identities(const std::filesystem::path& path, const Identities& identities);

/// Enrols until there are `wanted`; the token needs that many uses.
runtime::Task<core::Status> enrol_more(runtime::Loop& loop, net::ServerAddress server,
                                       std::string token, std::size_t wanted,
                                       Identities& identities);

}  // namespace muster::swarm
