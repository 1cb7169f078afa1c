// SPDX-License-Identifier: Apache-2.0
//
// Configuration files of `muster server`, `gateway`, `host` and `up`, and of the agent beside them.
//
// What counts: an option, else the variable of the environment, else the file, else the default.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/config.h"
#include "settings/setting.h"

namespace muster::cli {

inline constexpr const char* kServerConfig = "/etc/muster/server.toml";
inline constexpr const char* kGatewayConfig = "/etc/muster/gateway.toml";
inline constexpr const char* kHostConfig = "/etc/muster/host.toml";

/// A program that reads a configuration file.
struct Configured {
  std::string name;         ///< "server"
  std::string program;      ///< "muster server"
  std::string config_file;  ///< where it looks by itself
  std::vector<settings::Setting> settings;

  /// What a default file begins with.
  std::string heading() const;
};

/// server, gateway, host and agent.
std::vector<Configured> configured_programs(const Command& root);

/// Sets what the command line does not give from the environment and the command's file. Does
/// nothing for a command that has none. kInvalid lists the file's mistakes by line.
core::Status read_settings(const Parsed& parsed, const Environment& environment);

}  // namespace muster::cli
