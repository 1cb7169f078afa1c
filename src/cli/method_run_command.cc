// SPDX-License-Identifier: Apache-2.0
//
// `muster method run`: the words of the command line become typed arguments by the method's
// metadata, before anything is sent.
#include <boost/json/object.hpp>

#include "cli/chain_options.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "cli/run_order.h"
#include "cli/run_what.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

struct MethodRunOptions {
  std::string method;
  std::vector<std::string> words;
  OrderOptions order;
  WatchOptions watch;
  bool noop = false;
  ChainOptions chain;
};

int run(Context& context, const MethodRunOptions& options) {
  if (const auto good = check(options.order, options.watch, "muster method run --help"); !good) {
    return report(context, good.error());
  }
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto [name, version] = split_version(options.method);
  const auto method = client->method(name, version);
  if (!method) {
    core::Error error = method.error();
    if (error.code == core::Code::kNotFound)
      error.message += " (muster method list shows what there is)";
    return report(context, error);
  }
  auto arguments = method_arguments(*method, options.words);
  if (!arguments) {
    return report(context, {arguments.error().code, arguments.error().message +
                                                        "\nWhat it takes: muster method show " +
                                                        in_line(options.method)});
  }
  boost::json::object order{{"name", text(*method, "name")},
                            {"version", text(*method, "version")},
                            {"arguments", *std::move(arguments)},
                            {"noop", options.noop}};
  if (options.order.user) order["user"] = *options.order.user;
  boost::json::object request{{"method", std::move(order)}};
  if (const auto good = add_chain(options.chain, request); !good)
    return report(context, good.error());
  return order_and_watch(context, *client, std::move(request), options.order, options.watch);
}

}  // namespace

void add_method_run_command(Command& parent) {
  auto options = std::make_shared<MethodRunOptions>();
  Command& command = parent.add("run", "run a method on every host that a selector matches");
  command.argument("METHOD", "module::task, or module::task@VERSION", options->method)
      .optional_arguments("NAME=VALUE",
                          "its arguments; NAME:=JSON for what is no text, NAME=@FILE for a "
                          "file's text",
                          options->words);
  describe(command, options->order);
  command.flag("--noop", "dry run: say what would change, change nothing", options->noop);
  describe_chain(command, options->chain);
  describe(command, options->watch);
  command
      .details(
          "Arguments are checked against the method's parameters before anything is sent; muster "
          "method show says what there are. Each host fetches what it does not have, verifies "
          "the publisher's signature, and takes the implementation that fits it.\n\n"
          "A method may ask for runs on other hosts while it runs, if --may-start says which: "
          "never "
          "more than you may yourself. They end at the latest with it; muster runs tree shows "
          "them.\n\n"
          "Exit codes are those of muster run.")
      .example("muster method run service::restart --on role=web name=nginx", "one argument")
      .example("muster method run service::restart --on all --noop name=nginx",
               "what would happen, where the method can tell")
      .example(
          "muster method run site::upgrade --on name=ctl1 --may-start db::dump,db::load "
          "--may-start-on role=db",
          "it may start two methods on the databases")
      .example("muster method run users::sync@1.4 --on site=a users:=@users.json",
               "an older version, an argument from a file of JSON")
      .action([options](Context& context) { return run(context, *options); });
}

}  // namespace muster::cli
