// SPDX-License-Identifier: Apache-2.0
//
// muster runs cancel, pause, resume.
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/follow.h"
#include "cli/render.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

struct ControlOptions {
  std::string id;
  std::optional<std::string> reason;
  bool no_wait = false;
  bool json = false;
};

int show(Context& context, const Json& run, const ControlOptions& options,
         const std::string& told) {
  if (options.json)
    context.terminal.out_bytes(pretty(run));
  else
    context.terminal.err(told + "\n");
  return kExitOk;
}

int cancel_run(Context& context, const ControlOptions& options) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto cancelled = client->cancel_run(options.id);
  if (!cancelled) return report(context, cancelled.error());
  Json run = *cancelled;
  if (!options.no_wait && text(run, "state") != "finished") {
    // The server waits a bounded time for each answer: this ends.
    auto followed = follow_run(context, *client, run, {.progress = true, .live = false});
    if (!followed) return report(context, followed.error());
    if (followed->detached) return kExitInterrupted;
    run = std::move(followed->run);
  }
  const std::string found = cancel_text(run);
  if (found.empty()) return show(context, run, options, "The run is finished: " + counts_text(run));
  const bool finished = text(run, "state") == "finished";
  return show(context, run, options, (finished ? "Cancelled: " : "Cancelling: ") + found);
}

int pause_run(Context& context, const ControlOptions& options) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto run = client->pause_run(options.id, options.reason.value_or(""));
  if (!run) return report(context, run.error());
  return show(context, *run, options,
              "Paused: " + counts_text(*run) + ". What has begun goes on; muster runs resume " +
                  in_line(options.id) + " sends the rest");
}

int resume_run(Context& context, const ControlOptions& options) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto run = client->resume_run(options.id);
  if (!run) return report(context, run.error());
  return show(context, *run, options, "Goes on: " + counts_text(*run));
}

}  // namespace

void add_run_control_commands(Command& runs) {
  auto cancelled = std::make_shared<ControlOptions>();
  runs.add("cancel", "cancel what has not ended yet")
      .argument("ID", "the run", cancelled->id)
      .flag("--no-wait", "do not wait until every host has answered", cancelled->no_wait)
      .flag("--json", "print the run as the server's JSON", cancelled->json)
      .details(
          "Hosts that wait get no order any more; what runs is killed with all its children. "
          "Hosts that had finished keep their answers. Waits until each host has answered or its "
          "time for that is over, and says what was found.")
      .example("muster runs cancel 0dp7c3k8r6qaz", "stop a run everywhere")
      .action([cancelled](Context& context) { return cancel_run(context, *cancelled); });
  auto paused = std::make_shared<ControlOptions>();
  runs.add("pause", "send nothing more until it is resumed")
      .argument("ID", "the run", paused->id)
      .option("--reason", "TEXT", "why, for those who look at it", paused->reason)
      .flag("--json", "print the run as the server's JSON", paused->json)
      .details("What was sent goes on and its answers come in. Holds over a restart of the server.")
      .example("muster runs pause 0dp7c3k8r6qaz --reason 'web7 looks odd'", "hold it and look")
      .action([paused](Context& context) { return pause_run(context, *paused); });
  auto resumed = std::make_shared<ControlOptions>();
  runs.add("resume", "go on with a paused run")
      .argument("ID", "the run", resumed->id)
      .flag("--json", "print the run as the server's JSON", resumed->json)
      .details(
          "The failures so far are forgiven: the limit of --max-failures counts from here. After "
          "--pause-between it begins the next wave.")
      .example("muster runs resume 0dp7c3k8r6qaz", "the rest gets it, too")
      .action([resumed](Context& context) { return resume_run(context, *resumed); });
}

}  // namespace muster::cli
