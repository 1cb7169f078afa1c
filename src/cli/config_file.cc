// SPDX-License-Identifier: Apache-2.0
#include "cli/config_file.h"

#include <algorithm>

#include "agent/options.h"
#include "runtime/file.h"
#include "settings/file.h"

namespace muster::cli {
namespace {

/// The values of the command's file. None where it is not there and nobody named it.
core::Result<std::vector<settings::Value>> read_file(const Command& command) {
  const auto& given = command.given_config();
  const std::string file = given.value_or(command.default_config());
  if (file.empty()) return {};
  const auto text = runtime::read_file(file, settings::kTextBytesMax);
  if (!text && !given && text.error().code == core::Code::kNotFound) return {};
  if (!text)
    return core::fail(core::Code::kInvalid,
                      text.error().message + (given ? "" : "; --config FILE names another"));
  auto checked = settings::check(*text, command.settings());
  if (checked.mistakes.empty()) return std::move(checked.values);
  return core::fail(core::Code::kInvalid, settings::told(file, checked.mistakes));
}

}  // namespace

std::string Configured::heading() const {
  return "Settings of " + program + ". Each line shows the default or an example: remove the # " +
         "before it and change what stands behind the =. An option of the command line goes " +
         "before the line of its name here.\nCheck with: " +
         (name == "agent" ? "muster-agent check-config" : "muster config check " + config_file);
}

std::vector<Configured> configured_programs(const Command& root) {
  std::vector<Configured> found;
  for (const char* name : {"server", "gateway", "host"}) {
    const Command& command = *root.child(name);
    found.push_back({name, command.full_name(), command.default_config(), command.settings()});
  }
  found.push_back({"agent", "muster-agent", agent::kConfigFile, agent::settings()});
  return found;
}

core::Status read_settings(const Parsed& parsed, const Environment& environment) {
  const Command& command = *parsed.command;
  if (!command.configurable()) return {};
  MUSTER_ASSIGN(const auto values, read_file(command));
  for (std::size_t i = 0; i < command.options().size(); ++i) {
    const Option& option = command.options()[i];
    if (parsed.given.contains(i)) continue;
    if (!option.environment.empty()) {
      if (const auto value = environment(option.environment.c_str())) {
        MUSTER_TRY(option.set(*value));
        continue;
      }
    }
    if (!option.sample) continue;
    const auto at = std::ranges::find(values, option.long_name().substr(2), &settings::Value::key);
    if (at == values.end()) continue;
    for (const std::string& value : at->values) MUSTER_TRY(option.set(value));
  }
  return {};
}

}  // namespace muster::cli
