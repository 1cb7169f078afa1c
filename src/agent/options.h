// SPDX-License-Identifier: Apache-2.0
//
// The command line and the configuration file of muster-agent. Both, the help and the page of
// the manual are made from one table.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "settings/setting.h"
#include "settings/text.h"

namespace muster::agent {

/// Read where it is there and --config names no other.
inline constexpr const char* kConfigFile = "/etc/muster/agent.toml";

struct Options {
  enum class Action { kHelp, kVersion, kEnrol, kRun, kStatus, kCheckConfig, kPacks };
  Action action = Action::kHelp;
  std::filesystem::path state;  ///< the machine's state folder; never empty
  std::string server;  ///< enrol: where, empty: at whoever is found; run: where the region's server
                       ///< is from now on
  std::vector<std::string> gateways;  ///< host:port, to log in at before the server
  std::string token;                  ///< or
  std::string token_file;             ///< "-": standard input
  std::string log_level = "info";
  std::filesystem::path publishing_keys;  ///< run: PEM; empty: the region says which
  bool only_methods = false;
  bool no_discovery = false;                   ///< ask no network for servers
  bool answer_discovery = false;               ///< run: be found by `muster discover`
  bool no_self_update = false;                 ///< run: refuse orders to update this agent
  std::uint64_t cache_bytes_max = 1ULL << 30;  ///< run: of what was fetched
  std::uint64_t bytes_per_second = 0;          ///< run: of all downloads; 0: no limit
  bool again = false;
  /// Where users of this machine ask: run: empty or "none" for nowhere; packs: never empty.
  std::string user_socket;
  std::vector<std::string> words;  ///< packs: what follows
  bool json = false;               ///< packs: print what the agent says
  std::string config;              ///< the file that was named; empty: kConfigFile, if it is there
};

/// The command line, and where it says nothing the environment and the configuration file.
/// kInvalid with a sentence that ends in what to type, or the file's mistakes by line.
core::Result<Options> parse_options(int count, char* const* words);

/// What is wrong with a configuration file; nothing where it is in order. An error: it cannot
/// be read.
core::Result<std::vector<settings::Mistake>> check_config(const std::string& file);

/// What may stand in the configuration file.
std::vector<settings::Setting> settings();

std::string help_text();

/// For the manual: one row of the help.
struct HelpRow {
  std::string_view left;   ///< "--server HOST", "run"
  std::string_view right;  ///< what it does
};
std::span<const HelpRow> command_rows();
std::vector<std::pair<std::string, std::string>> option_rows();
std::string_view summary();

}  // namespace muster::agent
