// SPDX-License-Identifier: Apache-2.0
#include "cli/run_what.h"

#include <boost/json/array.hpp>

#include "cli/json_access.h"
#include "cli/text.h"
#include "core/bytes.h"
#include "methods/parameters.h"
#include "runtime/file.h"

namespace muster::cli {
namespace {

constexpr std::size_t kStdinBytesMax = 4 * 1024 * 1024;

core::Result<boost::json::object> command_of(Context& context, const CommandOptions& options,
                                             const std::optional<std::string>& user) {
  boost::json::object command;
  if (options.shell) {
    command["shell"] = *options.shell;
  } else {
    boost::json::array words;
    for (const auto& word : options.argv) {
      if (!core::is_utf8(word)) {
        return core::fail(core::Code::kInvalid, "the command's words must be UTF-8");
      }
      words.emplace_back(word);
    }
    command["argv"] = std::move(words);
  }
  if (user) command["user"] = *user;
  if (options.directory) command["directory"] = *options.directory;
  boost::json::object variables;
  for (const auto& pair : options.environment) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return core::fail(core::Code::kInvalid,
                        "--env: '" + in_line(pair) + "' is not of the form NAME=VALUE");
    }
    variables[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  if (!variables.empty()) command["environment"] = std::move(variables);
  if (options.stdin_from) {
    auto bytes = *options.stdin_from == "-"
                     ? context.terminal.read_all(kStdinBytesMax)
                     : read_given_file(*options.stdin_from, kStdinBytesMax, "--stdin");
    if (!bytes) return core::fail(std::move(bytes.error()));
    command["stdin_base64"] = core::to_base64(*bytes);
  }
  return command;
}

/// The method's parameters, as the server has them.
methods::Parameters parameters_of(const Json& method) {
  methods::Metadata metadata;
  if (!truth(method, "any_parameters")) metadata.parameters.emplace();
  for (const Json& listed : elements(method, "parameters")) {
    methods::Parameter parameter{text(listed, "name"), text(listed, "type"), "",
                                 truth(listed, "sensitive"), std::nullopt};
    if (const Json* value = member(listed, "default")) parameter.default_value = *value;
    metadata.parameters->push_back(std::move(parameter));
  }
  std::vector<methods::Problem> errors;
  std::vector<methods::Problem> warnings;
  return methods::Parameters::compile({}, {}, metadata, errors, warnings);
}

}  // namespace

void describe(Command& command, CommandOptions& options) {
  command.rest("COMMAND", "what to run, word by word; no shell in between", options.argv)
      .option("--shell", "LINE", "run this line by /bin/sh -c instead of a COMMAND", options.shell)
      .flag("--ping", "run nothing: only see which hosts answer", options.ping)
      .option("--dir", "PATH", "run in this folder (default: the user's home)", options.directory)
      .option("--env", "NAME=VALUE", "set a variable; may be repeated", options.environment)
      .option("--stdin", "FILE", "what the command reads; - is standard input", options.stdin_from)
      .flag("--idempotent", "doing it twice does no harm: send it again to an agent that restarted",
            options.idempotent);
}

core::Status check(const CommandOptions& options, const OrderOptions& order,
                   std::string_view help) {
  const auto bad = [&](const char* why) {
    return core::fail(core::Code::kInvalid, std::string(why) + "\nMore: " + std::string(help));
  };
  const int kinds = (options.argv.empty() ? 0 : 1) + (options.shell ? 1 : 0) + options.ping;
  if (kinds == 0) return bad("what to run is missing: -- COMMAND…, --shell 'LINE' or --ping");
  if (kinds > 1) return bad("only one of -- COMMAND…, --shell and --ping can be given");
  if (options.ping &&
      (options.stdin_from || order.user || options.directory || !options.environment.empty())) {
    return bad("--ping runs nothing: it takes no --stdin, --user, --dir or --env");
  }
  return {};
}

core::Result<boost::json::object> order_of(Context& context, const CommandOptions& options,
                                           const OrderOptions& order) {
  if (options.ping) return boost::json::object{{"ping", boost::json::object()}};
  MUSTER_ASSIGN(auto command, command_of(context, options, order.user));
  boost::json::object made{{"command", std::move(command)}};
  if (options.idempotent) made["idempotent"] = true;
  return made;
}

core::Result<boost::json::object> method_arguments(const Json& method,
                                                   const std::vector<std::string>& words) {
  const methods::Parameters parameters = parameters_of(method);
  MUSTER_ASSIGN(auto arguments, parameters.from_words(words, [](const std::string& path) {
    return runtime::read_file(path, methods::kArgumentsBytesMax);
  }));
  MUSTER_TRY(parameters.check(arguments));
  return arguments;
}

}  // namespace muster::cli
