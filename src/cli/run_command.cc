// SPDX-License-Identifier: Apache-2.0
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/follow.h"
#include "cli/render.h"
#include "cli/results.h"
#include "cli/rollout_options.h"
#include "cli/selector_text.h"
#include "cli/text.h"
#include "core/bytes.h"
#include "runtime/file.h"

namespace muster::cli {
namespace {

constexpr std::size_t kStdinBytesMax = 4 * 1024 * 1024;
/// A run on more hosts than this asks first, when a person is there to answer.
constexpr std::int64_t kAskAbove = 100;

struct RunOptions {
  std::string on;
  std::vector<std::string> argv;
  std::optional<std::string> shell;
  bool ping = false;
  std::optional<core::Duration> timeout;
  std::optional<core::Duration> queue;
  std::optional<std::string> user;
  std::optional<std::string> directory;
  std::optional<std::uint64_t> memory;
  std::optional<std::uint64_t> output_max;
  std::vector<std::string> environment;
  std::optional<std::string> stdin_from;
  std::optional<std::string> description;
  RolloutOptions rollout;
  bool live = false;
  bool json = false;
  bool jsonl = false;
  bool quiet = false;
  bool no_fold = false;
  bool detach = false;
  bool yes = false;
};

core::Status check_options(const RunOptions& options) {
  const auto bad = [](const char* why) {
    return core::fail(core::Code::kInvalid, std::string(why) + "\nMore: muster run --help");
  };
  if (options.on.empty()) return bad("--on SELECTOR is missing: on which hosts? (--on all)");
  const int kinds = (options.argv.empty() ? 0 : 1) + (options.shell ? 1 : 0) + options.ping;
  if (kinds == 0) return bad("what to run is missing: -- COMMAND…, --shell 'LINE' or --ping");
  if (kinds > 1) return bad("only one of -- COMMAND…, --shell and --ping can be given");
  if (options.json && options.jsonl) return bad("only one of --json and --jsonl can be given");
  if (options.live && (options.json || options.jsonl)) {
    return bad("--live prints lines as they come; it cannot be JSON as well");
  }
  if (options.ping && (options.stdin_from || options.user || options.directory || options.live ||
                       !options.environment.empty())) {
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
  if (options.user) command["user"] = *options.user;
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

core::Result<Json> order_of(Context& context, const RunOptions& options) {
  const auto ms = [](core::Duration duration) {
    return std::chrono::ceil<std::chrono::milliseconds>(duration).count();
  };
  boost::json::object order{{"selector", options.on}};
  if (options.ping) {
    order["ping"] = boost::json::object();
  } else {
    MUSTER_ASSIGN(order["command"], command_of(context, options));
  }
  boost::json::object limits;
  if (options.timeout) limits["timeout_ms"] = ms(*options.timeout);
  if (options.memory) limits["memory_bytes"] = *options.memory;
  if (options.output_max) limits["output_bytes_max"] = *options.output_max;
  if (!limits.empty()) order["limits"] = std::move(limits);
  if (options.queue) order["queue_for_ms"] = ms(*options.queue);
  if (options.live) order["live_output"] = true;
  if (options.description) order["description"] = *options.description;
  MUSTER_TRY(add_rollout(options.rollout, order));
  return Json(std::move(order));
}

std::vector<std::string> names_in(const Json& check, std::string_view list) {
  std::vector<std::string> names;
  for (const Json& name : elements(check, list)) {
    if (name.is_string()) names.push_back(in_line(name.get_string().c_str()));
  }
  return names;
}

/// Says what is known before anything runs. The value is the exit code that ends the
/// command here, or nothing to go on.
std::optional<int> warn_first(Context& context, Client& client, const RunOptions& options) {
  const auto check = client.check_selector(options.on);
  if (!check) return report(context, pointing_at(check.error(), options.on));
  Terminal& terminal = context.terminal;
  const auto matched = number(*check, "matched");
  const auto offline = matched - number(*check, "online");
  if (matched == 0) {
    terminal.err("muster: no host matches " + shell_quoted(options.on) +
                 "; nothing was run (muster hosts shows what there is)\n");
    return kExitNoMatch;
  }
  if (offline > 0) {
    const auto names = names_in(*check, "unreachable_names");
    const bool more = static_cast<std::int64_t>(names.size()) < offline;
    const std::string which = names.empty() ? "" : ": " + listed(names) + (more ? ", …" : "");
    terminal.err(
        terminal.paint_error(Color::kYellow, std::to_string(offline) + " of " +
                                                 count_of(static_cast<std::uint64_t>(matched),
                                                          "matching host", "matching hosts") +
                                                 (offline == 1 ? " is" : " are") + " offline") +
        which + "\n" +
        (options.queue
             ? "They get the order if they come back within " + core::to_text(*options.queue) + "\n"
             : "They count as unreachable; --queue 1h would wait for them\n"));
  }
  if (const auto shared = names_in(*check, "shared_names"); !shared.empty()) {
    terminal.err("Several of these hosts are called " + listed(shared) +
                 ": ids (muster hosts shows them) tell them apart\n");
  }
  if (matched > kAskAbove && terminal.in_is_terminal && !options.yes && !options.ping) {
    const auto sure = terminal.confirm("Run this on " + std::to_string(matched) + " hosts?");
    if (!sure) return report(context, sure.error());
    if (!*sure) return kExitInterrupted;
  }
  return std::nullopt;
}

int run(Context& context, const RunOptions& options) {
  if (const auto good = check_options(options); !good) return report(context, good.error());
  auto client = context.connect();
  if (!client) return report(context, client.error());
  if (const auto code = warn_first(context, *client, options)) return *code;
  const auto order = order_of(context, options);
  if (!order) return report(context, order.error());
  const auto created = client->create_run(*order);
  if (!created) return report(context, pointing_at(created.error(), options.on));
  if (options.detach) {
    context.terminal.out(in_line(text(*created, "id")) + "\n");
    return kExitOk;
  }
  const auto followed =
      follow_run(context, *client, *created, {.progress = !options.quiet, .live = options.live});
  if (!followed) {
    context.terminal.err("The run goes on by itself: muster runs watch " +
                         in_line(text(*created, "id")) + "\n");
    return report(context, followed.error());
  }
  if (followed->detached) return kExitInterrupted;
  const Json& ended = followed->run;
  if (!options.live) {
    const ResultOptions results{!options.no_fold, options.quiet, options.json, options.jsonl};
    if (const auto shown = print_results(context, *client, ended, results); !shown) {
      return report(context, shown.error());
    }
  }
  if (!options.quiet) {
    if (const auto shown = print_summary(context, *client, ended); !shown) {
      return report(context, shown.error());
    }
  }
  return followed->cancelled ? kExitInterrupted : exit_code_of_run(ended);
}

void describe(Command& command, RunOptions& options) {
  command.rest("COMMAND", "what to run, word by word; no shell in between", options.argv)
      .option("--on", "SELECTOR", "on which hosts; 'all' is every host", options.on)
      .required()
      .option("--shell", "LINE", "run this line by /bin/sh -c instead of a COMMAND", options.shell)
      .flag("--ping", "run nothing: only see which hosts answer", options.ping)
      .option("--timeout", "DURATION", "kill what runs longer on a host (30s, 5m)", options.timeout)
      .option("--queue", "DURATION", "let the order wait so long for hosts that are offline",
              options.queue)
      .option("--user", "NAME", "run as this user (default: the agent's own)", options.user)
      .option("--dir", "PATH", "run in this folder (default: the user's home)", options.directory)
      .option("--env", "NAME=VALUE", "set a variable; may be repeated", options.environment)
      .option("--stdin", "FILE", "what the command reads; - is standard input", options.stdin_from)
      .size_option("--memory", "SIZE", "memory it may use on a host (512M)", options.memory)
      .size_option("--output-max", "SIZE", "cut each host's output beyond this (1M)",
                   options.output_max)
      .option("--description", "TEXT", "a note for the list of runs and the audit log",
              options.description)
      .flag("--idempotent", "doing it twice does no harm: send it again to an agent that restarted",
            options.rollout.idempotent)
      .flag("--live", "print lines as they come, behind the host's name", options.live)
      .flag("--no-fold", "host by host, also where answers are the same", options.no_fold)
      .flag("--json", "print one JSON document {run, targets}", options.json)
      .flag("--jsonl", "print one JSON object for each host, a line each", options.jsonl)
      .flag("-q,--quiet", "only the answers; no progress, no summary", options.quiet)
      .flag("-d,--detach", "print the run's id and do not wait for it", options.detach)
      .flag("-y,--yes", "do not ask, however many hosts match", options.yes);
}

}  // namespace

void add_run_command(Command& root) {
  auto options = std::make_shared<RunOptions>();
  Command& command = root.add("run", "run a command on every host that a selector matches");
  describe(command, *options);
  describe_rollout(command, options->rollout);
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
      .example("muster run --on role=web --waves 1,10%,100% --max-failures 2% -- apt-get -y upgrade",
               "one host first, then a tenth, then the rest, unless more than 2% of a wave fail")
      .example("muster run --on all --parallel 50 -- /usr/local/bin/backup",
               "on at most 50 hosts at a time")
      .example("muster run --on all --ping", "who answers")
      .action([options](Context& context) { return run(context, *options); });
}

}  // namespace muster::cli
