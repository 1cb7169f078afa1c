// SPDX-License-Identifier: Apache-2.0
#include "cli/run_order.h"

#include "cli/exit_code.h"
#include "cli/follow.h"
#include "cli/render.h"
#include "cli/results.h"
#include "cli/selector_text.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

/// A run on more hosts than this asks first, when a person is there to answer.
constexpr std::int64_t kAskAbove = 100;

std::vector<std::string> names_in(const Json& check, std::string_view list) {
  std::vector<std::string> names;
  for (const Json& name : elements(check, list)) {
    if (name.is_string()) names.push_back(in_line(name.get_string().c_str()));
  }
  return names;
}

/// Says what is known before anything runs. The value is the exit code that ends the
/// command here, or nothing to go on.
std::optional<int> warn_first(Context& context, Client& client, const OrderOptions& options,
                              bool ask) {
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
  if (matched > kAskAbove && terminal.in_is_terminal && ask) {
    const auto sure = terminal.confirm("Run this on " + std::to_string(matched) + " hosts?");
    if (!sure) return report(context, sure.error());
    if (!*sure) return kExitInterrupted;
  }
  return std::nullopt;
}

}  // namespace

void describe(Command& command, OrderOptions& options) {
  command.option("--on", "SELECTOR", "on which hosts; 'all' is every host", options.on)
      .required()
      .option("--timeout", "DURATION", "kill what runs longer on a host (30s, 5m)", options.timeout)
      .option("--queue", "DURATION", "let the order wait so long for hosts that are offline",
              options.queue)
      .option("--user", "NAME", "run as this user (default: the agent's own)", options.user)
      .size_option("--memory", "SIZE", "memory it may use on a host (512M)", options.memory)
      .size_option("--output-max", "SIZE", "cut each host's output beyond this (1M)",
                   options.output_max)
      .option("--description", "TEXT", "a note for the list of runs and the audit log",
              options.description);
  describe_rollout(command, options.rollout);
}

void describe(Command& command, WatchOptions& options) {
  command.flag("--live", "print lines as they come, behind the host's name", options.live)
      .flag("--no-fold", "host by host, also where answers are the same", options.no_fold)
      .flag("--json", "print one JSON document {run, targets}", options.json)
      .flag("--jsonl", "print one JSON object for each host, a line each", options.jsonl)
      .flag("-q,--quiet", "only the answers; no progress, no summary", options.quiet)
      .flag("-d,--detach", "print the run's id and do not wait for it", options.detach)
      .flag("-y,--yes", "do not ask, however many hosts match", options.yes);
}

core::Status check(const OrderOptions& order, const WatchOptions& watch, std::string_view help) {
  const auto bad = [&](const char* why) {
    return core::fail(core::Code::kInvalid, std::string(why) + "\nMore: " + std::string(help));
  };
  if (order.on.empty()) return bad("--on SELECTOR is missing: on which hosts? (--on all)");
  if (watch.json && watch.jsonl) return bad("only one of --json and --jsonl can be given");
  if (watch.live && (watch.json || watch.jsonl)) {
    return bad("--live prints lines as they come; it cannot be JSON as well");
  }
  return {};
}

core::Status add_to(boost::json::object& order, const OrderOptions& options) {
  const auto ms = [](core::Duration duration) {
    return std::chrono::ceil<std::chrono::milliseconds>(duration).count();
  };
  order["selector"] = options.on;
  boost::json::object limits;
  if (options.timeout) limits["timeout_ms"] = ms(*options.timeout);
  if (options.memory) limits["memory_bytes"] = *options.memory;
  if (options.output_max) limits["output_bytes_max"] = *options.output_max;
  if (!limits.empty()) order["limits"] = std::move(limits);
  if (options.queue) order["queue_for_ms"] = ms(*options.queue);
  if (options.description) order["description"] = *options.description;
  return add_rollout(options.rollout, order);
}

int order_and_watch(Context& context, Client& client, boost::json::object order,
                    const OrderOptions& options, const WatchOptions& watch, bool harmless,
                    const ShowAnswers& show) {
  if (const auto good = add_to(order, options); !good) return report(context, good.error());
  if (const auto code = warn_first(context, client, options, !watch.yes && !harmless)) return *code;
  if (watch.live) order["live_output"] = true;
  const auto created = client.create_run(Json(std::move(order)));
  if (!created) return report(context, pointing_at(created.error(), options.on));
  return watch_run(context, client, *created, watch);
}

int watch_run(Context& context, Client& client, const Json& created, const WatchOptions& watch) {
  if (watch.detach) {
    context.terminal.out(in_line(text(created, "id")) + "\n");
    return kExitOk;
  }
  const auto followed =
      follow_run(context, client, created, {.progress = !watch.quiet, .live = watch.live});
  if (!followed) {
    const std::string through =
        context.other_region.empty() ? "" : "--region " + context.other_region + " ";
    context.terminal.err("The run goes on by itself: muster " + through + "runs watch " +
                         in_line(text(created, "id")) + "\n");
    return report(context, followed.error());
  }
  if (followed->detached) return kExitInterrupted;
  const Json& ended = followed->run;
  if (!watch.live) {
    const ResultOptions results{!watch.no_fold, watch.quiet, watch.json, watch.jsonl};
    const bool raw = watch.json || watch.jsonl || !show;
    if (const auto shown =
            raw ? print_results(context, client, ended, results) : show(context, client, ended);
        !shown) {
      return report(context, shown.error());
    }
  }
  if (!watch.quiet) {
    if (const auto shown = print_summary(context, client, ended); !shown) {
      return report(context, shown.error());
    }
  }
  return followed->cancelled ? kExitInterrupted : exit_code_of_run(ended);
}

}  // namespace muster::cli
