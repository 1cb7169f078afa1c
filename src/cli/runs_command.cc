// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/follow.h"
#include "cli/render.h"
#include "cli/results.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

struct ListOptions {
  std::optional<std::uint64_t> limit;
  bool json = false;
};

int list_runs(Context& context, const ListOptions& options) {
  constexpr std::uint64_t kLimitDefault = 20;
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto list = client->runs(options.limit.value_or(kLimitDefault));
  if (!list) return report(context, list.error());
  if (options.json) {
    context.terminal.out_bytes(pretty(*list));
  } else if (elements(*list, "runs").empty()) {
    context.terminal.err("No runs yet: muster run --on all -- uptime makes the first\n");
  } else {
    context.terminal.out(render_runs(*list, context.terminal, context.now()));
  }
  return kExitOk;
}

void describe_list(Command& command) {
  auto options = std::make_shared<ListOptions>();
  command.flag("--json", "print the server's JSON", options->json)
      .option("--limit", "N", "the newest N runs; 0 for all of them (default 20)", options->limit)
      .action([options](Context& context) { return list_runs(context, *options); });
}

struct ShowOptions {
  std::string id;
  std::optional<std::string> host;
  bool folds = false;
  bool no_fold = false;
  bool json = false;
  bool jsonl = false;
  bool quiet = false;
};

int show_host(Context& context, Client& client, const Json& run, const ShowOptions& options) {
  const std::string id = text(run, "id");
  std::optional<Json> found;
  std::size_t matches = 0;
  const auto read = client.targets(id, "", [&](const Json& target) {
    if (text(target, "name") == *options.host || text(target, "endpoint") == *options.host) {
      found = target;
      ++matches;
    }
    return true;
  });
  if (!read) return report(context, read.error());
  if (!found) {
    return report(context, {core::Code::kNotFound,
                            "the run has no host '" + in_line(*options.host) +
                                "' (muster runs show " + in_line(id) + " --no-fold lists them)"});
  }
  if (matches > 1) {
    return report(context, {core::Code::kInvalid, "the run has " + std::to_string(matches) +
                                                      " hosts of this name: take the id"});
  }
  if (options.json || options.jsonl) {
    context.terminal.out_bytes(pretty(*found));
    return kExitOk;
  }
  if (!options.quiet) {
    std::string state = text(*found, "state");
    const std::string outcome = outcome_text(*found);
    context.terminal.err(in_line(text(*found, "name")) + ": " + in_line(state) +
                         (outcome.empty() ? "" : ", " + outcome) + "\n");
  }
  const auto shown = print_output(context, client, id, *found, text(*found, "name"), false);
  return shown ? kExitOk : report(context, shown.error());
}

/// What the running targets of a run last said of their progress. Only the first thousand of them
/// are asked: the server keeps no more.
core::Status show_progress(Context& context, Client& client, const Json& run) {
  constexpr std::size_t kTargetsReadMax = 1000;
  const Json* counts = member(run, "counts");
  const auto running = counts ? number(*counts, "running") : 0;
  if (text(run, "state") != "running" || running <= 0) return {};
  std::vector<Json> said;
  std::size_t read = 0;
  MUSTER_TRY(client.targets(text(run, "id"), "running", [&](const Json& target) {
    if (member(target, "progress") != nullptr) said.push_back(target);
    return ++read < kTargetsReadMax && said.size() < kProgressLinesMax;
  }));
  context.terminal.out(
      render_progress(said, static_cast<std::uint64_t>(running), context.terminal));
  return {};
}

int show_run(Context& context, const ShowOptions& options) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto run = client->run(options.id);
  if (!run) return report(context, run.error());
  if (options.host) return show_host(context, *client, *run, options);
  if (options.folds && (options.json || options.jsonl)) {
    const auto folds = client->folds(options.id);
    if (!folds) return report(context, folds.error());
    context.terminal.out_bytes(pretty(*folds));
    return kExitOk;
  }
  const bool json = options.json || options.jsonl;
  if (!json && !options.quiet) {
    context.terminal.out(render_run(*run, context.terminal, context.now()));
    if (member(*run, "rollout") != nullptr) {
      const auto waves = client->waves(options.id);
      if (!waves) return report(context, waves.error());
      context.terminal.out(render_waves(*waves, context.terminal));
    }
    if (const auto told = show_progress(context, *client, *run); !told) {
      return report(context, told.error());
    }
  }
  const ResultOptions results{!options.no_fold, options.quiet, options.json, options.jsonl};
  if (const auto shown = print_results(context, *client, *run, results); !shown) {
    return report(context, shown.error());
  }
  if (!json && !options.quiet && !all_succeeded(*run)) {
    const auto folds = client->folds(options.id);
    if (!folds) return report(context, folds.error());
    context.terminal.err(render_troubles(elements(*folds, "folds"), context.terminal));
  }
  return kExitOk;
}

void add_show(Command& runs) {
  auto options = std::make_shared<ShowOptions>();
  runs.add("show", "show the answers of a run")
      .argument("ID", "the run, as muster runs lists it", options->id)
      .option("--host", "HOST", "only what this host answered, byte for byte", options->host)
      .flag("--folds", "identical answers together (the default; with --json the folds)",
            options->folds)
      .flag("--no-fold", "host by host", options->no_fold)
      .flag("--json", "print one JSON document {run, targets}", options->json)
      .flag("--jsonl", "print one JSON object for each host, a line each", options->jsonl)
      .flag("-q,--quiet", "only the answers", options->quiet)
      .details(
          "Of a run that goes on it shows the answers so far, and what up to 20 running hosts last "
          "said of their progress.")
      .example("muster runs show 0dp7c3k8r6qaz", "every answer, identical ones folded")
      .example("muster runs show 0dp7c3k8r6qaz --host web1 >web1.txt", "the answer of one host")
      .action([options](Context& context) { return show_run(context, *options); });
}

int watch_run(Context& context, const std::string& id) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto run = client->run(id);
  if (!run) return report(context, run.error());
  const auto followed =
      follow_run(context, *client, *run, {.progress = true, .live = truth(*run, "live_output")});
  if (!followed) return report(context, followed.error());
  if (followed->detached) return kExitInterrupted;
  const auto shown = print_summary(context, *client, followed->run);
  if (!shown) return report(context, shown.error());
  return followed->cancelled ? kExitInterrupted : exit_code_of_run(followed->run);
}

}  // namespace

void add_runs_commands(Command& root) {
  Command& runs = root.add("runs", "list runs, show answers and trees, watch, pause, cancel");
  runs.section("Hosts and runs")
      .details("Without a command it lists the newest runs.")
      .example("muster runs", "what ran lately, and how it went")
      .example("muster runs --limit 0 --json | jq '.runs[] | select(.state==\"running\") | .id'",
               "what still runs, for a script");
  describe_list(runs);
  Command& list = runs.add("list", "list runs, newest first");
  describe_list(list);
  list.example("muster runs list --limit 100", "the newest hundred");
  add_show(runs);
  auto watched = std::make_shared<std::string>();
  runs.add("watch", "follow a run to its end")
      .argument("ID", "the run", *watched)
      .details(
          "Ctrl-C asks whether to cancel the run or to detach from it. The exit code is that "
          "of muster run.")
      .example("muster runs watch 0dp7c3k8r6qaz", "come back to a run that you left")
      .action([watched](Context& context) { return watch_run(context, *watched); });
  add_runs_tree_command(runs);
  add_run_control_commands(runs);
  add_recording_commands(runs);
}

}  // namespace muster::cli
