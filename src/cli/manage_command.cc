// SPDX-License-Identifier: Apache-2.0
//
// muster manage: the management interface of hosts, and of the server, from here.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <filesystem>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/host_client.h"
#include "cli/render_managed.h"
#include "cli/text.h"
#include "cli/trust.h"
#include "core/clock.h"
#include "runtime/file.h"

namespace muster::cli {
namespace {

constexpr std::size_t kFileBytesMax = 1024 * 1024;
constexpr std::size_t kTokenBytesMax = 4096;
constexpr core::Duration kProgressEvery = std::chrono::milliseconds(200);

struct Options {
  std::optional<std::string> address;
  std::string host;  ///< the same, where it must be named
  std::optional<std::string> path;
  std::string from, to;
  std::optional<std::string> target;
  std::vector<std::string> via;
  std::optional<std::string> fingerprint, ca, certificate, key;
  std::string mode, owner;
  bool json = false;
};

std::filesystem::path hosts_file(const Environment& environment) {
  return login_file(environment).parent_path() / "hosts.json";
}

/// The hosts that `muster manage login` has written; an empty list where there are none.
core::Result<boost::json::array> known_hosts(const Environment& environment) {
  const auto text = runtime::read_file(hosts_file(environment), kFileBytesMax);
  if (!text && text.error().code == core::Code::kNotFound) return boost::json::array();
  if (!text) return core::fail(core::Error(text.error()));
  boost::system::error_code failed;
  const Json value = boost::json::parse(*text, failed);
  if (failed || !value.is_object())
    return core::fail(core::Code::kCorrupt,
                      hosts_file(environment).string() + " is damaged: put it right or remove it");
  return elements(value, "hosts");
}

core::Result<std::string> normal_host(const std::string& text) {
  MUSTER_ASSIGN(const auto parsed, normal_server(with_default_port(text, kHostPort)));
  return parsed;
}

core::Status remember(Context& context, const ManagedHost& host) {
  MUSTER_ASSIGN(auto list, known_hosts(context.environment));
  boost::json::array kept;
  for (auto& each : list)
    if (text(each, "address") != host.address) kept.push_back(each);
  kept.push_back(boost::json::object{
      {"address", host.address}, {"fingerprint", host.fingerprint}, {"token", host.token}});
  MUSTER_TRY(runtime::make_private_folder(hosts_file(context.environment).parent_path()));
  return runtime::write_file(hosts_file(context.environment),
                             pretty(boost::json::object{{"hosts", std::move(kept)}}));
}

/// What scripts say by the environment and the options goes before what was remembered.
core::Status read_trust(Context& context, const Options& options, ManagedHost& host) {
  if (const auto token = context.environment("MUSTER_HOST_TOKEN")) host.token = *token;
  if (options.ca) {
    MUSTER_ASSIGN(host.ca_pem, read_given_file(*options.ca, kFileBytesMax, "--ca"));
  }
  if (options.fingerprint) {
    MUSTER_ASSIGN(host.fingerprint, read_fingerprint(*options.fingerprint, "--fingerprint"));
  }
  if (options.certificate.has_value() != options.key.has_value())
    return core::fail(core::Code::kInvalid, "--certificate and --key go together");
  if (options.certificate) {
    net::TlsIdentity identity;
    MUSTER_ASSIGN(identity.chain_pem,
                  read_given_file(*options.certificate, kFileBytesMax, "--certificate"));
    MUSTER_ASSIGN(identity.key_pem, read_given_file(*options.key, kFileBytesMax, "--key"));
    host.identity = std::move(identity);
    host.token.clear();
  }
  return {};
}

core::Result<ManagedHost> find_host(Context& context, const Options& options,
                                    const std::optional<std::string>& address) {
  ManagedHost host;
  const auto region = find_region(context.environment);
  const bool server =
      !address || (region && normal_server(*address).value_or("") == region->server);
  if (server) {
    if (!region) return core::fail(core::Error(region.error()));
    return ManagedHost{.address = region->server,
                       .fingerprint = region->ca_fingerprint,
                       .ca_pem = region->ca_pem,
                       .region_server = true,
                       .token = region->token};
  }
  MUSTER_ASSIGN(host.address, normal_host(*address));
  MUSTER_ASSIGN(const auto known, known_hosts(context.environment));
  for (const Json& each : known) {
    if (text(each, "address") != host.address) continue;
    host.fingerprint = text(each, "fingerprint");
    host.token = text(each, "token");
  }
  MUSTER_TRY(read_trust(context, options, host));
  if (host.fingerprint.empty() && host.ca_pem.empty())
    return core::fail(core::Code::kDenied, host.address +
                                               " is not known here: muster manage login " +
                                               *address + ", or give --fingerprint or --ca");
  return host;
}

/// A line that is rewritten now and then.
HostClient::Progress progress_on(Terminal& terminal) {
  const auto begun = core::mono_now();
  auto last = std::make_shared<core::MonoTime>();
  auto first = std::make_shared<std::optional<std::uint64_t>>();
  return [&terminal, begun, last, first](std::uint64_t done, std::uint64_t all) {
    if (!*first) *first = done;
    const auto now = core::mono_now();
    if (now - *last < kProgressEvery || all == 0) return;
    *last = now;
    const double seconds = std::chrono::duration<double>(now - begun).count();
    const auto rate = seconds > 0 ? static_cast<double>(done - **first) / seconds : 0;
    terminal.progress(size_text(done) + " of " + size_text(all) + ", " +
                      std::to_string(done * 100 / all) + " %, " +
                      size_text(static_cast<std::uint64_t>(rate)) + "/s");
  };
}

int log_in(Context& context, const Options& options) {
  ManagedHost host;
  const auto address = normal_host(options.host);
  if (!address) return report(context, address.error());
  host.address = *address;
  const auto shown = settle_fingerprint(context, kHostToTrust, host.address, options.fingerprint);
  if (!shown) return report(context, shown.error());
  host.fingerprint = *shown;
  auto token = context.terminal.in_is_terminal ? context.terminal.ask_secret("Token of that host: ")
                                               : context.terminal.read_all(kTokenBytesMax);
  if (!token) return report(context, token.error());
  while (token->ends_with('\n')) token->pop_back();
  host.token = *token;
  HostClient client(host);
  const auto answer = client.call("operations", {});
  if (!answer) return report(context, answer.error());
  if (auto kept = remember(context, host); !kept) return report(context, kept.error());
  context.terminal.err("Known from now on: " + in_line(text(*answer, "host")) + " at " +
                       host.address + "\n");
  return kExitOk;
}

int log_out(Context& context, const Options& options) {
  const auto address = normal_host(options.host);
  if (!address) return report(context, address.error());
  auto list = known_hosts(context.environment);
  if (!list) return report(context, list.error());
  boost::json::array kept;
  for (auto& each : *list)
    if (text(each, "address") != *address) kept.push_back(each);
  if (kept.size() == list->size())
    return report(context, {core::Code::kNotFound, *address + " is not known here"});
  const auto written = runtime::write_file(hosts_file(context.environment),
                                           pretty(boost::json::object{{"hosts", std::move(kept)}}));
  if (!written) return report(context, written.error());
  context.terminal.err(*address + " is forgotten here; muster host token remove voids the token " +
                       "there\n");
  return kExitOk;
}

int show_status(Context& context, const Options& options) {
  const auto host = find_host(context, options, options.address);
  if (!host) return report(context, host.error());
  HostClient client(*host);
  const auto answer = client.call("status", {}, options.via);
  if (!answer) return report(context, answer.error());
  if (options.json)
    context.terminal.out_bytes(pretty(*answer));
  else
    context.terminal.out(render_managed(*answer));
  return all_hosts_well(*answer) ? kExitOk : kExitFailed;
}

int show_operations(Context& context, const Options& options) {
  const auto host = find_host(context, options, options.address);
  if (!host) return report(context, host.error());
  HostClient client(*host);
  const auto answer = client.call("operations", {}, options.via);
  if (!answer) return report(context, answer.error());
  if (options.json || !options.via.empty()) {
    context.terminal.out_bytes(pretty(*answer));
    return kExitOk;
  }
  Table table({"OPERATION", "NEEDS", "WHAT IT DOES"});
  for (const Json& each : elements(*answer, "operations"))
    table.row({in_line(text(each, "name")), in_line(text(each, "permission")),
               in_line(text(each, "summary"))});
  context.terminal.out(table.render(context.terminal));
  return kExitOk;
}

int list_files(Context& context, const Options& options) {
  const auto host = find_host(context, options, options.host);
  if (!host) return report(context, host.error());
  HostClient client(*host);
  const auto answer = client.call("file.list", {{"path", options.path.value_or("")}}, options.via);
  if (!answer) return report(context, answer.error());
  if (options.json || !options.via.empty()) {
    context.terminal.out_bytes(pretty(*answer));
    return kExitOk;
  }
  Table table({"TYPE", "SIZE", "MODE", "CHANGED", "NAME"});
  for (const Json& each : elements(*answer, "entries"))
    table.row({in_line(text(each, "type")),
               size_text(static_cast<std::uint64_t>(number(each, "size"))),
               in_line(text(each, "mode")), in_line(text(each, "modified_at")),
               in_line(text(each, "name"))});
  context.terminal.out(table.render(context.terminal));
  return kExitOk;
}

int get_file(Context& context, const Options& options) {
  const auto host = find_host(context, options, options.host);
  if (!host) return report(context, host.error());
  HostClient client(*host);
  const std::string name = std::filesystem::path(options.from).filename();
  std::string to = options.target.value_or(name);
  std::error_code ignored;
  if (std::filesystem::is_directory(to, ignored)) to += "/" + name;
  const auto got = client.get(options.from, to, progress_on(context.terminal));
  context.terminal.progress("");
  if (!got) return report(context, got.error());
  context.terminal.err(in_line(options.from) + " is in " + in_line(to) + ", as it is there\n");
  return kExitOk;
}

int put_file(Context& context, const Options& options) {
  const auto host = find_host(context, options, options.host);
  if (!host) return report(context, host.error());
  HostClient client(*host);
  const auto put = client.put({options.from, options.to, options.mode, options.owner},
                              progress_on(context.terminal));
  context.terminal.progress("");
  if (!put) return report(context, put.error());
  context.terminal.err(in_line(options.from) + " is " + in_line(options.to) +
                       " there, as it is here\n");
  return kExitOk;
}

Command& with_access(Command& command, Options& options) {
  return command
      .option("--fingerprint", "FP", "trust the host's authority with this fingerprint",
              options.fingerprint)
      .option("--ca", "FILE", "trust the authority in this file (PEM)", options.ca)
      .option("--certificate", "FILE", "show this certificate instead of a token",
              options.certificate)
      .option("--key", "FILE", "its private key", options.key);
}

Command& with_via(Command& command, Options& options) {
  return command
      .option("--via", "WAY",
              "let the host call on a neighbour, too: NAME, NAME/NAME or '*'; again for more",
              options.via)
      .flag("--json", "print the host's JSON", options.json);
}

void add_calls(Command& manage) {
  auto options = std::make_shared<Options>();
  Command& status = manage.add("status", "show what a host or the server is and how it does");
  status
      .optional_argument("ADDRESS", "the host, as web1:8443 (default: the region's server)",
                         options->address)
      .example("muster manage status", "of the server itself")
      .example("muster manage status web1 --via '*'", "of web1 and all its neighbours")
      .action([options](Context& context) { return show_status(context, *options); });
  Command& offered = manage.add("operations", "list what a host offers");
  offered.optional_argument("ADDRESS", "the host (default: the region's server)", options->address)
      .example("muster manage operations web1", "names, permissions, arguments")
      .action([options](Context& context) { return show_operations(context, *options); });
  Command& list = manage.add("list", "list the folders that a host offers, or what is in one");
  list.argument("ADDRESS", "the host", options->host)
      .optional_argument("PATH", "FOLDER or FOLDER/further/down", options->path)
      .example("muster manage list web1 data", "what is in the folder offered as data")
      .action([options](Context& context) { return list_files(context, *options); });
  for (Command* each : {&status, &offered, &list}) {
    with_via(*each, *options);
    with_access(*each, *options);
  }
}

void add_transfers(Command& manage) {
  auto options = std::make_shared<Options>();
  Command& get = manage.add("get", "fetch a file from a host, verified");
  get.argument("ADDRESS", "the host", options->host)
      .argument("PATH", "FOLDER/name there", options->from)
      .optional_argument("FILE", "where to put it (default: here, by its name)", options->target)
      .details("A transfer that breaks goes on where it was, also when the command is given again.")
      .example("muster manage get web1 logs/app.log", "into this folder")
      .action([options](Context& context) { return get_file(context, *options); });
  Command& put = manage.add("put", "put a file onto a host, verified and at once");
  put.argument("ADDRESS", "the host", options->host)
      .argument("FILE", "the file here", options->from)
      .argument("PATH", "FOLDER/name there", options->to)
      .option("--mode", "MODE", "such as 0640 (default: as the file it replaces, else 0644)",
              options->mode)
      .option("--owner", "USER[:GROUP]", "whose it shall be (default: as the file it replaces)",
              options->owner)
      .details(
          "The old file is there until the new one is whole and verified. A transfer that "
          "breaks goes on where it was, also when the command is given again.")
      .example("muster manage put web1 site.tar data/site.tar", "replace one file")
      .action([options](Context& context) { return put_file(context, *options); });
  for (Command* each : {&get, &put}) with_access(*each, *options);
}

}  // namespace

void add_manage_commands(Command& root) {
  auto options = std::make_shared<Options>();
  Command& manage = root.add("manage", "manage a full host, or the server, over HTTP");
  manage.section("Hosts")
      .details(
          "For machines on which 'muster host' runs, and for the server, which has the same "
          "interface. "
          "Scripts need no login: they set MUSTER_HOST_TOKEN and give --fingerprint or --ca.")
      .example("muster manage status", "of the region's server")
      .example("muster manage put web1 site.tar data/site.tar", "replace a file on a host");
  manage.add("login", "make a host known here, with a token of it")
      .argument("ADDRESS", "the host, as web1 or web1:8443", options->host)
      .option("--fingerprint", "FP", "trust its authority with this fingerprint (default: ask)",
              options->fingerprint)
      .details(
          "Asks for the token (muster host token create makes one there), or reads it from "
          "standard input. It is kept in ~/.config/muster/hosts.json, which only you can read.")
      .example("muster manage login web1 <token", "then: muster manage status web1")
      .action([options](Context& context) { return log_in(context, *options); });
  manage.add("logout", "forget a host and its token here")
      .argument("ADDRESS", "the host", options->host)
      .example("muster manage logout web1", "nothing of it is kept on this machine")
      .action([options](Context& context) { return log_out(context, *options); });
  add_calls(manage);
  add_transfers(manage);
}

}  // namespace muster::cli
