// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/command.h"

namespace muster::cli {

class Client;

/// Scripts for the three shells: subcommands, options with their help, and the
/// words of those that have choices. Behind `muster method run` they ask the region
/// (completion_words), nowhere else.
std::string bash_completion(const Command& root);
std::string zsh_completion(const Command& root);
std::string fish_completion(const Command& root);

/// What may stand in the place of the last of `words`, which follow the program's name: the
/// names of methods, and the parameters of the one that is named. Nothing where the region
/// does not tell, or another command stands there.
std::vector<std::string> completion_words(Client& client, const Command& root,
                                          std::span<const std::string> words);

}  // namespace muster::cli
