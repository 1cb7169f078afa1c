// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/command.h"

namespace muster::cli {

/// Scripts for the three shells: subcommands, options with their help, and the
/// words of those that have choices.
std::string bash_completion(const Command& root);
std::string zsh_completion(const Command& root);
std::string fish_completion(const Command& root);

}  // namespace muster::cli
