// SPDX-License-Identifier: Apache-2.0
//
// The command line of muster-agent.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace muster::agent {

struct Options {
  enum class Action { kHelp, kVersion, kEnrol, kRun, kStatus };
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
  std::uint64_t cache_bytes_max = 1ULL << 30;  ///< run: of what was fetched
  std::uint64_t bytes_per_second = 0;          ///< run: of all downloads; 0: no limit
  bool again = false;
};

/// kInvalid with a sentence that ends in what to type.
core::Result<Options> parse_options(int count, char* const* words);

std::string_view help_text();

}  // namespace muster::agent
