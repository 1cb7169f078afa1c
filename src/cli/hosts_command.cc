// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/region_choice.h"
#include "cli/render.h"
#include "cli/selector_text.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

struct ListOptions {
  std::optional<std::string> selector;
  std::optional<std::uint64_t> limit;
  std::optional<std::string> regions;
  bool json = false;
};

/// `muster hosts shw` asks for hosts called "shw".
std::string meant(const std::string& selector) {
  const std::string word = closest(
      selector, {"list", "show", "label", "pending", "approve", "refuse", "remove", "revoke"});
  return word.empty() ? "" : "; did you mean muster hosts " + word + "?";
}

int list_hosts(Context& context, const ListOptions& options) {
  constexpr std::uint64_t kLimitDefault = 1000;
  const auto regions = region_names(options.regions.value_or(""));
  if (regions.size() > 1 || regions == std::vector<std::string>{"all"})
    return list_hosts_of_regions(context, *options.regions, options.selector.value_or(""),
                                 options.limit.value_or(kLimitDefault), options.json);
  if (!regions.empty()) context.other_region = regions.front();
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const std::string selector = options.selector.value_or("");
  const auto list = client->hosts(selector, options.limit.value_or(kLimitDefault));
  if (!list) return report(context, pointing_at(list.error(), selector));
  Terminal& terminal = context.terminal;
  if (options.json) {
    terminal.out_bytes(pretty(*list));
    return kExitOk;
  }
  const auto& hosts = elements(*list, "hosts");
  if (hosts.empty()) {
    terminal.err(selector.empty()
                     ? "No host has enrolled yet: muster token create shows how to let one in\n"
                     : "No host matches " + shell_quoted(selector) + meant(selector) + "\n");
    return selector.empty() ? kExitOk : kExitNoMatch;
  }
  terminal.out(render_hosts(*list, terminal, context.now()));
  const auto total = static_cast<std::uint64_t>(number(*list, "total"));
  if (hosts.size() < total && !terminal.out_is_terminal) {
    terminal.err("Shown are " + std::to_string(hosts.size()) + " of " + std::to_string(total) +
                 " hosts: --limit 0 shows all\n");
  }
  return kExitOk;
}

void describe_list(Command& command) {
  auto options = std::make_shared<ListOptions>();
  command.optional_argument("SELECTOR", "which hosts; all where it is left out", options->selector)
      .flag("--json", "print the server's JSON", options->json)
      .option("--limit", "N", "at most N hosts; 0 for all of them (default 1000)", options->limit)
      .option("--region", "NAMES", "of these other regions: a name, several (a,b), or 'all'",
              options->regions)
      .action([options](Context& context) { return list_hosts(context, *options); });
}

void add_show(Command& hosts) {
  struct Options {
    std::string host;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  hosts.add("show", "show everything about one host")
      .argument("HOST", "its name or its id", options->host)
      .flag("--json", "print the server's JSON", options->json)
      .example("muster hosts show web1", "facts, labels and last contact of web1")
      .example("muster hosts show web1 --json | jq .facts.kernel", "one fact, for a script")
      .action([options](Context& context) -> int {
        auto client = context.connect();
        if (!client) return report(context, client.error());
        const auto host = client->find_host(options->host);
        if (!host) return report(context, host.error());
        if (options->json) {
          context.terminal.out_bytes(pretty(*host));
        } else {
          context.terminal.out(render_host(*host, context.terminal, context.now()));
        }
        return kExitOk;
      });
}

struct LabelOptions {
  std::string selector;
  std::vector<std::string> changes;
  bool yes = false;
};

int label_hosts(Context& context, const LabelOptions& options) {
  std::map<std::string, std::string> set;
  std::vector<std::string> remove;
  for (const auto& change : options.changes) {
    const auto equals = change.find('=');
    if (equals != std::string::npos && equals > 0) {
      set[change.substr(0, equals)] = change.substr(equals + 1);
    } else if (change.size() > 1 && change.ends_with('-')) {
      remove.push_back(change.substr(0, change.size() - 1));
    } else {
      return report(context, {core::Code::kInvalid,
                              "'" + in_line(change) +
                                  "' changes no label: write key=value to set, key- to remove"});
    }
  }
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto check = client->check_selector(options.selector);
  if (!check) return report(context, pointing_at(check.error(), options.selector));
  const auto matched = static_cast<std::uint64_t>(number(*check, "matched"));
  if (matched == 0) {
    return report(context,
                  {core::Code::kNotFound, "no host matches " + shell_quoted(options.selector)});
  }
  if (matched > 1 && !options.yes) {
    const auto sure =
        context.terminal.confirm("Change the labels of " + std::to_string(matched) + " hosts?");
    if (!sure) return report(context, sure.error());
    if (!*sure) return kExitInterrupted;
  }
  const auto done = client->label_hosts(options.selector, set, remove);
  if (!done) return report(context, done.error());
  const auto changed = static_cast<std::uint64_t>(number(*done, "changed"));
  const auto alike = static_cast<std::uint64_t>(number(*done, "matched")) - changed;
  context.terminal.err("Labels changed on " + count_of(changed, "host", "hosts") +
                       (alike > 0 ? "; " + std::to_string(alike) + " had them already" : "") +
                       "\n");
  return kExitOk;
}

void add_label(Command& hosts) {
  auto options = std::make_shared<LabelOptions>();
  hosts.add("label", "set and remove labels")
      .argument("SELECTOR", "which hosts", options->selector)
      .arguments("CHANGE", "key=value sets a label, key- removes it", options->changes)
      .flag("-y,--yes", "do not ask, however many hosts it changes", options->yes)
      .details("Says how many hosts it will change and asks, when that is more than one.")
      .example("muster hosts label name=web1 role=web site=a", "set two labels of one host")
      .example("muster hosts label 'role=web and site=a' drained-", "remove a label of many")
      .action([options](Context& context) { return label_hosts(context, *options); });
}

struct EndOptions {
  std::string host;
  bool yes = false;
};

int end_host(Context& context, const EndOptions& options, bool revoke) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto host = client->find_host(options.host);
  if (!host) return report(context, host.error());
  const std::string name = in_line(text(*host, "name"));
  const std::string id = text(*host, "id");
  if (!options.yes) {
    const auto sure =
        context.terminal.confirm((revoke ? "Revoke " : "Remove ") + name + " (" + in_line(id) +
                                 ")" + (truth(*host, "online") ? ", which is online?" : "?"));
    if (!sure) return report(context, sure.error());
    if (!*sure) return kExitInterrupted;
  }
  const auto done = revoke ? client->revoke_host(id) : client->remove_host(id);
  if (!done) return report(context, done.error());
  context.terminal.err(revoke ? "Revoked " + name + ": its link is cut and its key is refused\n"
                              : "Removed " + name + ": it comes back only by a new join token\n");
  return kExitOk;
}

void add_end(Command& hosts, const char* name, const char* summary, const char* details,
             bool revoke) {
  auto options = std::make_shared<EndOptions>();
  hosts.add(name, summary)
      .argument("HOST", "its name or its id", options->host)
      .flag("-y,--yes", "do not ask", options->yes)
      .details(details)
      .example(
          std::string("muster hosts ") + name + " web1",
          revoke ? "shut out a machine whose disk was stolen" : "forget a machine that is gone")
      .action([options, revoke](Context& context) { return end_host(context, *options, revoke); });
}

void add_pending(Command& hosts) {
  auto json = std::make_shared<bool>(false);
  hosts.add("pending", "list hosts that wait for approval")
      .flag("--json", "print the server's JSON", *json)
      .details(
          "The site policy (muster policy) says which new hosts are held. A held host is "
          "linked and gets no work.")
      .example("muster hosts pending", "who wants in")
      .action([json](Context& context) -> int {
        auto client = context.connect();
        if (!client) return report(context, client.error());
        const auto list = client->hosts("state=held", 0);
        if (!list) return report(context, list.error());
        if (*json)
          context.terminal.out_bytes(pretty(*list));
        else if (elements(*list, "hosts").empty())
          context.terminal.err("No host waits for approval\n");
        else
          context.terminal.out(render_hosts(*list, context.terminal, context.now()));
        return kExitOk;
      });
}

void add_decision(Command& hosts, bool approve) {
  auto wanted = std::make_shared<std::vector<std::string>>();
  hosts
      .add(approve ? "approve" : "refuse", approve ? "let hosts in that wait for approval"
                                                   : "send hosts away that wait for approval")
      .arguments("HOST", "their names or ids", *wanted)
      .details(approve ? "From now on they are hosts like any other."
                       : "They leave the region and come back only by a new join token. To shut a "
                         "key out for good: muster hosts revoke.")
      .example(approve ? "muster hosts approve web7 web8" : "muster hosts refuse stranger",
               approve ? "both get work from now on" : "it is forgotten")
      .action([wanted, approve](Context& context) -> int {
        auto client = context.connect();
        if (!client) return report(context, client.error());
        for (const auto& each : *wanted) {
          const auto host = client->find_host(each);
          if (!host) return report(context, host.error());
          const auto done = client->act("hosts", text(*host, "id"), approve ? "approve" : "refuse");
          if (!done) return report(context, done.error());
          context.terminal.err((approve ? "Approved " : "Refused ") + in_line(text(*host, "name")) +
                               "\n");
        }
        return kExitOk;
      });
}

}  // namespace

void add_hosts_commands(Command& root) {
  Command& hosts = root.add("hosts", "list hosts, show one, change labels, remove");
  hosts.section("Hosts and runs")
      .details(
          "Without a command it lists hosts.\n\nA selector says which hosts:\n"
          "  all                                    every host\n"
          "  web*  or  name~web*                    by name, with * and ?\n"
          "  os=linux and site in (a,b)             by facts and labels\n"
          "  role=db and not online                 what is missing")
      .example("muster hosts", "every host, with its state")
      .example("muster hosts 'not online'", "which hosts are away")
      .example("muster hosts role=web --json | jq -r '.hosts[].name'", "names, for a script");
  describe_list(hosts);
  Command& list = hosts.add("list", "list hosts");
  describe_list(list);
  list.example("muster hosts list 'os=linux and site in (a,b)'", "hosts of two sites");
  add_show(hosts);
  add_inventory_command(hosts);
  add_label(hosts);
  add_pending(hosts);
  add_decision(hosts, true);
  add_decision(hosts, false);
  add_end(hosts, "remove", "remove a host from the region",
          "Its link ends and its certificate is void. It may enrol again with a new token.", false);
  add_end(hosts, "revoke", "revoke a host's certificate",
          "Its link ends within a second and it can never come back with this key. It stays "
          "listed as revoked.",
          true);
}

}  // namespace muster::cli
