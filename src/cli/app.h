// SPDX-License-Identifier: Apache-2.0
//
// The program `muster`: the tree of commands, and one run through it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/context.h"

namespace muster::cli {

/// Every command, with its options, arguments and help.
/// `region`: where the other region that is asked is put.
std::unique_ptr<Command> build_tree(
    std::shared_ptr<std::string> region = std::make_shared<std::string>());

/// Parses and runs; the value is the program's exit code.
int run_program(Context& context, const std::vector<std::string>& words);

}  // namespace muster::cli
