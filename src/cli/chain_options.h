// SPDX-License-Identifier: Apache-2.0
//
// What a method may start further: the options of every command that orders a method's run.
#pragma once

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "core/result.h"

namespace muster::cli {

struct ChainOptions {
  std::vector<std::string> methods;
  bool commands = false;
  std::optional<std::string> on;

  bool any() const { return !methods.empty() || commands || on; }
};

void describe_chain(Command& command, ChainOptions& options);

/// Adds `chain` to an order where it is asked for. kInvalid names the option that is missing.
core::Status add_chain(const ChainOptions& options, boost::json::object& order);

}  // namespace muster::cli
