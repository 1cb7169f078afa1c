// SPDX-License-Identifier: Apache-2.0
//
// muster policy: which gateways serve which hosts, and who is let in.
#include <charconv>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/render.h"
#include "cli/text.h"
#include "fleet/site_policy.h"
#include "runtime/file.h"

namespace muster::cli {
namespace {

core::Result<std::string> read_text(Context& context, const std::string& file) {
  if (file == "-") return context.terminal.read_all(fleet::kPolicyBytesMax + 1);
  return runtime::read_file(file, fleet::kPolicyBytesMax);
}

/// The policy in a file, or why it is none: said in the form that editors jump to.
core::Result<fleet::SitePolicy> parse_file(const std::string& file, const std::string& text) {
  auto policy = fleet::SitePolicy::parse(text);
  if (policy) return std::move(*policy);
  return core::fail(core::Code::kInvalid, file + ": " + policy.error().message);
}

std::string told(const fleet::SitePolicy& policy) {
  return count_of(policy.sites.size(), "site", "sites") + ", " +
         count_of(policy.gateways.size(), "entry", "entries") +
         " about gateways, new hosts: " + std::string(fleet::name(policy.new_hosts));
}

struct ShowOptions {
  std::optional<std::uint64_t> version;
  bool json = false;
};

int show(Context& context, const ShowOptions& options) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto policy = client->policy(options.version);
  if (!policy) return report(context, policy.error());
  if (options.json) {
    context.terminal.out_bytes(pretty(*policy));
    return kExitOk;
  }
  if (number(*policy, "version") == 0) {
    context.terminal.err(
        "No policy is set: every host is added, and stays at the gateway where it logs in\n");
    return kExitOk;
  }
  context.terminal.out_bytes(text(*policy, "text"));
  return kExitOk;
}

int versions(Context& context, bool json) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto list = client->get({"policy", "versions"});
  if (!list) return report(context, list.error());
  if (json) {
    context.terminal.out_bytes(pretty(*list));
    return kExitOk;
  }
  Table table({"VERSION", "SET", "BY"});
  for (const Json& each : elements(*list, "versions"))
    table.row({std::to_string(number(each, "version")), age(each, "set_at", context.now()),
               text(each, "set_by")});
  context.terminal.out(table.render(context.terminal));
  return kExitOk;
}

int check(Context& context, const std::string& file) {
  const auto text = read_text(context, file);
  if (!text) return report(context, text.error());
  const auto policy = parse_file(file, *text);
  if (!policy) return report(context, policy.error());
  context.terminal.out("The policy is in order: " + told(*policy) + "\n");
  return kExitOk;
}

int put(Context& context, Client& client, const std::string& text) {
  const auto done = client.set_policy(boost::json::object{{"text", text}});
  if (!done) return report(context, done.error());
  context.terminal.err("The policy is at version " + std::to_string(number(*done, "version")) +
                       "; hosts that belong elsewhere move within the next minutes\n");
  return kExitOk;
}

int set(Context& context, const std::string& file) {
  const auto text = read_text(context, file);
  if (!text) return report(context, text.error());
  const auto policy = parse_file(file, *text);
  if (!policy) return report(context, policy.error());
  auto client = context.connect();
  if (!client) return report(context, client.error());
  return put(context, *client, *text);
}

int restore(Context& context, const std::string& version) {
  std::uint64_t wanted = 0;
  const auto [end, failed] =
      std::from_chars(version.data(), version.data() + version.size(), wanted);
  if (failed != std::errc() || end != version.data() + version.size() || wanted == 0)
    return report(context,
                  {core::Code::kInvalid,
                   "'" + in_line(version) + "' is no version; muster policy versions lists them"});
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto policy = client->policy(wanted);
  if (!policy) return report(context, policy.error());
  return put(context, *client, text(*policy, "text"));
}

struct ExplainOptions {
  std::optional<std::string> host;
  std::optional<std::string> address;
  std::optional<std::string> file;
  std::vector<std::string> labels;
  bool json = false;
};

core::Result<Json> question(Context& context, Client& client, const ExplainOptions& options) {
  boost::json::object question;
  if (!options.host && !options.address)
    return core::fail(core::Code::kInvalid, "name a host, or give --address");
  if (options.host && !options.labels.empty())
    return core::fail(core::Code::kInvalid,
                      "--label goes with --address alone: a host has its own");
  if (options.host) {
    MUSTER_ASSIGN(const Json host, client.find_host(*options.host));
    question["host"] = text(host, "id");
  }
  if (options.address) question["address"] = *options.address;
  boost::json::object labels;
  for (const auto& label : options.labels) {
    const auto equals = label.find('=');
    if (equals == 0 || equals == label.npos)
      return core::fail(core::Code::kInvalid, "'" + in_line(label) + "' is no label: key=value");
    labels[label.substr(0, equals)] = label.substr(equals + 1);
  }
  if (!labels.empty()) question["labels"] = std::move(labels);
  if (options.file) {
    MUSTER_ASSIGN(const std::string text, read_text(context, *options.file));
    MUSTER_TRY(parse_file(*options.file, text));
    question["text"] = text;
  }
  return Json(std::move(question));
}

int explain(Context& context, const ExplainOptions& options) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto asked = question(context, *client, options);
  if (!asked) return report(context, asked.error());
  const auto answer = client->create("policy/explain", *asked);
  if (!answer) return report(context, answer.error());
  Terminal& terminal = context.terminal;
  if (options.json) {
    terminal.out_bytes(pretty(*answer));
    return kExitOk;
  }
  const auto line = [&](const std::string& name, const std::string& value) {
    terminal.out(name + std::string(11 - name.size(), ' ') + in_line(value) + "\n");
  };
  const std::string site = text(*answer, "site"), gateway = text(*answer, "gateway"),
                    at = text(*answer, "at");
  line("Site", site.empty() ? "-" : site);
  line("Gateway", gateway.empty() ? "-" : gateway);
  if (!at.empty() && at != gateway) line("Now at", at);
  if (const Json* word = member(*answer, "new_hosts"); word && !options.host)
    line("If new", text(*word, "what") + ": " + text(*word, "why"));
  terminal.out("Because\n");
  for (const Json& reason : elements(*answer, "why"))
    if (reason.is_string())
      terminal.out(hanging("-", in_line(std::string_view(reason.get_string())), 3));
  return kExitOk;
}

void describe_show(Command& command) {
  auto options = std::make_shared<ShowOptions>();
  command
      .option("--version", "N", "an earlier version (default: the one in force)", options->version)
      .flag("--json", "print the server's JSON", options->json)
      .action([options](Context& context) { return show(context, *options); });
}

void add_reading(Command& policy) {
  Command& printed = policy.add("show", "print the policy");
  describe_show(printed);
  printed.example("muster policy show >policy.toml", "to change it and set it again");
  auto json = std::make_shared<bool>(false);
  policy.add("versions", "list who set which version when")
      .flag("--json", "print the server's JSON", *json)
      .example("muster policy versions", "what muster policy restore can bring back")
      .action([json](Context& context) { return versions(context, *json); });
  auto file = std::make_shared<std::string>();
  policy.add("check", "check a policy's file without a server")
      .argument("FILE", "the file; - for standard input", *file)
      .details("Says the line and the column of the first fault, and what to write instead.")
      .example("muster policy check policy.toml", "exit status 2 where it is not in order")
      .action([file](Context& context) { return check(context, *file); });
}

void add_explain(Command& policy) {
  auto options = std::make_shared<ExplainOptions>();
  policy.add("explain", "say which gateway a host gets, and why")
      .optional_argument("HOST", "its name or its id", options->host)
      .option("--address", "ADDRESS",
              "as if it had this address, or a host of which nothing is "
              "known but this",
              options->address)
      .option("--label", "KEY=VALUE", "with --address alone: as if it had this label",
              options->labels)
      .option("--file", "FILE", "by this policy instead of the one in force; - for standard input",
              options->file)
      .flag("--json", "print the server's JSON", options->json)
      .details("It changes nothing. Gateways count as they are now: up, away, draining, full.")
      .example("muster policy explain web1", "where web1 belongs, and why")
      .example("muster policy explain web1 --file policy.toml", "what a new policy would do to it")
      .example("muster policy explain --address 10.1.7.9 --label role=web",
               "a host that is not there yet: would it be let in?")
      .action([options](Context& context) { return explain(context, *options); });
}

}  // namespace

void add_policy_commands(Command& root) {
  Command& policy = root.add("policy", "which gateways serve which hosts, and who is let in");
  policy.section("Region")
      .details(
          "The policy is a small file in TOML: sites with their subnets or selectors, the gateways "
          "of "
          "each in order of preference, and whether new hosts are added, held for approval or "
          "refused. "
          "docs/sites.md describes it. Every version is kept and can be restored.\n\n"
          "Without a command it prints the policy.")
      .example("muster policy", "what is in force")
      .example("muster policy explain web1", "what it means for one host");
  describe_show(policy);
  add_reading(policy);
  auto file = std::make_shared<std::string>();
  policy.add("set", "put a policy in force")
      .argument("FILE", "the file; - for standard input", *file)
      .details("Hosts that belong elsewhere by it move at a gentle pace; running work goes on.")
      .example("muster policy set policy.toml", "from now on")
      .action([file](Context& context) { return set(context, *file); });
  auto version = std::make_shared<std::string>();
  policy.add("restore", "put an earlier version in force again")
      .argument("VERSION", "its number, as muster policy versions shows it", *version)
      .example("muster policy restore 3", "as a new version with the text of version 3")
      .action([version](Context& context) { return restore(context, *version); });
  add_explain(policy);
}

}  // namespace muster::cli
