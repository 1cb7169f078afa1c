// SPDX-License-Identifier: Apache-2.0
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "cli/commands.h"
#include "cli/run_order.h"
#include "cli/text.h"
#include "core/bytes.h"
#include "runtime/file.h"

namespace muster::cli {
namespace {

constexpr std::size_t kStdinBytesMax = 4 * 1024 * 1024;

struct RunOptions {
  OrderOptions order;
  WatchOptions watch;
  std::vector<std::string> argv;
  std::optional<std::string> shell;
  bool ping = false;
  std::optional<std::string> directory;
  std::vector<std::string> environment;
  std::optional<std::string> stdin_from;
  bool idempotent = false;
};

core::Status check_options(const RunOptions& options) {
  constexpr const char* kHelp = "muster run --help";
  const auto bad = [](const char* why) {
    return core::fail(core::Code::kInvalid, std::string(why) + "\nMore: " + kHelp);
  };
  MUSTER_TRY(check(options.order, options.watch, kHelp));
  const int kinds = (options.argv.empty() ? 0 : 1) + (options.shell ? 1 : 0) + options.ping;
  if (kinds == 0) return bad("what to run is missing: -- COMMAND…, --shell 'LINE' or --ping");
  if (kinds > 1) return bad("only one of -- COMMAND…, --shell and --ping can be given");
  if (options.ping && (options.stdin_from || options.order.user || options.directory ||
                       options.watch.live || !options.environment.empty())) {
    return bad("--ping runs nothing: it takes no --stdin, --user, --dir, --env or --live");
  }
  return {};
}

core::Result<boost::json::object> command_of(Context& context, const RunOptions& options) {
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
  if (options.order.user) command["user"] = *options.order.user;
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

int run(Context& context, const RunOptions& options) {
  if (const auto good = check_options(options); !good) return report(context, good.error());
  auto client = context.connect();
  if (!client) return report(context, client.error());
  boost::json::object order;
  if (options.ping) {
    order["ping"] = boost::json::object();
  } else {
    auto command = command_of(context, options);
    if (!command) return report(context, command.error());
    order["command"] = std::move(*command);
    if (options.idempotent) order["idempotent"] = true;
  }
  return order_and_watch(context, *client, std::move(order), options.order, options.watch,
                         options.ping);
}

void describe(Command& command, RunOptions& options) {
  command.rest("COMMAND", "what to run, word by word; no shell in between", options.argv)
      .option("--shell", "LINE", "run this line by /bin/sh -c instead of a COMMAND", options.shell)
      .flag("--ping", "run nothing: only see which hosts answer", options.ping);
  describe(command, options.order);
  command
      .option("--dir", "PATH", "run in this folder (default: the user's home)", options.directory)
      .option("--env", "NAME=VALUE", "set a variable; may be repeated", options.environment)
      .option("--stdin", "FILE", "what the command reads; - is standard input", options.stdin_from)
      .flag("--idempotent", "doing it twice does no harm: send it again to an agent that restarted",
            options.idempotent);
  describe(command, options.watch);
}

}  // namespace

void add_run_command(Command& root) {
  auto options = std::make_shared<RunOptions>();
  Command& command = root.add("run", "run a command on every host that a selector matches");
  describe(command, *options);
  command.section("Hosts and runs")
      .details(
          "Says first when hosts are offline or none matches. Identical answers are folded, with "
          "the hosts that gave them above. What hosts wrote to standard error goes to standard "
          "error, marked; a summary of what did not succeed ends it.\n\n"
          "Ctrl-C asks whether to cancel the run, to detach and leave it running, or to watch on; "
          "a second Ctrl-C cancels it. Without a terminal Ctrl-C and SIGTERM detach: the run goes "
          "on and muster says how to find it again.\n\n"
          "Exit codes:\n"
          "  0    every host succeeded\n"
          "  1    some host did not\n"
          "  2    the command line or the selector is wrong\n"
          "  3    no host matches; nothing was run\n"
          "  4    not logged in, or not permitted\n"
          "  5    the server does not answer\n"
          "  130  interrupted")
      .example("muster run --on all -- uptime", "the load of every host")
      .example("muster run --on 'role=web and site=a' --shell 'df -h / | tail -1'",
               "a line with a pipe, on some")
      .example("muster run --on name=web1 --live -- apt-get -y upgrade", "watch one at work")
      .example("muster run --on role=db --timeout 30s --user postgres -- psql -c 'select 1'",
               "as another user, not longer than 30 seconds")
      .example("muster run --on name=web1 -q -- cat /etc/hosts >hosts", "a file, byte for byte")
      .example(
          "muster run --on role=web --waves 1,10%,100% --max-failures 2% -- apt-get -y upgrade",
          "one host first, then a tenth, then the rest, unless more than 2% of a wave fail")
      .example("muster run --on all --parallel 50 -- /usr/local/bin/backup",
               "on at most 50 hosts at a time")
      .example("muster run --on all --ping", "who answers")
      .action([options](Context& context) { return run(context, *options); });
}

}  // namespace muster::cli
