// SPDX-License-Identifier: Apache-2.0
//
// How an order goes over its hosts: the options of every command that orders a run.
#pragma once

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "core/clock.h"
#include "core/result.h"

namespace muster::cli {

struct RolloutOptions {
  std::optional<std::string> waves;  ///< "1,10%,100%"
  std::optional<std::uint64_t> parallel;
  std::optional<std::string> failures;     ///< "3", "5%"
  std::optional<std::string> on_failures;  ///< "stop", "pause"
  std::optional<core::Duration> wait;
  bool pause_between = false;
  bool count_unreachable = false;
};

void describe_rollout(Command& command, RolloutOptions& options);

/// Adds `rollout` to an order where it is asked for. kInvalid names the option that is wrong.
core::Status add_rollout(const RolloutOptions& options, boost::json::object& order);

/// "1,10%,each:site,role=db": numbers, percentages, labels and selectors. Commas within
/// parentheses belong to a selector.
core::Result<boost::json::array> parse_waves(std::string_view text);

}  // namespace muster::cli
