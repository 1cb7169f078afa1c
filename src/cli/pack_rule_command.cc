// SPDX-License-Identifier: Apache-2.0
//
// Which packs the users of which hosts may install by themselves (ADR 25).
#include <boost/json/object.hpp>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/pack_commands.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

struct AllowOptions {
  std::string pack;
  std::string selector;
  bool deny = false;
  bool json = false;
};

void add_allow(Command& parent) {
  auto options = std::make_shared<AllowOptions>();
  parent.add("allow", "let users of hosts install a pack by themselves")
      .argument("PACK", "NAME: whichever version is current; or NAME@VERSION", options->pack)
      .argument("SELECTOR", "of which hosts", options->selector)
      .flag("--deny", "forbid it there, whatever other rules allow", options->deny)
      .flag("--json", "print the server's JSON", options->json)
      .details(
          "On these hosts any local user then sees the pack by `muster-agent packs list` and "
          "installs it by `muster-agent packs get NAME`: a run in the ledger in the name of the "
          "host's user, signed as any other. Nothing is allowed that no rule allows; --deny goes "
          "before all that allow, and without a version it denies every one.")
      .example("muster pack allow editor 'role=desktop'", "its current version, from now on")
      .example("muster pack allow editor@2.1 all", "this version, also where it is not current")
      .example("muster pack allow editor 'site=lab' --deny", "but not in the laboratory")
      .action([options](Context& context) -> int {
        const auto [name, version] = split_version(options->pack);
        auto client = context.connect();
        if (!client) return report(context, client.error());
        boost::json::object rule{{"pack", name},
                                 {"selector", options->selector},
                                 {"effect", options->deny ? "deny" : "allow"}};
        if (!version.empty()) rule["version"] = version;
        const auto made = client->create("pack-rules", Json(std::move(rule)));
        if (!made) {
          core::Error error = made.error();
          if (error.code == core::Code::kNotFound)
            error.message += " (muster pack list shows what there is)";
          return report(context, error);
        }
        if (options->json) {
          context.terminal.out_bytes(pretty(*made));
          return kExitOk;
        }
        const auto check = client->check_selector(options->selector);
        const std::string hosts =
            check ? " (now " +
                        count_of(static_cast<std::size_t>(number(*check, "matched")), "host",
                                 "hosts") +
                        ")"
                  : "";
        context.terminal.err("Rule " + std::to_string(number(*made, "id")) + ": users of " +
                             in_line(options->selector) + hosts + " may " +
                             (options->deny ? "not install " : "install ") +
                             in_line(options->pack) + "\n");
        return kExitOk;
      });
}

void add_allowed(Command& parent) {
  struct Options {
    std::optional<std::string> host;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  parent.add("allowed", "list what users of hosts may install")
      .option("--host", "HOST", "what users of this host see", options->host)
      .flag("--json", "print the server's JSON", options->json)
      .example("muster pack allowed", "all rules, with the numbers that `disallow` takes")
      .example("muster pack allowed --host web1", "what follows from them there")
      .action([options](Context& context) -> int {
        auto client = context.connect();
        if (!client) return report(context, client.error());
        core::Result<Json> list = Json();
        if (options->host) {
          const auto host = client->find_host(*options->host);
          if (!host) return report(context, host.error());
          list = client->get({"hosts", text(*host, "id"), "packs"});
        } else {
          list = client->get({"pack-rules"});
        }
        if (!list) return report(context, list.error());
        if (options->json) {
          context.terminal.out_bytes(pretty(*list));
        } else if (elements(*list, options->host ? "packs" : "rules").empty()) {
          context.terminal.err(
              "Nothing is allowed: muster pack allow PACK SELECTOR lets users of hosts install a "
              "pack\n");
        } else if (options->host) {
          context.terminal.out(render_packs_of_host(*list, context.terminal));
        } else {
          context.terminal.out(render_pack_rules(*list, context.terminal, context.now()));
        }
        return kExitOk;
      });
}

void add_disallow(Command& parent) {
  auto rule = std::make_shared<std::string>();
  parent.add("disallow", "remove a rule that `allow` has made")
      .argument("RULE", "its number, as muster pack allowed shows it", *rule)
      .details("What is installed stays: muster pack take-away takes it from hosts.")
      .example("muster pack disallow 3", "from now on nobody is allowed or denied by it")
      .action([rule](Context& context) -> int {
        auto client = context.connect();
        if (!client) return report(context, client.error());
        if (const auto done = client->remove("pack-rules", *rule); !done)
          return report(context, done.error());
        context.terminal.err("Removed rule " + in_line(*rule) + "\n");
        return kExitOk;
      });
}

}  // namespace

void add_pack_rule_commands(Command& parent) {
  add_allow(parent);
  add_allowed(parent);
  add_disallow(parent);
}

}  // namespace muster::cli
