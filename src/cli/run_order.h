// SPDX-License-Identifier: Apache-2.0
//
// What `muster run`, `muster method run` and others that order runs have in common: the
// options, what is said before anything starts, watching, answers and exit code.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <optional>
#include <string>

#include "cli/context.h"
#include "cli/rollout_options.h"
#include "core/clock.h"

namespace muster::cli {

/// Where and within which limits something is run: members of RunRequest.
struct OrderOptions {
  std::string on;
  std::optional<core::Duration> timeout;
  std::optional<core::Duration> queue;
  std::optional<std::string> user;
  std::optional<std::uint64_t> memory;
  std::optional<std::uint64_t> output_max;
  std::optional<std::string> description;
  RolloutOptions rollout;
};
void describe(Command& command, OrderOptions& options);
/// All but the user, which belongs to what is run. kInvalid names the option that is wrong.
core::Status add_to(boost::json::object& order, const OrderOptions& options);

/// What becomes of the answers.
struct WatchOptions {
  bool live = false;
  bool json = false;
  bool jsonl = false;
  bool quiet = false;
  bool no_fold = false;
  bool detach = false;
  bool yes = false;
};
void describe(Command& command, WatchOptions& options);

/// kInvalid where options contradict each other or `--on` is missing; `help` is the command
/// that tells more.
core::Status check(const OrderOptions& order, const WatchOptions& watch, std::string_view help);

/// Shows what a finished run has brought, where nobody asked for JSON; else print_results().
using ShowAnswers = std::function<core::Status(Context&, Client&, const Json& run)>;

/// Says who is offline, asks where many match, orders, watches, prints the answers. The exit
/// code of the command. `harmless`: nothing to ask about.
int order_and_watch(Context& context, Client& client, boost::json::object order,
                    const OrderOptions& options, const WatchOptions& watch, bool harmless = false,
                    const ShowAnswers& show = {});

/// Watches a run that was created, prints the answers; the exit code.
int watch_run(Context& context, Client& client, const Json& created, const WatchOptions& watch);

}  // namespace muster::cli
