// SPDX-License-Identifier: Apache-2.0
//
// muster regions: other regions, what they may here and what they grant.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/region_choice.h"
#include "cli/render.h"
#include "cli/text.h"
#include "core/bytes.h"
#include "regions/card.h"

namespace muster::cli {
namespace {

constexpr std::size_t kCardBytesMax = 64 * 1024;

std::string words(const Json& object, std::string_view key) {
  std::vector<std::string> list;
  for (const Json& each : elements(object, key))
    if (each.is_string()) list.emplace_back(each.get_string().c_str());
  return listed(list, ",");
}

/// "see,run on role=web"; "-" for nothing.
std::string grant_text(const Json* grant) {
  if (grant == nullptr) return "-";
  std::string line = words(*grant, "may");
  if (line.empty()) return "nothing";
  if (const auto selector = text(*grant, "selector"); !selector.empty()) line += " on " + selector;
  return line;
}

/// "abcd-efgh-…": groups that eyes can compare.
std::string grouped(const std::string& fingerprint) {
  std::string line;
  for (std::size_t i = 0; i < fingerprint.size(); ++i) {
    if (i > 0 && i % 4 == 0) line += '-';
    line += fingerprint[i];
  }
  return line;
}

Color color_of(const std::string& state) {
  if (state == "up") return Color::kGreen;
  return state == "down" || state == "refused" ? Color::kRed : Color::kYellow;
}

int list_regions(Context& context, bool json) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto list = client->list("regions");
  if (!list) return report(context, list.error());
  if (json) {
    context.terminal.out_bytes(pretty(*list));
    return kExitOk;
  }
  Table table({"NAME", "STATE", "SINCE", "THEY MAY HERE", "WE MAY THERE", "WHY"});
  for (const Json& each : elements(*list, "regions")) {
    const std::string state = text(each, "state");
    const std::string ends = text(each, "expires_at");
    const bool over =
        !ends.empty() && parse_rfc3339(ends).value_or(core::WallTime::max()) <= context.now();
    table.row({text(each, "name"),
               {state, color_of(state)},
               age(each, "since", context.now()),
               over ? "nothing any more" : grant_text(&each),
               grant_text(member(each, "granted")),
               text(each, "why")});
  }
  if (table.empty())
    context.terminal.err(
        "No other region is known here. To add one: muster regions card on its server, muster "
        "regions add here\n");
  else
    context.terminal.out(table.render(context.terminal));
  return kExitOk;
}

int show_region(Context& context, const std::string& name, bool json) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto region = client->get({"regions", name});
  if (!region) return report(context, region.error());
  if (json) {
    context.terminal.out_bytes(pretty(*region));
    return kExitOk;
  }
  const auto line = [&](const char* what, const std::string& value) {
    if (value.empty()) return;
    context.terminal.out(what + std::string(16 - std::string_view(what).size(), ' ') +
                         in_line(value) + "\n");
  };
  line("Name:", text(*region, "name"));
  line("Region:", text(*region, "region"));
  line("Fingerprint:", grouped(text(*region, "fingerprint")));
  line("Addresses:", words(*region, "addresses"));
  line("State:", text(*region, "state") + " since " + text(*region, "since"));
  line("Why:", text(*region, "why"));
  line("Version:", text(*region, "version"));
  line("They may here:", grant_text(&*region));
  line("  until:", text(*region, "expires_at"));
  line("We may there:", grant_text(member(*region, "granted")));
  if (const Json* granted = member(*region, "granted"))
    line("  until:", text(*granted, "expires_at"));
  line("Asked by:", text(*region, "for") + " and above");
  line("Added:", text(*region, "added_at") + " by " + text(*region, "added_by"));
  return kExitOk;
}

int print_card(Context& context, const std::string& name) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto card = client->region_card(name);
  if (!card) return report(context, card.error());
  context.terminal.out_bytes(text(*card, "card"));
  context.terminal.err("\nFingerprint of this region, for the other administrator to compare:\n  " +
                       grouped(in_line(text(*card, "fingerprint"))) + "\n");
  return kExitOk;
}

struct GrantOptions {
  std::optional<std::string> may;
  std::optional<std::string> on;
  std::optional<core::Duration> expires;
  std::optional<std::string> role;
  bool no_end = false;
};

void describe(Command& command, GrantOptions& options) {
  command
      .option("--may", "WORDS",
              "what the other region may do here: see, or see,run; '' for nothing", options.may)
      .option("--on", "SELECTOR", "on these hosts only; 'all' is every host", options.on)
      .option("--expires", "DURATION", "the grant ends after so long (30d)", options.expires)
      .option("--for", "ROLE", "who of this region may ask the other one: this role and above",
              options.role)
      .choices({"viewer", "operator", "admin"});
}

boost::json::object body_of(const GrantOptions& options) {
  boost::json::object body;
  if (options.may) {
    boost::json::array may;
    for (auto& word : region_names(*options.may)) may.emplace_back(word);
    body["may"] = std::move(may);
  }
  if (options.on) body["selector"] = *options.on;
  if (options.expires)
    body["expires_in_s"] = std::chrono::ceil<std::chrono::seconds>(*options.expires).count();
  if (options.no_end) body["expires_in_s"] = 0;
  if (options.role) body["for"] = *options.role;
  return body;
}

struct AddOptions {
  std::string file;
  std::optional<std::string> name;
  std::optional<std::string> fingerprint;
  bool yes = false;
  GrantOptions grant;
};

/// Whether a person, or --fingerprint, says that the card is the right one.
core::Result<bool> is_right(Context& context, const AddOptions& options,
                            const regions::Card& card) {
  const std::string fingerprint = core::to_base32(card.fingerprint());
  if (options.fingerprint) {
    MUSTER_ASSIGN(const auto wanted, read_fingerprint(*options.fingerprint, "--fingerprint"));
    if (wanted == fingerprint) return true;
    return core::fail(core::Code::kDenied,
                      "the card's fingerprint is " + grouped(fingerprint) +
                          ", not the one given: it is not the card of that region");
  }
  context.terminal.err("The card is of the region " + in_line(card.region()) +
                       ", with the fingerprint\n\n  " + grouped(fingerprint) +
                       "\n\nThe other administrator sees it by 'muster regions card' there. "
                       "Compare both, best by telephone.\n");
  if (options.yes) return true;
  return context.terminal.confirm("Are they the same?");
}

int add_region(Context& context, const AddOptions& options) {
  const auto read = read_given_file(options.file, kCardBytesMax, "the region's card");
  if (!read) return report(context, read.error());
  const auto card = regions::Card::parse(*read);
  if (!card) return report(context, card.error());
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto right = is_right(context, options, *card);
  if (!right) return report(context, right.error());
  if (!*right) return kExitInterrupted;
  boost::json::object body = body_of(options.grant);
  body["card"] = *read;
  if (options.name) body["name"] = *options.name;
  const auto added = client->create("regions", Json(std::move(body)));
  if (!added) return report(context, added.error());
  const std::string name = in_line(text(*added, "name"));
  const std::string may = words(*added, "may");
  context.terminal.err(
      "Added " + name + (may.empty() ? "; it may do nothing here" : "; it may here: " + may) +
      "\nIts administrator adds this region, too, for you to ask it: muster regions card here, "
      "muster regions add there\n");
  return kExitOk;
}

void add_add(Command& regions) {
  auto options = std::make_shared<AddOptions>();
  Command& command = regions.add("add", "trust another region, by its card");
  command.argument("FILE", "the card, as 'muster regions card' printed it there", options->file)
      .option("--name", "NAME", "what it is called here (default: what it calls itself)",
              options->name)
      .option("--fingerprint", "TEXT", "of its authority: compared instead of asking",
              options->fingerprint)
      .flag("-y,--yes", "do not ask whether the fingerprint is the right one", options->yes);
  describe(command, options->grant);
  command
      .details(
          "A card holds the other region's certificate and addresses, nothing that is secret. "
          "Both administrators print theirs, exchange them and compare fingerprints.\n\nWithout "
          "--may the other region may do nothing here: this one only asks. The hosts, the words "
          "and the end that are granted can be changed and taken back at any time, which holds at "
          "once.")
      .example("muster regions add east.card --name east --may see,run --on 'site=berlin'",
               "their users see and run on the hosts of one site")
      .example("muster regions add west.card", "only to ask: they may do nothing here")
      .action([options](Context& context) { return add_region(context, *options); });
}

void add_change(Command& regions) {
  struct Options {
    std::string name;
    std::optional<std::string> card;
    GrantOptions grant;
  };
  auto options = std::make_shared<Options>();
  Command& command = regions.add("change", "change what another region may do here");
  command.argument("NAME", "the region", options->name);
  describe(command, options->grant);
  command.flag("--no-end", "the grant does not end by itself", options->grant.no_end)
      .option("--card", "FILE", "a newer card of the same region: its addresses have changed",
              options->card)
      .details("What it has open under the grant before is cut, and asks again.")
      .example("muster regions change east --may see", "from now on they may only look")
      .action([options](Context& context) -> int {
        boost::json::object body = body_of(options->grant);
        if (options->card) {
          auto read = read_given_file(*options->card, kCardBytesMax, "--card");
          if (!read) return report(context, read.error());
          body["card"] = *std::move(read);
        }
        if (body.empty())
          return report(context, {core::Code::kInvalid,
                                  "nothing to change: give --may, --on, "
                                  "--expires, --no-end, --for or --card"});
        auto client = context.connect();
        if (!client) return report(context, client.error());
        const auto done = client->change("regions", options->name, Json(std::move(body)));
        if (!done) return report(context, done.error());
        context.terminal.err("Changed " + in_line(options->name) + "\n");
        return kExitOk;
      });
}

void add_remove(Command& regions) {
  struct Options {
    std::string name;
    bool yes = false;
  };
  auto options = std::make_shared<Options>();
  regions.add("remove", "trust another region no more")
      .argument("NAME", "the region", options->name)
      .flag("-y,--yes", "do not ask", options->yes)
      .details(
          "Holds at once, also for what it has open. Runs that it has started go on: muster runs "
          "cancel ends them.")
      .example("muster regions remove east", "they see nothing any more")
      .action([options](Context& context) -> int {
        auto client = context.connect();
        if (!client) return report(context, client.error());
        if (!options->yes) {
          const auto sure =
              context.terminal.confirm("Remove the region " + in_line(options->name) + "?");
          if (!sure) return report(context, sure.error());
          if (!*sure) return kExitInterrupted;
        }
        const auto done = client->remove("regions", options->name);
        if (!done) return report(context, done.error());
        context.terminal.err("Removed " + in_line(options->name) + "\n");
        return kExitOk;
      });
}

int list_runs(Context& context, std::uint64_t limit, bool json) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto list = client->remote_runs(limit);
  if (!list) return report(context, list.error());
  if (json) {
    context.terminal.out_bytes(pretty(*list));
    return kExitOk;
  }
  Table table({"REGION", "RUN", "STATE", "ASKED", "BY", "ON", "WHAT"});
  for (const Json& run : elements(*list, "runs")) {
    const std::string id = text(run, "run");
    table.row({text(run, "region"), id.empty() ? "-" : id, text(run, "state"),
               age(run, "asked_at", context.now()), text(run, "user"), text(run, "selector"),
               text(run, "what")});
  }
  if (table.empty())
    context.terminal.err("No run was started in another region from here\n");
  else
    context.terminal.out(table.render(context.terminal));
  return kExitOk;
}

void add_runs(Command& regions) {
  struct Options {
    std::optional<std::uint64_t> limit;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  regions.add("runs", "list runs that were started in other regions from here")
      .option("--limit", "N", "at most N; 0 for all (default 100)", options->limit)
      .flag("--json", "print the server's JSON", options->json)
      .details(
          "The runs are the other regions': muster --region NAME runs show ID shows one. One that "
          "is 'unknown' was asked for when the connection was lost.")
      .example("muster regions runs", "what was started elsewhere, and how it stands")
      .action([options](Context& context) {
        return list_runs(context, options->limit.value_or(100), options->json);
      });
}

}  // namespace

void add_regions_commands(Command& root) {
  auto json = std::make_shared<bool>(false);
  Command& regions = root.add("regions", "other regions: trust them, ask them");
  regions.section("Region")
      .flag("--json", "print the server's JSON", *json)
      .details(
          "Without a command it lists the regions that are known here: whether each answers, what "
          "it may do here and what it grants. muster --region NAME asks one of them as if it were "
          "this one; muster hosts and muster run take --region with several names, or 'all'.")
      .example("muster regions", "who is there, who is down and since when")
      .example("muster --region east runs", "the runs of another region")
      .example("muster hosts --region all 'not online'", "what is away, everywhere")
      .action([json](Context& context) { return list_regions(context, *json); });

  struct Shown {
    std::string name;
    bool json = false;
  };
  auto shown = std::make_shared<Shown>();
  regions.add("show", "show everything about one region")
      .argument("NAME", "the region", shown->name)
      .flag("--json", "print the server's JSON", shown->json)
      .example("muster regions show east", "its fingerprint, addresses and rights")
      .action([shown](Context& context) { return show_region(context, shown->name, shown->json); });

  auto name = std::make_shared<std::string>();
  regions.add("card", "print this region's card, for other regions to add")
      .option("--name", "NAME", "what this region shall be called there", *name)
      .details(
          "A card is public: a certificate and addresses. Send it as you like, and compare "
          "the fingerprint by another way.")
      .example("muster regions card --name west >west.card", "what the other administrator needs")
      .action([name](Context& context) { return print_card(context, *name); });
  add_add(regions);
  add_change(regions);
  add_remove(regions);
  add_runs(regions);
}

}  // namespace muster::cli
