// SPDX-License-Identifier: Apache-2.0
//
// What is done with a pack on hosts: runs of the method that it is.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "cli/commands.h"
#include "cli/pack_commands.h"
#include "cli/run_order.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

struct PackRunOptions {
  std::string pack;
  OrderOptions order;
  WatchOptions watch;
};

struct Action {
  const char* name;    // of the command
  const char* action;  // the method's argument
  const char* summary;
  const char* details;
  const char* example;
  const char* means;
};

constexpr Action kActions[] = {
    {"send", "apply", "install a pack on every host that a selector matches, or update it",
     "Each host takes from its own files what the new version has in common with them, fetches the "
     "rest, verifies all of it, and switches at once; where a step or anything else fails, it is "
     "as it was before. A run that breaks off is put right by the next one. The version before is "
     "kept.",
     "muster pack send webapp@1.3.0 --on role=web --waves 1,10%,100%",
     "one host first, then more and more"},
    {"rollback", "rollback", "go back to the version that a host had before",
     "Nothing is fetched: each host kept what it had. Twice is forth again. On a host that had no "
     "version before, the pack is taken away and what it had replaced comes back.",
     "muster pack rollback webapp --on role=web", "on all of them"},
    {"verify", "verify", "compare what hosts have with what was installed",
     "Changes nothing. Fails on a host where files differ, and names them; sending the pack again "
     "repairs them.",
     "muster pack verify webapp --on all", "who has changed something"},
    {"take-away", "remove", "take a pack's files away from hosts",
     "The files are kept until the next change: muster pack rollback brings them back.",
     "muster pack take-away webapp --on site=b", "where it is not needed any more"}};

core::Status show_answers(Context& context, Client& client, const Json& run) {
  boost::json::array targets;
  MUSTER_TRY(client.targets(text(run, "id"), "", [&](const Json& target) {
    targets.push_back(target);
    return targets.size() < kPackAnswersMax;
  }));
  context.terminal.out(render_pack_answers(targets, context.terminal));
  return {};
}

int run(Context& context, const Action& action, const PackRunOptions& options) {
  const std::string help = "muster pack " + std::string(action.name) + " --help";
  if (const auto good = check(options.order, options.watch, help); !good)
    return report(context, good.error());
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto [name, version] = split_version(options.pack);
  const auto pack = one_pack(*client, name, version);
  if (!pack) {
    core::Error error = pack.error();
    if (error.code == core::Code::kNotFound)
      error.message += " (muster pack list shows what there is)";
    return report(context, error);
  }
  boost::json::object order{{"name", "pack::" + text(*pack, "name")},
                            {"version", text(*pack, "version")},
                            {"arguments", boost::json::object{{"action", action.action}}}};
  if (options.order.user) order["user"] = *options.order.user;
  return order_and_watch(context, *client, {{"method", std::move(order)}}, options.order,
                         options.watch, false, show_answers);
}

}  // namespace

void add_pack_run_commands(Command& parent) {
  for (const Action& action : kActions) {
    auto options = std::make_shared<PackRunOptions>();
    Command& command = parent.add(action.name, action.summary);
    command.argument("PACK", "NAME, or NAME@VERSION", options->pack);
    describe(command, options->order);
    describe(command, options->watch);
    command.details(std::string(action.details) + "\n\nExit codes are those of muster run.")
        .example(action.example, action.means)
        .action([options, &action](Context& context) { return run(context, action, *options); });
  }
}

}  // namespace muster::cli
