// SPDX-License-Identifier: Apache-2.0
//
// Other regions on the command line: every command that asks the region can ask another one
// through it (`muster --region east hosts`), and some ask several at once.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <string>
#include <vector>

#include "cli/client.h"
#include "cli/context.h"
#include "cli/run_order.h"
#include "cli/transport.h"

namespace muster::cli {

/// What is sent to the region is passed on to the one called `name`.
std::unique_ptr<Transport> through_region(std::unique_ptr<Transport> transport, std::string name);

/// "a,b" apart; `all` stays one word.
std::vector<std::string> region_names(std::string_view text);

/// Hosts of several regions, each in a table of its own; the exit code.
int list_hosts_of_regions(Context& context, const std::string& regions, const std::string& selector,
                          std::uint64_t limit, bool json);

/// Starts the order in several regions and shows what each answers; the exit code.
int run_in_regions(Context& context, std::vector<std::string> names, boost::json::object order,
                   const OrderOptions& options, const WatchOptions& watch);

}  // namespace muster::cli
