// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/render.h"

namespace muster::cli {
namespace {

struct TreeOptions {
  std::string id;
  bool json = false;
};

int show_tree(Context& context, const TreeOptions& options) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto tree = client->get({"runs", options.id, "tree"});
  if (!tree) return report(context, tree.error());
  if (options.json)
    context.terminal.out_bytes(pretty(*tree));
  else
    context.terminal.out(render_tree(*tree, options.id, context.terminal));
  return kExitOk;
}

}  // namespace

void add_runs_tree_command(Command& runs) {
  auto options = std::make_shared<TreeOptions>();
  runs.add("tree", "show what a run's methods have started on other hosts")
      .argument("ID", "a run, wherever in its tree", options->id)
      .flag("--json", "print the server's JSON", options->json)
      .details(
          "The whole tree, from the run that a person or a schedule started; the one that was "
          "asked for is marked. A run ends at the latest with the method that has started it: "
          "what is not finished then is cancelled.")
      .example("muster runs tree 0dp7c3k8r6qaz", "who started what, and how each stands")
      .action([options](Context& context) { return show_tree(context, *options); });
}

}  // namespace muster::cli
