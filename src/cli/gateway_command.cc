// SPDX-License-Identifier: Apache-2.0
//
// muster gateway: a gateway apart from its server. muster gateways: those that there are.
#include <algorithm>

#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/gateway_process.h"
#include "cli/listen_address.h"
#include "cli/render.h"
#include "cli/text.h"
#include "core/duration_text.h"
#include "core/log.h"

namespace muster::cli {
namespace {

struct Settings {
  std::string state;
  std::vector<std::string> servers;
  std::string token;
  std::string name;
  std::string listen = "0.0.0.0:7443";
  std::vector<std::string> names;
  std::string log_level = "info";
  bool no_discovery = false;
  bool repeat = false;
  std::optional<std::uint64_t> cache_size;
  std::optional<core::Duration> return_after;
  std::string send_rate, host_rate, repeat_rate, gateway_rate, fetch_rate;
  std::string handlers;
};

core::Status read_rates(const Settings& settings, gateway::ContentRates& rates) {
  const auto read = [](const std::string& text, content::RateTable& table) -> core::Status {
    if (text.empty()) return {};
    MUSTER_ASSIGN(table, content::RateTable::parse(text));
    return {};
  };
  MUSTER_TRY(read(settings.send_rate, rates.hosts));
  MUSTER_TRY(read(settings.host_rate, rates.each_host));
  MUSTER_TRY(read(settings.repeat_rate, rates.gateways));
  MUSTER_TRY(read(settings.gateway_rate, rates.each_gateway));
  return read(settings.fetch_rate, rates.upstream);
}

core::Status check_time(std::string_view text) {
  const auto time = core::parse_duration(text);
  if (!time) return core::fail(core::Error(time.error()));
  if (*time >= std::chrono::seconds(1)) return {};
  return core::fail(core::Code::kInvalid, "a time of at least 1s");
}

core::Status check_rate(std::string_view text) {
  const auto table = content::RateTable::parse(text);
  return table ? core::Status{} : core::fail(core::Error(table.error()));
}

int run_gateway(Context& context, const Settings& settings) {
  core::set_log_level(settings.log_level);
  const auto listen = ListenAddress::parse(settings.listen);
  if (!listen) return report(context, listen.error());
  const auto state = settings.state.empty() ? state_file(context.environment).parent_path()
                                            : std::filesystem::path(settings.state);
  gateway::ContentOptions content;
  content.cache_bytes_max = settings.cache_size.value_or(content.cache_bytes_max);
  if (auto read = read_rates(settings, content.rates); !read) return report(context, read.error());
  gateway::ServerLink::Times times;
  times.look_back = settings.return_after.value_or(times.look_back);
  GatewayProcess process({.state = state / "gateway",
                          .address = listen->address,
                          .port = listen->port,
                          .servers = settings.servers,
                          .token = settings.token,
                          .name = settings.name,
                          .alternative_names = settings.names,
                          .content = content,
                          .handlers = settings.handlers,
                          .repeat = settings.repeat,
                          .times = times,
                          .discovery = !settings.no_discovery});
  if (auto started = process.start(); !started) return report(context, started.error());
  process.run();
  return kExitOk;
}

core::Status check_listen(std::string_view text) {
  const auto listen = ListenAddress::parse(std::string(text));
  return listen ? core::Status{} : core::fail(core::Error(listen.error()));
}

core::Status check_server(std::string_view text) {
  const auto address = normal_server(text);
  return address ? core::Status{} : core::fail(core::Error(address.error()));
}

// What far sites need.
void add_tiers(Command& command, Settings& into) {
  command
      .flag("--repeat", "let other gateways stand behind this one, for sites that are far away",
            into.repeat)
      .in_file("false")
      .option("--return-after", "TIME",
              "where the first --server is a gateway and was given up: look so often whether it is "
              "back (default: 5m)",
              into.return_after)
      .in_file("5m")
      .checked(check_time);
  const auto rate = [&](const char* name, const char* help, std::string& target,
                        const char* sample) {
    command.option(name, "RATE", help, target)
        .in_file(sample, settings::Kind::kRate)
        .checked(check_rate);
  };
  rate("--send-rate", "send at most so much content a second, to all hosts together",
       into.send_rate, "08:00-18:00 2M, otherwise 20M");
  rate("--host-rate", "the same to each host", into.host_rate, "1M");
  rate("--repeat-rate", "the same to all gateways behind this one together", into.repeat_rate,
       "08:00-18:00 2M, otherwise 20M");
  rate("--gateway-rate", "the same to each gateway behind this one", into.gateway_rate, "1M");
  rate("--fetch-rate", "fetch at most so much a second from above", into.fetch_rate, "10M");
}

void add_gateway(Command& root) {
  using settings::Kind;
  auto settings = std::make_shared<Settings>();
  Command& command = root.add("gateway", "hold links of hosts for a server elsewhere");
  command.section("Region")
      .option("--server", "HOST:PORT",
              "the region's server, or a gateway with --repeat to stand behind; again for each "
              "further one (default: as at the last start)",
              settings->servers)
      .in_file("fleet.example.org:7443")
      .checked(check_server)
      .option("--token", "TOKEN", "for the first start: a token by 'muster token create --gateway'",
              settings->token)
      .in_file("mjt1...")
      .option("--name", "NAME", "what to call it (default at the first start: the host's name)",
              settings->name)
      .in_file("edge1")
      .option("--listen", "ADDRESS:PORT", "where hosts log in (default: 0.0.0.0:7443; port 0: any)",
              settings->listen)
      .in_file("0.0.0.0:7443")
      .checked(check_listen)
      .option("--also-known-as", "NAME",
              "first start: a further DNS name or address by which it is reached", settings->names)
      .in_file("192.0.2.7")
      .option("--state", "FOLDER",
              "where its key is kept (default: $MUSTER_STATE, else ~/.local/share/muster)",
              settings->state)
      .in_file(kSystemState, Kind::kFolder)
      .environment("MUSTER_STATE")
      .size_option("--cache-size", "SIZE", "keep at most so much of what was fetched (default: 4G)",
                   settings->cache_size)
      .in_file("4G");
  add_tiers(command, *settings);
  command
      .option("--handlers", "FOLDER",
              "answer methods' calls NAME.VERB by the executables in it (docs/handlers.md)",
              settings->handlers)
      .in_file("/etc/muster/handlers", Kind::kFolder)
      .flag("--no-discovery", "do not answer on UDP port 7443 to machines that look for a gateway",
            settings->no_discovery)
      .in_file("false")
      .option("--log", "LEVEL", "what to log: debug, info, warn or error (default: info)",
              settings->log_level)
      .choices({"debug", "info", "warn", "error"})
      .in_file("info")
      .config_file(kGatewayConfig);
  command
      .details(
          "A gateway stands between hosts and their server: near the hosts, or where one machine "
          "cannot hold all links. It keeps nothing but its key; when it is lost, its hosts log in "
          "elsewhere or come back. While it has no server, nobody is let in and running commands "
          "go on.\n\nThe first start enrols it: it makes a key and gets a certificate for a token. "
          "Agents use it by: muster-agent enrol --server SERVER --gateway HOST:PORT --token ...\n\n"
          "A RATE is a size (10M, 2 MB/s), or a table by the time of the day on this machine: "
          "\"08:00-18:00 2M, otherwise 20M\".\n\n"
          "Its port also answers /healthz, /readyz and /metrics.")
      .example("muster gateway --server muster.example.org:7443 --token mjt1...",
               "the first start; the token comes from: muster token create --gateway")
      .example("muster gateway", "every later start")
      .example("muster gateway --server hub.example.org:7443 --server muster.example.org:7443",
               "behind the gateway hub, which was started with --repeat; else at the server")
      .action([settings](Context& context) { return run_gateway(context, *settings); });
}

int list_gateways(Context& context, bool json) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto list = client->get({"gateways"});
  if (!list) return report(context, list.error());
  if (json) {
    context.terminal.out_bytes(pretty(*list));
    return kExitOk;
  }
  context.terminal.out(render_gateways(*list, context.terminal));
  return kExitOk;
}

void add_drain(Command& gateways, bool draining) {
  auto name = std::make_shared<std::string>();
  gateways
      .add(draining ? "drain" : "undrain",
           draining ? "send a gateway's hosts elsewhere" : "let hosts back to a drained gateway")
      .argument("NAME", "the gateway's name, as list shows it", *name)
      .details(draining ? "Its hosts move at a gentle pace to where the policy says, else to "
                          "whichever gateway has a place; running work goes on. No host is sent to "
                          "it until undrain. When list shows no links, it can be stopped."
                        : "Those that belong there come back within the next minutes.")
      .example(std::string("muster gateways ") + (draining ? "drain edge1" : "undrain edge1"),
               draining ? "before edge1 is stopped" : "edge1 is back")
      .action([name, draining](Context& context) -> int {
        auto client = context.connect();
        if (!client) return report(context, client.error());
        const auto done = client->act("gateways", *name, draining ? "drain" : "undrain");
        if (!done) return report(context, done.error());
        context.terminal.err("The gateway " + in_line(*name) +
                             (draining ? " is being drained; muster gateways shows how far\n"
                                       : " takes hosts again\n"));
        return kExitOk;
      });
}

void add_gateways(Command& root) {
  struct Revocation {
    std::string name;
    bool yes = false;
  };
  auto json = std::make_shared<bool>(false);
  auto revocation = std::make_shared<Revocation>();
  Command& gateways = root.add("gateways", "list gateways, drain one, revoke one");
  gateways.section("Region")
      .details(
          "Without a command it lists the gateways that were seen since the server started: links "
          "that they hold, hosts on the way to them, and what they take.")
      .example("muster gateways", "how many hosts each one holds");
  Command& list = gateways.add("list", "list the gateways");
  list.example("muster gateways list --json", "the same, for a script");
  for (Command* each : {&gateways, &list})
    each->flag("--json", "print the server's JSON", *json).action([json](Context& context) {
      return list_gateways(context, *json);
    });
  add_drain(gateways, true);
  add_drain(gateways, false);
  gateways.add("revoke", "cut a gateway off for good")
      .argument("NAME", "the gateway's name, as list shows it", revocation->name)
      .flag("-y,--yes", "do not ask", revocation->yes)
      .details("Its hosts log in elsewhere. No gateway of this name is let in again.")
      .example("muster gateways revoke edge1", "its certificate counts no more")
      .action([revocation](Context& context) -> int {
        auto client = context.connect();
        if (!client) return report(context, client.error());
        const std::string name = in_line(revocation->name);
        if (!revocation->yes) {
          const auto sure = context.terminal.confirm("Revoke the gateway " + name + " for good?");
          if (!sure) return report(context, sure.error());
          if (!*sure) return kExitInterrupted;
        }
        const auto done = client->revoke_gateway(revocation->name);
        if (!done) return report(context, done.error());
        context.terminal.err("The gateway " + name + " is revoked\n");
        return kExitOk;
      });
}

}  // namespace

void add_gateway_commands(Command& root) {
  add_gateway(root);
  add_gateways(root);
}

}  // namespace muster::cli
