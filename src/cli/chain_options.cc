// SPDX-License-Identifier: Apache-2.0
#include "cli/chain_options.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace muster::cli {

using core::Code;
using core::fail;

void describe_chain(Command& command, ChainOptions& options) {
  command
      .option("--may-start", "METHOD,…",
              "the method may start these methods on other hosts; may be repeated", options.methods)
      .flag("--may-start-commands", "and commands", options.commands)
      .option("--may-start-on", "SELECTOR", "on these hosts; 'all' is every host you may reach",
              options.on);
}

core::Status add_chain(const ChainOptions& options, boost::json::object& order) {
  if (!options.any()) return {};
  if (!options.on || options.on->empty())
    return fail(Code::kInvalid,
                "--may-start-on SELECTOR is missing: on which hosts may it be started?");
  boost::json::array methods;
  for (std::string_view list : options.methods) {
    while (!list.empty()) {
      const std::size_t comma = std::min(list.find(','), list.size());
      if (comma > 0) methods.emplace_back(list.substr(0, comma));
      list.remove_prefix(std::min(comma + 1, list.size()));
    }
  }
  if (methods.empty() && !options.commands)
    return fail(Code::kInvalid, "--may-start METHOD is missing: what may be started there?");
  boost::json::object chain{{"methods", std::move(methods)}, {"selector", *options.on}};
  if (options.commands) chain["commands"] = true;
  order["chain"] = std::move(chain);
  return {};
}

}  // namespace muster::cli
