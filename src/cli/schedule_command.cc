// SPDX-License-Identifier: Apache-2.0
//
// Schedules: what the region runs by itself, and when.
#include <boost/json/array.hpp>

#include "cli/chain_options.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/render.h"
#include "cli/run_order.h"
#include "cli/run_what.h"
#include "cli/selector_text.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

constexpr const char* kHelp = "muster schedule create --help";

struct CreateOptions {
  std::string name;
  std::optional<std::string> cron;
  std::optional<std::string> at;
  bool on_login = false;
  bool on_boot = false;
  std::optional<core::Duration> at_most_every;
  std::optional<std::string> zone;
  std::optional<core::Duration> jitter;
  std::vector<std::string> blackouts;
  std::optional<std::string> in_blackout;
  std::optional<std::string> missed;
  bool disabled = false;
  bool replace = false;
  bool json = false;
  std::optional<std::string> method;
  std::vector<std::string> arguments;
  CommandOptions command;
  OrderOptions order;
  ChainOptions chain;
};

std::int64_t ms(core::Duration duration) {
  return std::chrono::ceil<std::chrono::milliseconds>(duration).count();
}

std::unexpected<core::Error> bad(const std::string& why) {
  return core::fail(core::Code::kInvalid, why + "\nMore: " + kHelp);
}

core::Result<boost::json::object> trigger_of(const CreateOptions& options) {
  const int kinds = int{options.cron.has_value()} + int{options.at.has_value()} +
                    int{options.on_login} + int{options.on_boot};
  if (kinds != 1) {
    return bad(kinds == 0 ? "when is missing: --cron, --at, --on-login or --on-boot"
                          : "only one of --cron, --at, --on-login and --on-boot can be given");
  }
  if (options.at_most_every && !options.on_login) {
    return bad("--at-most-every belongs to --on-login");
  }
  if (options.cron) return boost::json::object{{"cron", *options.cron}};
  if (options.at) return boost::json::object{{"at", *options.at}};
  boost::json::object trigger{{"on", options.on_login ? "login" : "boot"}};
  if (options.at_most_every) trigger["at_most_every_ms"] = ms(*options.at_most_every);
  return trigger;
}

core::Result<boost::json::object> method_of(Client& client, const CreateOptions& options) {
  const auto [name, version] = split_version(*options.method);
  MUSTER_ASSIGN(const auto method, client.method(name, version));
  MUSTER_ASSIGN(auto arguments, method_arguments(method, options.arguments));
  boost::json::object order{{"name", text(method, "name")}, {"arguments", std::move(arguments)}};
  // Without a version it is the one that is current when the schedule fires.
  if (!version.empty()) order["version"] = version;
  if (options.order.user) order["user"] = *options.order.user;
  return order;
}

core::Result<boost::json::object> request_of(Context& context, Client& client,
                                             const CreateOptions& options) {
  boost::json::object request;
  if (options.method) {
    MUSTER_ASSIGN(request["method"], method_of(client, options));
  } else {
    MUSTER_ASSIGN(request, order_of(context, options.command, options.order));
  }
  MUSTER_TRY(add_chain(options.chain, request));
  add_to(request, options.order);
  return request;
}

core::Status check_options(const CreateOptions& options) {
  MUSTER_TRY(check(options.order, {}, kHelp));
  if (!options.method && !options.arguments.empty()) return bad("--arg belongs to --method");
  if (!options.method && options.chain.any()) return bad("--may-start belongs to --method");
  if (!options.method) return check(options.command, options.order, kHelp);
  const CommandOptions& command = options.command;
  if (!command.argv.empty() || command.shell || command.ping || command.directory ||
      command.stdin_from || !command.environment.empty()) {
    return bad("--method takes no COMMAND, --shell, --ping, --dir, --env or --stdin");
  }
  return {};
}

/// Marks the column that the server names in whatever it speaks of.
core::Error pointing(core::Error error, const CreateOptions& options) {
  const bool is_cron = error.message.starts_with("cron: ");
  return pointing_at(std::move(error), is_cron ? options.cron.value_or("") : options.order.on);
}

int create(Context& context, const CreateOptions& options) {
  const auto trigger = trigger_of(options);
  if (!trigger) return report(context, trigger.error());
  if (const auto good = check_options(options); !good) return report(context, good.error());
  auto client = context.connect();
  if (!client) return report(context, client.error());
  auto request = request_of(context, *client, options);
  if (!request) return report(context, request.error());
  boost::json::object body{
      {"name", options.name}, {"trigger", *trigger}, {"enabled", !options.disabled}};
  if (options.zone) body["zone"] = *options.zone;
  if (options.jitter) body["jitter_ms"] = ms(*options.jitter);
  if (!options.blackouts.empty()) {
    body["blackouts"] = boost::json::array(options.blackouts.begin(), options.blackouts.end());
  }
  if (options.in_blackout) body["in_blackout"] = *options.in_blackout;
  if (options.missed) body["missed"] = *options.missed;
  body["request"] = *std::move(request);
  const Json what(std::move(body));
  const auto made = options.replace ? client->replace_schedule(options.name, what)
                                    : client->create("schedules", what);
  if (!made) return report(context, pointing(made.error(), options));
  if (options.json) {
    context.terminal.out_bytes(pretty(*made));
    return kExitOk;
  }
  context.terminal.out(
      render_schedule(*made, Json(boost::json::object()), context.terminal, context.now()));
  return kExitOk;
}

void describe_create(Command& command, CreateOptions& options) {
  command.argument("NAME", "what to call it: letters, digits, '.', '_', '-'", options.name)
      .option("--cron", "EXPRESSION", "minute hour day month weekday, or @daily and the like",
              options.cron)
      .option("--at", "TIME", "once: 2026-12-01T03:00 in the zone, or with Z or +01:00", options.at)
      .flag("--on-login", "on each host that logs in", options.on_login)
      .flag("--on-boot", "on each host that has booted", options.on_boot)
      .option("--at-most-every", "DURATION",
              "with --on-login: once in so long on a host (default 1m)", options.at_most_every)
      .option("--zone", "ZONE", "time zone of --cron, --at and --blackout (default UTC)",
              options.zone)
      .option("--jitter", "DURATION", "fire up to so much later, always by the same for a time",
              options.jitter)
      .option(
          "--blackout", "WINDOW",
          "do not fire in it: 22:00-06:00, 'mon-fri 08:00-18:00', 12-20..01-06; may be repeated",
          options.blackouts)
      .option("--in-blackout", "WHAT", "drop such a firing (skip), or fire at the end (wait)",
              options.in_blackout)
      .choices({"skip", "wait"})
      .option("--missed", "WHAT",
              "what was missed while no server ran: skip it, once for all of it, or all",
              options.missed)
      .choices({"skip", "once", "all"})
      .flag("--disabled", "do not fire it yet", options.disabled)
      .flag("--replace", "change the schedule of this name", options.replace)
      .option("--method", "METHOD", "run this method instead of a COMMAND", options.method)
      .option("--arg", "NAME=VALUE", "an argument of the method; may be repeated",
              options.arguments);
  describe_chain(command, options.chain);
  describe(command, options.command);
  describe(command, options.order);
  command.flag("--json", "print the server's JSON", options.json);
}

void add_create(Command& parent) {
  auto options = std::make_shared<CreateOptions>();
  Command& command = parent.add("create", "make a schedule, or change one with --replace");
  describe_create(command, *options);
  command
      .details(
          "The run is ordered in your name, with the rights that you have when it fires. A time "
          "that a change of the clocks leaves out fires once, right after it; one that comes "
          "twice fires once; an expression for every hour keeps to the time that passes.")
      .example(
          "muster schedule create patch --cron '0 3 * * sun' --zone Europe/Berlin --jitter "
          "10m --on role=web -- apt-get -qy upgrade",
          "Sundays at three, within ten minutes")
      .example(
          "muster schedule create report --cron @daily --missed once --blackout sat,sun --on "
          "all --method inventory::report",
          "a method, on working days, made up for once")
      .example(
          "muster schedule create move --at '2026-12-01 03:00' --zone Europe/Berlin --on "
          "name=db1 -- /opt/move",
          "once")
      .example("muster schedule create hello --on-boot --on all -- /usr/local/bin/after-boot",
               "on every host that has booted")
      .action([options](Context& context) { return create(context, *options); });
}

int list(Context& context, bool json) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto all = client->list("schedules");
  if (!all) return report(context, all.error());
  if (json) {
    context.terminal.out_bytes(pretty(*all));
  } else if (elements(*all, "schedules").empty()) {
    context.terminal.err("There is no schedule: muster schedule create makes one\n");
  } else {
    context.terminal.out(render_schedules(*all, context.terminal, context.now()));
  }
  return kExitOk;
}

void add_list(Command& parent) {
  auto json = std::make_shared<bool>(false);
  parent.flag("--json", "print the server's JSON", *json).action([json](Context& context) {
    return list(context, *json);
  });
  auto list_json = std::make_shared<bool>(false);
  parent.add("list", "list the schedules: when, on what, and what came of them last")
      .flag("--json", "print the server's JSON", *list_json)
      .example("muster schedule list", "all of them")
      .action([list_json](Context& context) { return list(context, *list_json); });
}

struct ShowOptions {
  std::string name;
  std::optional<std::uint64_t> limit;
  bool json = false;
};

int show(Context& context, const ShowOptions& options) {
  constexpr std::uint64_t kFirings = 10;
  auto client = context.connect();
  if (!client) return report(context, client.error());
  auto schedule = client->schedule(options.name);
  if (!schedule) return report(context, schedule.error());
  const auto firings = client->firings(options.name, options.limit.value_or(kFirings));
  if (!firings) return report(context, firings.error());
  if (options.json) {
    schedule->as_object()["firings"] = *member(*firings, "firings");
    context.terminal.out_bytes(pretty(*schedule));
  } else {
    context.terminal.out(render_schedule(*schedule, *firings, context.terminal, context.now()));
  }
  return kExitOk;
}

void add_show(Command& parent) {
  auto options = std::make_shared<ShowOptions>();
  parent.add("show", "show a schedule, when it fires next and what came of it")
      .argument("NAME", "the schedule", options->name)
      .option("--limit", "N", "the newest N firings; 0 for all that are kept (default 10)",
              options->limit)
      .flag("--json", "print the server's JSON", options->json)
      .example("muster schedule show patch", "what it runs, and how it went")
      .action([options](Context& context) { return show(context, *options); });
}

/// A command that takes the name of a schedule and says one word about it.
template <typename Act>
void add_act(Command& parent, const char* name, const char* summary, const char* done,
             const char* example, Act act) {
  auto schedule = std::make_shared<std::string>();
  parent.add(name, summary)
      .argument("NAME", "the schedule", *schedule)
      .example(std::string("muster schedule ") + name + " patch", example)
      .action([=](Context& context) -> int {
        auto client = context.connect();
        if (!client) return report(context, client.error());
        if (auto status = act(*client, *schedule); !status) {
          return report(context, status.error());
        }
        context.terminal.err(std::string(done) + " " + in_line(*schedule) + "\n");
        return kExitOk;
      });
}

void add_fire(Command& parent) {
  auto name = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  parent.add("fire", "fire a schedule now, also one that is disabled")
      .argument("NAME", "the schedule", *name)
      .flag("--json", "print the server's JSON", *json)
      .example("muster runs watch $(muster schedule fire patch)", "and watch the run")
      .action([=](Context& context) -> int {
        auto client = context.connect();
        if (!client) return report(context, client.error());
        const auto firing = client->fire_schedule(*name);
        if (!firing) return report(context, firing.error());
        if (*json) {
          context.terminal.out_bytes(pretty(*firing));
        } else {
          context.terminal.out(in_line(text(*firing, "run")) + "\n");
        }
        return kExitOk;
      });
}

struct PreviewOptions {
  std::string cron;
  std::optional<std::string> zone;
  std::optional<std::uint64_t> count;
  bool json = false;
};

int preview(Context& context, const PreviewOptions& options) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const std::string zone = options.zone.value_or("UTC");
  const auto found = client->preview_schedule(options.cron, zone, options.count.value_or(5));
  if (!found) return report(context, pointing_at(found.error(), options.cron));
  if (options.json) {
    context.terminal.out_bytes(pretty(*found));
  } else {
    context.terminal.out(render_preview(*found, zone, context.terminal, context.now()));
  }
  return kExitOk;
}

void add_preview(Command& parent) {
  auto options = std::make_shared<PreviewOptions>();
  parent.add("preview", "say when a cron expression would fire")
      .argument("EXPRESSION", "minute hour day month weekday, or @daily and the like",
                options->cron)
      .option("--zone", "ZONE", "the time zone (default UTC)", options->zone)
      .option("--count", "N", "so many times, at most 100 (default 5)", options->count)
      .flag("--json", "print the server's JSON", options->json)
      .example("muster schedule preview '30 2 * * sun' --zone Europe/Berlin", "the next five times")
      .action([options](Context& context) { return preview(context, *options); });
}

}  // namespace

void add_schedule_commands(Command& root) {
  Command& schedule = root.add("schedule", "schedules: what is run by itself, and when");
  schedule.section("Hosts and runs");
  add_list(schedule);
  add_create(schedule);
  add_show(schedule);
  const auto enable = [](bool enabled) {
    return [enabled](Client& client, const std::string& name) {
      return client.change("schedules", name, boost::json::object{{"enabled", enabled}});
    };
  };
  add_act(schedule, "enable", "let a schedule fire again", "Enabled", "from now on", enable(true));
  add_act(schedule, "disable", "keep a schedule from firing", "Disabled", "until it is enabled",
          enable(false));
  add_fire(schedule);
  add_act(schedule, "remove", "remove a schedule; its runs stay", "Removed", "with its history",
          [](Client& client, const std::string& name) { return client.remove("schedules", name); });
  add_preview(schedule);
  schedule.example("muster schedule", "list them");
  schedule.example(
      "muster schedule create patch --cron '0 3 * * sun' --on role=web -- apt-get -qy "
      "upgrade",
      "make one");
}

}  // namespace muster::cli
