// SPDX-License-Identifier: Apache-2.0
#include <boost/json/object.hpp>

#include "cli/commands.h"
#include "cli/region_choice.h"
#include "cli/run_order.h"
#include "cli/run_what.h"

namespace muster::cli {
namespace {

struct RunOptions {
  std::optional<std::string> regions;
  OrderOptions order;
  WatchOptions watch;
  CommandOptions command;
};

core::Status check_options(const RunOptions& options) {
  constexpr const char* kHelp = "muster run --help";
  MUSTER_TRY(check(options.order, options.watch, kHelp));
  if (options.command.ping && options.watch.live) {
    return core::fail(core::Code::kInvalid,
                      std::string("--ping runs nothing: it takes no --live\nMore: ") + kHelp);
  }
  return check(options.command, options.order, kHelp);
}

int run(Context& context, const RunOptions& options) {
  if (const auto good = check_options(options); !good) return report(context, good.error());
  const auto regions = region_names(options.regions.value_or(""));
  if (regions.size() > 1 || regions == std::vector<std::string>{"all"}) {
    auto order = order_of(context, options.command, options.order);
    if (!order) return report(context, order.error());
    return run_in_regions(context, regions, *std::move(order), options.order, options.watch);
  }
  if (!regions.empty()) context.other_region = regions.front();
  auto client = context.connect();
  if (!client) return report(context, client.error());
  auto order = order_of(context, options.command, options.order);
  if (!order) return report(context, order.error());
  return order_and_watch(context, *client, *std::move(order), options.order, options.watch,
                         options.command.ping);
}

void describe(Command& command, RunOptions& options) {
  describe(command, options.command);
  describe(command, options.order);
  describe(command, options.watch);
  command.option("--region", "NAMES", "in these other regions: a name, several (a,b), or 'all'",
                 options.regions);
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
      .example("muster run --region east,west --on role=web -- uptime",
               "in two other regions (muster regions)")
      .example("muster run --on all --ping", "who answers")
      .action([options](Context& context) { return run(context, *options); });
}

}  // namespace muster::cli
