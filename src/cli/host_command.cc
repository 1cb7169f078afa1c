// SPDX-License-Identifier: Apache-2.0
//
// muster host: this machine's management interface over HTTP, with its application behind it;
// the tokens that callers show, and the neighbours that it calls on.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/host_process.h"
#include "cli/json_access.h"
#include "cli/listen_address.h"
#include "cli/text.h"
#include "cli/trust.h"
#include "core/bytes.h"
#include "core/log.h"
#include "identity/authority.h"
#include "member/this_machine.h"

namespace muster::cli {
namespace {

constexpr std::size_t kFileBytesMax = 1024 * 1024;
constexpr std::size_t kNamesMax = 32;

struct Settings {
  std::string state;
  std::string listen = "0.0.0.0:8443";
  std::string name;
  std::vector<std::string> names;
  std::string application;
  std::vector<std::string> files, writable;
  std::optional<std::uint64_t> largest;
  std::vector<std::string> allow;
  std::string client_ca, certificate, key;
  std::string log_level = "info";
};

std::filesystem::path folder_of(const std::string& state, const Environment& environment) {
  const auto base =
      state.empty() ? state_file(environment).parent_path() : std::filesystem::path(state);
  return base / "host";
}

core::Status read_access(const Settings& settings, manage::HostConfig& config) {
  for (const auto& text : settings.files) {
    MUSTER_ASSIGN(auto root, manage::Root::parse(text, false));
    config.roots.push_back(std::move(root));
  }
  for (const auto& text : settings.writable) {
    MUSTER_ASSIGN(auto root, manage::Root::parse(text, true));
    config.roots.push_back(std::move(root));
  }
  for (auto at = config.roots.begin(); at != config.roots.end(); ++at)
    if (std::ranges::find(config.roots.begin(), at, at->name, &manage::Root::name) != at)
      return core::fail(core::Code::kInvalid,
                        "two offered folders have the name '" + at->name + "': give each its own");
  for (const auto& text : settings.allow) {
    MUSTER_ASSIGN(auto rule, manage::Rule::parse(text));
    config.rules.push_back(std::move(rule));
  }
  if (!settings.client_ca.empty()) {
    MUSTER_ASSIGN(config.client_ca_pem,
                  read_given_file(settings.client_ca, kFileBytesMax, "--client-ca"));
  }
  if (settings.certificate.empty() != settings.key.empty())
    return core::fail(core::Code::kInvalid, "--certificate and --key go together");
  if (settings.certificate.empty()) return {};
  net::TlsIdentity identity;
  MUSTER_ASSIGN(identity.chain_pem,
                read_given_file(settings.certificate, kFileBytesMax, "--certificate"));
  MUSTER_ASSIGN(identity.key_pem, read_given_file(settings.key, kFileBytesMax, "--key"));
  config.identity = std::move(identity);
  return {};
}

core::Result<manage::HostConfig> host_config(const Settings& settings,
                                             const Environment& environment) {
  MUSTER_ASSIGN(const auto listen, ListenAddress::parse(settings.listen));
  manage::HostConfig config;
  config.state = folder_of(settings.state, environment);
  config.address = listen.address;
  config.port = listen.port;
  config.name = settings.name.empty() ? member::host_name() : settings.name;
  if (!identity::is_valid_name(config.name))
    return core::fail(core::Code::kInvalid,
                      "--name: a host's name has a-z, 0-9, '-' and '.', 63 at most");
  config.application = settings.application;
  config.largest_file = settings.largest.value_or(manage::kLargestFile);
  std::vector<std::string> names = settings.names;
  for (const auto& own : {config.name, member::host_name(), std::string("localhost")})
    names.push_back(own);
  for (auto& address : member::addresses()) names.push_back(std::move(address));
  if (!member::is_any_address(config.address)) names.push_back(config.address);
  if (names.size() > kNamesMax) names.resize(kNamesMax);
  for (auto& name : names)
    (member::is_address(name) ? config.ip_addresses : config.dns_names).push_back(name);
  MUSTER_TRY(read_access(settings, config));
  return config;
}

int run_host(Context& context, const Settings& settings) {
  core::set_log_level(settings.log_level);
  auto config = host_config(settings, context.environment);
  if (!config) return report(context, config.error());
  const bool own = !config->identity;
  HostProcess process(std::move(*config));
  if (auto started = process.start(); !started) return report(context, started.error());
  if (own)
    context.terminal.err("Its own authority is in " + process.host().ca_file().string() +
                         " and has the fingerprint\n  " +
                         grouped(core::to_base32(process.host().fingerprint())) + "\n");
  process.run();
  return kExitOk;
}

/// A Setter out of what parses a value.
template <typename Parse>
Setter check_by(Parse parse) {
  return [parse](std::string_view text) -> core::Status {
    const auto value = parse(text);
    return value ? core::Status{} : core::fail(core::Error(value.error()));
  };
}

void add_options(Command& command, Settings& settings) {
  using settings::Kind;
  command
      .option("--listen", "ADDRESS:PORT", "where it listens (default: 0.0.0.0:8443; port 0: any)",
              settings.listen)
      .in_file("0.0.0.0:8443")
      .checked(
          check_by([](std::string_view text) { return ListenAddress::parse(std::string(text)); }))
      .option("--application", "ADDRESS",
              "pass everything else on to it: http://HOST:PORT or unix:/PATH (default: nowhere)",
              settings.application)
      .in_file("http://127.0.0.1:8080")
      .checked(check_by(manage::parse_application))
      .option("--files", "NAME=FOLDER", "offer a folder for reading; again for each further one",
              settings.files)
      .in_file("logs=/var/log")
      .checked(check_by([](std::string_view text) { return manage::Root::parse(text, false); }))
      .option("--writable-files", "NAME=FOLDER", "offer a folder for reading and writing",
              settings.writable)
      .in_file("data=/srv/data")
      .checked(check_by([](std::string_view text) { return manage::Root::parse(text, true); }))
      .size_option("--largest-file", "SIZE", "take no larger files (default: 16G)",
                   settings.largest)
      .in_file("16G")
      .option(
          "--allow", "WHO=PERMISSIONS",
          "what a certificate may: server:NAME, gateway:NAME, endpoint:ID or sha256:FINGERPRINT "
          "= some of view,read,write,forward",
          settings.allow)
      .in_file("server:main=view")
      .checked(check_by(manage::Rule::parse))
      .option("--client-ca", "FILE",
              "take client certificates of this authority, such as a region's ca.pem",
              settings.client_ca)
      .in_file("/etc/muster/client-ca.pem", Kind::kFile)
      .option("--certificate", "FILE",
              "show this certificate (with its chain) instead of an own one", settings.certificate)
      .in_file("/etc/muster/host.pem", Kind::kFile)
      .option("--key", "FILE", "its private key", settings.key)
      .in_file("/etc/muster/host.key", Kind::kFile)
      .option("--name", "NAME", "what to call it (default: the machine's name)", settings.name)
      .in_file("web1")
      .option("--also-known-as", "NAME", "a further DNS name or address for its own certificate",
              settings.names)
      .in_file("web1.example.org")
      .option("--state", "FOLDER",
              "where keys and tokens are kept (default: $MUSTER_STATE, else ~/.local/share/muster)",
              settings.state)
      .in_file(kSystemState, Kind::kFolder)
      .environment("MUSTER_STATE")
      .option("--log", "LEVEL", "what to log: debug, info, warn or error (default: info)",
              settings.log_level)
      .choices({"debug", "info", "warn", "error"})
      .in_file("info")
      .config_file(kHostConfig);
}

struct TokenWish {
  std::string state;
  std::string name;
  std::string may = "view";
  std::optional<core::Duration> lasts;
  bool json = false;
};

Command& with_state(Command& command, std::string& state) {
  return command
      .option("--state", "FOLDER",
              "where the host keeps its state (default: $MUSTER_STATE, else ~/.local/share/muster)",
              state)
      .environment("MUSTER_STATE");
}

std::filesystem::path state_of(Context& context, const std::string& state) {
  if (!state.empty()) return folder_of(state, context.environment);
  const auto own = folder_of("", context.environment);
  const std::filesystem::path service = std::filesystem::path(kSystemState) / "host";
  std::error_code ignored;
  // As `muster` finds this machine's server without being told.
  if (!context.environment("MUSTER_STATE") && !std::filesystem::exists(own, ignored) &&
      std::filesystem::exists(service, ignored))
    return service;
  return own;
}

int create_token(Context& context, const TokenWish& wish) {
  const auto may = manage::parse_permissions(wish.may);
  if (!may) return report(context, may.error());
  manage::Tokens tokens(manage::tokens_file(state_of(context, wish.state)));
  const auto made = tokens.create(wish.name, *may, wish.lasts, context.now());
  if (!made) return report(context, made.error());
  if (wish.json) {
    context.terminal.out_bytes(pretty(
        boost::json::object{{"name", wish.name}, {"may", manage::text(*may)}, {"token", *made}}));
    return kExitOk;
  }
  context.terminal.out(*made + "\n");
  context.terminal.err("It may " + manage::text(*may) + " on this host, and is not shown again\n");
  return kExitOk;
}

int list_tokens(Context& context, const TokenWish& wish) {
  manage::Tokens tokens(manage::tokens_file(state_of(context, wish.state)));
  const auto list = tokens.list();
  if (!list) return report(context, list.error());
  if (wish.json) {
    boost::json::array array;
    for (const auto& each : *list) {
      boost::json::object token{{"id", each.id},
                                {"name", each.name},
                                {"may", manage::text(each.may)},
                                {"created_at", core::to_rfc3339(each.created_at)}};
      if (each.expires_at) token["expires_at"] = core::to_rfc3339(*each.expires_at);
      array.push_back(std::move(token));
    }
    context.terminal.out_bytes(pretty(boost::json::object{{"tokens", std::move(array)}}));
    return kExitOk;
  }
  Table table({"ID", "NAME", "MAY", "EXPIRES"});
  for (const auto& each : *list)
    table.row({each.id, in_line(each.name), manage::text(each.may),
               each.expires_at ? core::to_rfc3339(*each.expires_at) : "never"});
  if (table.empty())
    context.terminal.err("There are no tokens; muster host token create makes one\n");
  else
    context.terminal.out(table.render(context.terminal));
  return kExitOk;
}

void add_tokens(Command& host) {
  auto wish = std::make_shared<TokenWish>();
  Command& token = host.add("token", "make, list and remove the tokens that callers show");
  token.example("muster host token create monitoring", "for what only looks");
  Command& create = token.add("create", "make a token and print it once");
  create.argument("NAME", "what it is for", wish->name)
      .option("--may", "PERMISSIONS", "some of view,read,write,forward (default: view)", wish->may)
      .option("--expires", "DURATION", "how long it is good, as 90d (default: for ever)",
              wish->lasts)
      .flag("--json", "print JSON", wish->json)
      .details(
          "On the host itself, by whoever may write its state folder. Only the token's hash is "
          "kept.")
      .example("muster host token create monitoring --may view", "for what only looks")
      .action([wish](Context& context) { return create_token(context, *wish); });
  Command& list = token.add("list", "list them");
  list.flag("--json", "print JSON", wish->json)
      .example("muster host token list", "which there are")
      .action([wish](Context& context) { return list_tokens(context, *wish); });
  Command& remove = token.add("remove", "make a token void, at once");
  remove.argument("TOKEN", "its id, or its name", wish->name)
      .example("muster host token remove monitoring", "it is refused from now on")
      .action([wish](Context& context) -> int {
        manage::Tokens tokens(manage::tokens_file(state_of(context, wish->state)));
        if (const auto done = tokens.remove(wish->name); !done)
          return report(context, done.error());
        context.terminal.err("The token " + in_line(wish->name) + " is void\n");
        return kExitOk;
      });
  for (Command* each : {&create, &list, &remove}) with_state(*each, wish->state);
}

struct NeighbourWish {
  std::string state;
  std::string name;
  std::string address;
  std::optional<std::string> fingerprint;
  bool json = false;
};

core::Status add_neighbour(Context& context, const NeighbourWish& wish) {
  manage::Neighbour neighbour{.name = wish.name, .address = "", .fingerprint = "", .token = ""};
  MUSTER_ASSIGN(const auto address,
                net::ServerAddress::parse(with_default_port(wish.address, kHostPort)));
  neighbour.address = "https://" + address.str();
  MUSTER_ASSIGN(const std::string shown,
                settle_fingerprint(context, kHostToTrust, neighbour.address, wish.fingerprint));
  MUSTER_ASSIGN(neighbour.fingerprint, core::from_base32(shown));
  MUSTER_ASSIGN(neighbour.token, context.terminal.in_is_terminal
                                     ? context.terminal.ask_secret("Token there: ")
                                     : context.terminal.read_all(4096));
  while (neighbour.token.ends_with('\n')) neighbour.token.pop_back();
  if (!neighbour.token.starts_with(manage::kTokenKind))
    return core::fail(core::Code::kInvalid,
                      "that is no token of a host: muster host token create makes one there");
  const manage::NeighbourFile file(manage::neighbours_file(state_of(context, wish.state)));
  MUSTER_TRY(file.add(std::move(neighbour)));
  context.terminal.err("This host calls on " + in_line(wish.name) + " from now on\n");
  return {};
}

int list_neighbours(Context& context, const NeighbourWish& wish) {
  const manage::NeighbourFile file(manage::neighbours_file(state_of(context, wish.state)));
  const auto list = file.load();
  if (!list) return report(context, list.error());
  boost::json::array array;
  Table table({"NAME", "ADDRESS"});
  for (const auto& each : *list) {
    table.row({each.name, in_line(each.address)});
    array.push_back(boost::json::object{{"name", each.name}, {"address", each.address}});
  }
  if (wish.json)
    context.terminal.out_bytes(pretty(boost::json::object{{"neighbours", std::move(array)}}));
  else if (table.empty())
    context.terminal.err("This host calls on nobody\n");
  else
    context.terminal.out(table.render(context.terminal));
  return kExitOk;
}

void add_neighbours(Command& host) {
  auto wish = std::make_shared<NeighbourWish>();
  Command& neighbour = host.add("neighbour", "say on which further hosts this one calls");
  neighbour.example("muster host neighbour list", "which there are");
  Command& add = neighbour.add("add", "let this host call on another one");
  add.argument("NAME", "what callers name it by, in via=NAME", wish->name)
      .argument("ADDRESS", "its management interface, as db1.example.org:8443", wish->address)
      .option("--fingerprint", "FP", "of its authority, as it printed it (default: ask)",
              wish->fingerprint)
      .details(
          "Reads the token that this host has there from standard input. This host calls with "
          "what that token may, never with more.")
      .example("muster host neighbour add db1 db1.example.org:8443 <token",
               "callers may now say via=db1")
      .action([wish](Context& context) -> int {
        const auto done = add_neighbour(context, *wish);
        return done ? kExitOk : report(context, done.error());
      });
  Command& list = neighbour.add("list", "list them");
  list.flag("--json", "print JSON", wish->json)
      .example("muster host neighbour list", "names and addresses")
      .action([wish](Context& context) { return list_neighbours(context, *wish); });
  Command& remove = neighbour.add("remove", "call on it no more");
  remove.argument("NAME", "as list shows it", wish->name)
      .example("muster host neighbour remove db1", "via=db1 is refused from now on")
      .action([wish](Context& context) -> int {
        const manage::NeighbourFile file(manage::neighbours_file(state_of(context, wish->state)));
        if (const auto done = file.remove(wish->name); !done) return report(context, done.error());
        context.terminal.err("This host calls on " + in_line(wish->name) + " no more\n");
        return kExitOk;
      });
  for (Command* each : {&add, &list, &remove}) with_state(*each, wish->state);
}

}  // namespace

void add_host_command(Command& root) {
  auto settings = std::make_shared<Settings>();
  Command& command = root.add("host", "offer this machine's management over HTTP");
  command.section("Region");
  add_options(command, *settings);
  command
      .details(
          "Listens with TLS for its own application and for management: a POST with the header "
          "'Muster-Management: 1' is a call (status report, file transfer, calls on further "
          "hosts), everything else is passed on to --application. Callers show a token of this "
          "host (muster host token create) or a certificate that --allow names; nobody else gets "
          "an answer. docs/protocols/management.md has the protocol.\n\n"
          "It needs no region. Without --certificate it makes an authority of its own at the first "
          "start; its fingerprint is printed at each.")
      .example("muster host --application http://127.0.0.1:8080 --writable-files data=/srv/data",
               "in front of an application, with one folder for files")
      .example("muster host token create ada --may view,read,write",
               "a token; then, elsewhere: muster manage status HOST:8443")
      .action([settings](Context& context) { return run_host(context, *settings); });
  add_tokens(command);
  add_neighbours(command);
}

}  // namespace muster::cli
