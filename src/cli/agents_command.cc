// SPDX-License-Identifier: Apache-2.0
//
// `muster agents`: which version each host's agent is, and updating them.
#include <algorithm>
#include <boost/json/object.hpp>
#include <filesystem>
#include <map>

#include "cli/agent_source.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/method_source.h"
#include "cli/render.h"
#include "cli/run_order.h"
#include "cli/selector_text.h"
#include "cli/text.h"
#include "core/bytes.h"

namespace muster::cli {
namespace {

/// Names of hosts that a sentence lists.
constexpr std::size_t kNamesShown = 10;
constexpr const char* kWavesDefault = "1,10%,100%";

bool can_update(const Json& host) {
  const Json* facts = member(host, "facts");
  if (!facts) return false;
  return std::ranges::any_of(elements(*facts, "features"), [](const Json& feature) {
    return feature.is_string() && feature.get_string() == kUpdateFeature;
  });
}

std::string fact(const Json& host, std::string_view name) {
  const Json* facts = member(host, "facts");
  const std::string value = facts ? text(*facts, name) : "";
  return value.empty() ? "-" : value;
}

Table::Cell skew_cell(const Json& host, const std::map<std::string, std::string>& offered) {
  const std::string version = fact(host, "agent_version");
  const auto offer = offered.find(fact(host, "machine"));
  if (version == "-" || offer == offered.end()) return "-";
  const auto order = methods::compare_versions(version, offer->second);
  if (order == 0) return {"as offered", Color::kGreen};
  if (order > 0) return {"newer than " + offer->second, Color::kYellow};
  if (can_update(host)) return {offer->second + " is offered", Color::kYellow};
  return {offer->second + " is offered; cannot update itself", Color::kYellow};
}

struct ListOptions {
  std::optional<std::string> selector;
  std::optional<std::uint64_t> limit;
  bool json = false;
};

int list(Context& context, const ListOptions& options) {
  constexpr std::uint64_t kLimitDefault = 1000;
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto offer = client->get({"agents"});
  if (!offer) return report(context, offer.error());
  const std::string selector = options.selector.value_or("");
  const auto hosts = client->hosts(selector, options.limit.value_or(kLimitDefault));
  if (!hosts) return report(context, pointing_at(hosts.error(), selector));
  Terminal& terminal = context.terminal;
  if (options.json) {
    terminal.out_bytes(pretty(boost::json::object{{"offered", offer->at("agents")},
                                                  {"hosts", hosts->at("hosts")},
                                                  {"total", number(*hosts, "total")}}));
    return kExitOk;
  }
  std::map<std::string, std::string> offered;
  std::vector<std::string> words;
  for (const Json& agent : elements(*offer, "agents")) {
    const std::string version = text(agent, "version");
    words.push_back(
        in_line((version.empty() ? "(unknown)" : version) + " for " + text(agent, "type")));
    if (!version.empty()) offered[text(agent, "type")] = version;
  }
  Table table({"NAME", "STATUS", "MACHINE", "AGENT", "OFFERED"});
  for (const Json& host : elements(*hosts, "hosts"))
    table.row({text(host, "name"), truth(host, "online") ? "online" : "offline",
               fact(host, "machine"), fact(host, "agent_version"), skew_cell(host, offered)});
  if (table.empty()) {
    terminal.err(selector.empty() ? "No host has enrolled yet\n"
                                  : "No host matches " + shell_quoted(selector) + "\n");
    return selector.empty() ? kExitOk : kExitNoMatch;
  }
  terminal.out(table.render(terminal));
  terminal.err("The server offers " + (words.empty() ? "no agents" : listed(words)) + "\n");
  const auto total = static_cast<std::uint64_t>(number(*hosts, "total"));
  if (elements(*hosts, "hosts").size() < total)
    terminal.err("Shown are " + std::to_string(elements(*hosts, "hosts").size()) + " of " +
                 std::to_string(total) + " hosts: --limit 0 shows all\n");
  return kExitOk;
}

core::Result<std::string> download(Client& client, const std::string& type) {
  MUSTER_ASSIGN(Answer answer, client.transport().request(
                                   {.target = "/download/muster-agent-" + url_escape(type)}));
  if (answer.status >= 400) return core::fail(error_of(answer));
  return std::move(answer.body);
}

/// The version of the method that brings what the server offers; published where it is not.
core::Result<std::string> publish(Context& context, Client& client, const Offer& offer,
                                  const std::optional<std::string>& key_file) {
  const std::string version = offer.method_version();
  const auto there = client.method(kUpdateMethod, version);
  if (there) return version;
  if (there.error().code != core::Code::kNotFound) return std::unexpected(there.error());
  MUSTER_ASSIGN(const auto key,
                load_publishing_key(publishing_key_file(context.environment, key_file)));
  std::vector<std::string> programs, types;
  for (const OfferedAgent& agent : offer.agents) {
    if (agent.bytes) {
      programs.push_back(*agent.bytes);
    } else {
      MUSTER_ASSIGN(auto program, download(client, agent.type));
      programs.push_back(std::move(program));
    }
    types.push_back(in_line(agent.type));
  }
  MUSTER_ASSIGN(const auto made, package_of(offer, std::move(programs)));
  std::map<std::string, const std::string*> known;
  std::vector<std::string> digests;
  for (const std::string& bytes : made.objects)
    known[digests.emplace_back(core::ContentId::of(bytes).str())] = &bytes;
  MUSTER_ASSIGN(const auto missing, client.missing_objects(digests));
  for (const std::string& digest : missing)
    if (const auto object = known.find(digest); object != known.end())
      MUSTER_TRY(client.send_object(digest, *object->second));
  const auto signed_one = methods::sign_manifest(made.manifest, key);
  MUSTER_TRY(client.create("methods",
                           boost::json::object{{"manifest", core::to_base64(signed_one.manifest)},
                                               {"signature", core::to_base64(signed_one.signature)},
                                               {"key", core::to_hex(signed_one.key_id)},
                                               {"current", true}}));
  context.terminal.err("Signed the agent " + in_line(offer.version) + " for " + listed(types) +
                       "\n");
  return version;
}

core::Result<Offer> find_offer(Client& client, const std::optional<std::string>& folder) {
  if (folder) return offer_of(std::filesystem::path(*folder));
  MUSTER_ASSIGN(const Json agents, client.get({"agents"}));
  return offer_of(agents);
}

void describe_source(Command& command, std::optional<std::string>& key,
                     std::optional<std::string>& folder) {
  command.option("--key", "FILE", "the publishing key that signs the agents", key)
      .option("--from", "FOLDER", "agents (muster-agent-TYPE) of this folder, not the server's",
              folder);
}

struct PublishOptions {
  std::optional<std::string> key;
  std::optional<std::string> from;
  bool json = false;
};

int publish_only(Context& context, const PublishOptions& options) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto offer = find_offer(*client, options.from);
  if (!offer) return report(context, offer.error());
  const auto version = publish(context, *client, *offer, options.key);
  if (!version) return report(context, version.error());
  if (options.json)
    context.terminal.out_bytes(
        pretty(boost::json::object{{"method", kUpdateMethod}, {"version", *version}}));
  else
    context.terminal.out(std::string(kUpdateMethod) + "@" + in_line(*version) + "\n");
  return kExitOk;
}

struct UpdateOptions {
  OrderOptions order;
  WatchOptions watch;
  std::optional<core::Duration> login_within;
  std::optional<std::string> key;
  std::optional<std::string> from;
  bool downgrade = false;
};

/// Who of the selector cannot do it is told, and left alone. The exit code that ends the
/// command here, or nothing to go on.
std::optional<int> leave_alone(Context& context, Client& client, OrderOptions& order) {
  const auto all = client.check_selector(order.on);
  if (!all) return report(context, pointing_at(all.error(), order.on));
  if (number(*all, "matched") == 0) {
    context.terminal.err("muster: no host matches " + shell_quoted(order.on) +
                         "; nothing was updated (muster agents shows what there is)\n");
    return kExitNoMatch;
  }
  const std::string those = "(" + order.on + ") and ";
  const std::string feature = "feature=" + std::string(kUpdateFeature);
  const auto others = client.hosts(those + "not " + feature, kNamesShown);
  if (!others) return report(context, others.error());
  if (const auto count = static_cast<std::uint64_t>(number(*others, "total")); count > 0) {
    std::vector<std::string> names;
    for (const Json& host : elements(*others, "hosts"))
      names.push_back(in_line(text(host, "name")));
    context.terminal.err(
        count_of(count, "agent", "agents") +
        (count == 1 ? " cannot update itself and is" : " cannot update themselves and are") +
        " left alone (too old, or told not to): " + listed(names) +
        (names.size() < count ? ", …" : "") + "\nA package or install.sh updates them\n");
    if (const auto able = client.check_selector(those + feature);
        able && number(*able, "matched") == 0)
      return kExitNoMatch;
  }
  order.on = those + feature;
  return std::nullopt;
}

int update(Context& context, UpdateOptions options) {
  if (const auto good = check(options.order, options.watch, "muster agents update --help"); !good)
    return report(context, good.error());
  if (options.order.user || options.order.memory || options.order.output_max)
    return report(context, {core::Code::kInvalid,
                            "--user, --memory and --output-max are for commands: an agent updates "
                            "itself"});
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto offer = find_offer(*client, options.from);
  if (!offer) return report(context, offer.error());
  if (const auto code = leave_alone(context, *client, options.order)) return *code;
  const auto version = publish(context, *client, *offer, options.key);
  if (!version) return report(context, version.error());
  boost::json::object arguments;
  if (options.downgrade) arguments["downgrade"] = true;
  if (options.login_within)
    arguments["login_within_s"] =
        std::chrono::ceil<std::chrono::seconds>(*options.login_within).count();
  auto& rollout = options.order.rollout;
  if (!rollout.waves) rollout.waves = kWavesDefault;
  return order_and_watch(context, *client,
                         {{"method", boost::json::object{{"name", kUpdateMethod},
                                                         {"version", *version},
                                                         {"arguments", std::move(arguments)}}}},
                         options.order, options.watch);
}

void describe_list(Command& command) {
  auto options = std::make_shared<ListOptions>();
  command.optional_argument("SELECTOR", "which hosts; all where it is left out", options->selector)
      .flag("--json", "print {offered, hosts, total}", options->json)
      .option("--limit", "N", "at most N hosts; 0 for all of them (default 1000)", options->limit)
      .action([options](Context& context) { return list(context, *options); });
}

void add_publish(Command& agents) {
  auto options = std::make_shared<PublishOptions>();
  Command& command = agents.add("publish", "sign the agents that the server offers, for updates");
  describe_source(command, options->key, options->from);
  command.flag("--json", "print {method, version}", options->json)
      .details(
          "muster agents update does it by itself. Alone it is for a key that is not at hand then, "
          "and "
          "for schedules: they run the method that this prints.")
      .example("muster agents publish", "what the server offers now")
      .action([options](Context& context) { return publish_only(context, *options); });
}

void add_update(Command& agents) {
  auto options = std::make_shared<UpdateOptions>();
  Command& command = agents.add("update", "update agents to the version that the server offers");
  describe(command, options->order);
  command
      .option("--login-within", "DURATION",
              "how long the new agent has to log in before the old one comes back (default 2m)",
              options->login_within)
      .flag("--downgrade", "replace newer versions, too", options->downgrade);
  describe_source(command, options->key, options->from);
  describe(command, options->watch);
  command
      .details(
          "In waves: 1,10%,100% unless --waves says other ones; the first failure stops it unless "
          "--max-failures allows some. Each agent waits until nothing else runs on its host, then "
          "lets "
          "the new one log in; where that fails for whatever reason, the old one goes on and says "
          "why. "
          "An agent of a package is updated beside its package: the next version that is installed "
          "counts again.\n\nExit codes are those of muster run.")
      .example("muster agents update --on all", "one host first, then more and more")
      .example("muster agents update --on site=lab --waves 100%", "all of a site at once")
      .action([options](Context& context) { return update(context, *options); });
}

}  // namespace

void add_agents_commands(Command& root) {
  Command& agents = root.add("agents", "which version agents are, and updating them");
  agents.section("Hosts and runs")
      .details("Without a command it lists the hosts with their agents' versions.")
      .example("muster agents", "which version each host has, and which is offered")
      .example("muster agents 'agent_version<0.2'", "who is behind");
  describe_list(agents);
  Command& list_command = agents.add("list", "list agents by host");
  describe_list(list_command);
  list_command.example("muster agents list site=a", "those of a site");
  add_publish(agents);
  add_update(agents);
}

}  // namespace muster::cli
