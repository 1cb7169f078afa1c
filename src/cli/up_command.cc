// SPDX-License-Identifier: Apache-2.0
//
// muster up: a whole region on this machine. muster server: the same for others only.
#include <thread>

#include "access/region_secret.h"
#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/listen_address.h"
#include "cli/local_agent.h"
#include "cli/region_process.h"
#include "cli/server_process.h"
#include "core/bytes.h"
#include "core/log.h"
#include "jobs/run_store.h"
#include "server/region_keys.h"

namespace muster::cli {
namespace {

using namespace std::chrono_literals;

/// The local agent has so long to log in before `up` says that it has not.
constexpr core::Duration kLoginPatience = 20s;
constexpr core::Duration kAnswerPatience = 20s;
/// Longer than the lease of a leader that is gone.
constexpr core::Duration kLeadPatience = 10s;

struct Settings {
  std::string state;
  std::string database;
  std::string region_secret;
  std::string listen = "0.0.0.0:7443";
  std::string name;
  std::vector<std::string> names;
  std::string log_level = "info";
  std::string agents;
  bool no_discovery = false;
  bool no_agent = false;
  std::optional<std::uint64_t> keep_days;
};

core::Status check_listen(std::string_view text) {
  const auto listen = ListenAddress::parse(std::string(text));
  return listen ? core::Status{} : core::fail(core::Error(listen.error()));
}

core::Status check_database(std::string_view url) {
  if (url.starts_with("postgresql://") || url.starts_with("postgres://")) return {};
  return core::fail(core::Code::kInvalid, "write postgresql://user@host/name");
}

void add_settings(Command& command, Settings& settings, const char* config_file) {
  using settings::Kind;
  command
      .option("--state", "FOLDER",
              "where everything is kept (default: $MUSTER_STATE, else ~/.local/share/muster)",
              settings.state)
      .in_file(kSystemState, Kind::kFolder)
      .environment("MUSTER_STATE")
      .option("--database", "URL",
              "PostgreSQL instead of a file in the state folder, as postgresql://user@host/name; "
              "a password belongs in ~/.pgpass (default: $MUSTER_DATABASE, else the file)",
              settings.database)
      .in_file("postgresql://muster@db.example.org/muster")
      .environment("MUSTER_DATABASE")
      .checked(check_database)
      .option("--region-secret", "FILE",
              "first start of a further server on the same PostgreSQL: what 'muster server secret' "
              "prints on one that runs",
              settings.region_secret)
      .in_file("/etc/muster/region.secret", Kind::kFile)
      .option("--listen", "ADDRESS:PORT",
              "where to serve API, console and links (default: 0.0.0.0:7443; port 0: any)",
              settings.listen)
      .in_file("0.0.0.0:7443")
      .checked(check_listen)
      .option("--name", "NAME", "the server's name in its certificate (default: the host's name)",
              settings.name)
      .in_file("fleet.example.org")
      .option("--also-known-as", "NAME",
              "a further DNS name or address by which machines reach this server", settings.names)
      .in_file("192.0.2.7")
      .flag("--no-discovery", "do not answer on UDP port 7443 to machines that look for the server",
            settings.no_discovery)
      .in_file("false")
      .option("--keep-days", "DAYS", "remove finished runs after so many days (default: 90)",
              settings.keep_days)
      .in_file("90")
      .option(
          "--agents", "FOLDER",
          "agents for new machines, as muster-agent-x86_64 (default: ../lib/muster/agents, seen "
          "from this program)",
          settings.agents)
      .in_file("/usr/lib/muster/agents", Kind::kFolder)
      .option("--log", "LEVEL", "what to log: debug, info, warn or error (default: info)",
              settings.log_level)
      .choices({"debug", "info", "warn", "error"})
      .in_file("info")
      .config_file(config_file);
}

core::Result<server::ServerConfig> server_config(const Settings& settings,
                                                 const std::filesystem::path& state,
                                                 const Environment& environment) {
  server::ServerConfig config;
  config.state = state / "server";
  config.database =
      settings.database.empty() ? environment("MUSTER_DATABASE").value_or("") : settings.database;
  MUSTER_ASSIGN(auto listen, ListenAddress::parse(settings.listen));
  config.address = std::move(listen.address);
  config.port = listen.port;
  config.name = settings.name;
  config.region_secret = settings.region_secret;
  config.alternative_names = settings.names;
  std::error_code failed;
  const auto programs = std::filesystem::read_symlink("/proc/self/exe", failed).parent_path();
  config.agents = settings.agents.empty() ? programs.parent_path() / "lib/muster/agents"
                                          : std::filesystem::path(settings.agents);
  if (std::filesystem::exists(programs / "muster-agent", failed))
    config.own_agent = programs / "muster-agent";
  config.discovery = !settings.no_discovery;
  if (settings.keep_days)
    config.retention.age_max = std::chrono::hours(24) * static_cast<long>(*settings.keep_days);
  return config;
}

std::filesystem::path state_folder(const Settings& settings, const Environment& environment) {
  return settings.state.empty() ? state_file(environment).parent_path()
                                : std::filesystem::path(settings.state);
}

/// The first start of a region: what nobody can show again.
void show_access(Context& context, RegionProcess& process) {
  const auto& admin = process.region().first_admin();
  std::string text =
      "Console   https://localhost:" + std::to_string(process.region().port()) + "\n";
  if (admin)
    text += "User      " + admin->name + "\nPassword  " + admin->password +
            "   (shown this once; change it with 'muster user password admin')\n";
  else
    text += "User      admin, with the password that the first start showed\n";
  context.terminal.out(text);
}

/// Enrols the local agent where it is not, and waits until it is online.
runtime::Task<core::Result<core::EndpointId>> bring_up_agent(RegionProcess& process,
                                                             LocalAgent& agent,
                                                             runtime::TaskGroup& group) {
  server::Region& region = process.region();
  if (!agent.enrolled()) {
    MUSTER_CO_ASSIGN(auto token,
                     co_await region.join_tokens().create(
                         access::Principal::system(), {.uses = 1, .lasts = 10min, .labels = {}}));
    MUSTER_CO_TRY(co_await agent.enrol(process.local_address(), token.token));
  }
  MUSTER_CO_ASSIGN(const core::EndpointId endpoint, agent.endpoint());
  group.spawn(agent.keep_running(process.local_address()));
  const auto deadline = core::mono_now() + kLoginPatience;
  while (core::mono_now() < deadline) {
    const fleet::Endpoint* known = region.registry().find(endpoint);
    if (known && known->online()) co_return endpoint;
    if (!co_await runtime::sleep_for(50ms))
      co_return core::fail(core::Code::kCancelled, "stopping");
  }
  co_return core::fail(core::Code::kTimeout,
                       "the local agent did not log in within " + core::to_text(kLoginPatience));
}

/// The first run: what the region is for, shown once it works.
runtime::Task<core::Status> first_run(Context& context, server::Region& region,
                                      core::EndpointId endpoint) {
  server::RunService::Wanted wanted;
  wanted.spec.kind = jobs::RunKind::kCommand;
  wanted.spec.argv = {"uname", "-srmo"};
  wanted.spec.selector = endpoint.str();
  wanted.spec.description = "the first run of muster up";
  wanted.spec.created_by = "system";
  wanted.targets = {endpoint};
  MUSTER_CO_ASSIGN(auto created, co_await region.runs().create(std::move(wanted)));
  const auto deadline = core::mono_now() + kAnswerPatience;
  jobs::Run run = created.run;
  while (!run.finished() && core::mono_now() < deadline) {
    if (!co_await runtime::sleep_for(10ms)) co_return core::Status{};
    MUSTER_CO_ASSIGN(run, co_await region.runs().get(run.id));
  }
  MUSTER_CO_ASSIGN(const auto target,
                   co_await region.database().read([&](store::Connection& connection) {
                     return jobs::RunStore::target(connection, run.id, endpoint);
                   }));
  const auto* host = region.registry().find(endpoint);
  context.terminal.out("\n$ muster run --on " + (host ? host->name : endpoint.str()) +
                       " -- uname -srmo\n");
  context.terminal.out_bytes(target.out);
  if (target.state != jobs::TargetState::kSucceeded)
    context.terminal.out(std::string(jobs::name(target.state)) + " " + target.reason + "\n");
  co_return core::Status{};
}

/// postgresql://user:password@host: everybody on the machine can read it in a list of processes.
bool shows_password(std::string_view url) {
  const auto begin = url.find("://");
  if (begin == std::string_view::npos) return false;
  const auto authority = url.substr(begin + 3, url.find('/', begin + 3) - begin - 3);
  const auto at = authority.rfind('@');
  return (at != std::string_view::npos && authority.substr(0, at).contains(':')) ||
         url.contains("password=");
}

/// One of any number of servers: it leads, or stands by.
int run_servers(Context& context, server::ServerConfig config,
                const std::filesystem::path& client_file) {
  bool shown = false;
  ServerProcess process(std::move(config), [&](RegionProcess& leading) -> core::Status {
    MUSTER_TRY(leading.write_client_file(client_file));
    if (!std::exchange(shown, true)) show_access(context, leading);
    return {};
  });
  if (auto ended = process.run(); !ended) return report(context, ended.error());
  return kExitOk;
}

/// `muster up` makes this machine a region: it does not stand by.
core::Result<std::unique_ptr<store::Servers>> lead_at_once(const server::ServerConfig& config) {
  MUSTER_ASSIGN(auto servers, join_servers(config));
  servers->stand();
  const auto deadline = core::mono_now() + kLeadPatience;
  while (servers->view().term == 0) {
    if (core::mono_now() >= deadline)
      return core::fail(core::Code::kConflict,
                        "another server leads this region: 'muster server' stands by beside it");
    std::this_thread::sleep_for(20ms);
  }
  return servers;
}

int run_region(Context& context, const Settings& settings, bool with_agent) {
  core::set_log_level(settings.log_level);
  if (shows_password(settings.database))
    core::log(
        core::Level::kWarn, "server",
        "everybody who can read the configuration, or on this machine the command line, can read "
        "the password in --database: put it into ~/.pgpass");
  const auto state = state_folder(settings, context.environment);
  auto config = server_config(settings, state, context.environment);
  if (!config) return report(context, config.error());
  std::optional<std::filesystem::path> agent_program;
  if (with_agent) {
    auto found = LocalAgent::find_program();
    if (!found) return report(context, found.error());
    agent_program = *found;
  }
  const auto client_file = state / "client.json";
  if (!config->database.empty() && !agent_program)
    return run_servers(context, std::move(*config), client_file);
  std::unique_ptr<store::Servers> servers;
  if (!config->database.empty()) {
    auto joined = lead_at_once(*config);
    if (!joined) return report(context, joined.error());
    servers = std::move(*joined);
  }
  RegionProcess process(std::move(*config), servers.get());
  if (auto started = process.start(); !started) return report(context, started.error());
  if (auto written = process.write_client_file(client_file); !written) {
    process.request_stop();  // it serves already: it ends in good order
    process.run();
    return report(context, written.error());
  }
  if (!agent_program) {
    show_access(context, process);
    process.run();
    return kExitOk;
  }
  LocalAgent agent(process.loop(), *agent_program, state);
  runtime::TaskGroup group(process.loop(), "up");
  process.run(
      [&]() -> runtime::Task<void> {
        auto endpoint = co_await bring_up_agent(process, agent, group);
        if (process.stopping()) co_return;
        core::Status shown;
        if (endpoint) shown = co_await first_run(context, process.region(), *endpoint);
        const core::Error* trouble = !endpoint ? &endpoint.error()
                                     : !shown  ? &shown.error()
                                               : nullptr;
        if (trouble) report(context, *trouble);
        context.terminal.out("\n");
        show_access(context, process);
        context.terminal.out(
            "\nThis region runs until Ctrl-C. In another terminal: muster hosts\n");
      },
      [&]() -> runtime::Task<void> {
        co_await agent.stop();
        co_await group.stop();
      });
  if (!process.deposed()) return kExitOk;
  return report(context, {core::Code::kUnavailable,
                          "another server leads the region now; start this one as 'muster server', "
                          "which stands by meanwhile"});
}

void add_secret(Command& server) {
  auto state = std::make_shared<std::string>();
  server.add("secret", "print what a further server of this region needs")
      .option("--state", "FOLDER",
              "where everything is kept (default: $MUSTER_STATE, else ~/.local/share/muster)",
              *state)
      .details(
          "With PostgreSQL the region's keys lie in the database, sealed by this secret. Whoever "
          "has "
          "it and can read the database has the region: hand it over as you would a private key, "
          "in a file of mode 0600.")
      .example("muster server secret > region.secret", "on a server that runs")
      .example("muster server --database postgresql://… --region-secret region.secret",
               "the first start of another one")
      .action([state](Context& context) -> int {
        const auto folder = state->empty() ? state_file(context.environment).parent_path()
                                           : std::filesystem::path(*state);
        const auto file = folder / "server" / server::kSecretFile;
        const auto secret = access::RegionSecret::load(file);
        if (!secret && secret.error().code == core::Code::kNotFound)
          return report(context,
                        {core::Code::kNotFound,
                         "there is no region's secret in " + file.string() +
                             ": a server has one from its first start with PostgreSQL on"});
        if (!secret) return report(context, secret.error());
        context.terminal.out_bytes(secret->text() + "\n");
        return kExitOk;
      });
}

}  // namespace

void add_region_commands(Command& root) {
  auto up = std::make_shared<Settings>();
  Command& up_command = root.add("up", "make this machine a region, with itself as the first host");
  up_command.section("Region")
      .details(
          "Starts server, gateway, console and the local agent, runs a first command, and shows "
          "the console's address; at the first start also the password of the first user. Runs "
          "until Ctrl-C. What it keeps is in the state folder: start it again and everything is "
          "there.")
      .example("muster up", "on this machine, in ~/.local/share/muster")
      .example("muster up --listen 0.0.0.0:8443 --also-known-as fleet.example.org",
               "on another port, reachable by a further name");
  add_settings(up_command, *up, "");
  up_command.flag("--no-agent", "do not make this machine a host", up->no_agent)
      .action([up](Context& context) { return run_region(context, *up, !up->no_agent); });

  auto server = std::make_shared<Settings>();
  Command& server_command = root.add("server", "serve a region: API, console, links");
  server_command.section("Region")
      .details("The server with its gateway, without an agent: for a machine that only serves.")
      .example("muster server --config /etc/muster/server.toml", "as the service does")
      .example("muster server --database postgresql://muster@db.example.org/muster",
               "with its tables in PostgreSQL (docs/postgresql.md)");
  add_settings(server_command, *server, kServerConfig);
  server_command.action([server](Context& context) { return run_region(context, *server, false); });
  add_secret(server_command);
}

}  // namespace muster::cli
