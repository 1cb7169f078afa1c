// SPDX-License-Identifier: Apache-2.0
//
// The agents that a server offers, as a signed method `muster_agent::update`: what each host is
// updated to (docs/updates.md).
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cli/client.h"
#include "methods/package.h"

namespace muster::cli {

inline constexpr const char* kUpdateMethod = "muster_agent::update";
/// What agents announce that can and may update themselves.
inline constexpr const char* kUpdateFeature = "self-update";

/// One agent's program.
struct OfferedAgent {
  std::string type;  ///< of machines
  std::string version;
  std::string digest;                          ///< SHA-256, hexadecimal
  std::shared_ptr<const std::string> bytes{};  ///< null: the server has them
};

/// The newest version that the server offers, for each type of machine that has it.
/// kNotFound where it offers none.
struct Offer {
  std::string version;
  std::vector<OfferedAgent> agents;
  /// Version of the method: this version, and which builds of it.
  std::string method_version() const;
};
core::Result<Offer> offer_of(const Json& agents);
/// The same of files muster-agent-TYPE of this machine.
core::Result<Offer> offer_of(const std::filesystem::path& folder);

struct AgentPackage {
  std::string manifest;
  std::vector<std::string> objects;  ///< the bytes of its files
};
/// `programs`: the bytes of `offer.agents`, in their order, as their digests say.
core::Result<AgentPackage> package_of(const Offer& offer, std::vector<std::string> programs);

}  // namespace muster::cli
