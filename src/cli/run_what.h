// SPDX-License-Identifier: Apache-2.0
//
// What is run, as `muster run` and `muster schedule create` take it: a command, a line for
// the shell, nothing but a ping, or a method with its arguments.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/run_order.h"

namespace muster::cli {

struct CommandOptions {
  std::vector<std::string> argv;
  std::optional<std::string> shell;
  bool ping = false;
  std::optional<std::string> directory;
  std::vector<std::string> environment;
  std::optional<std::string> stdin_from;
  bool idempotent = false;
};
void describe(Command& command, CommandOptions& options);

/// kInvalid unless exactly one thing is to be run; `help` is the command that tells more.
core::Status check(const CommandOptions& options, const OrderOptions& order, std::string_view help);
/// The `command` or `ping` of a RunRequest. Reads what --stdin names.
core::Result<boost::json::object> order_of(Context& context, const CommandOptions& options,
                                           const OrderOptions& order);

/// The arguments of `method` (as the server shows it) that `words` give, typed and checked.
core::Result<boost::json::object> method_arguments(const Json& method,
                                                   const std::vector<std::string>& words);

}  // namespace muster::cli
