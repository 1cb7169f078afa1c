// SPDX-License-Identifier: Apache-2.0
//
// muster servers: who serves the region.
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/render.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

int list_servers(Context& context, bool json) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto list = client->get({"servers"});
  if (!list) return report(context, list.error());
  if (json) {
    context.terminal.out_bytes(pretty(*list));
    return kExitOk;
  }
  Table table({"NAME", "ROLE", "ADDRESS", "SINCE", "LAST SEEN", "VERSION"});
  for (const Json& server : elements(*list, "servers")) {
    const std::string role = text(server, "role");
    std::string address;
    for (const Json& one : elements(server, "addresses"))
      if (address.empty() && one.is_string()) address = std::string(one.as_string());
    table.row({text(server, "name"),
               {role, role == "lost" ? Color::kYellow : Color::kGreen},
               address,
               text(server, "since"),
               text(server, "last_seen"),
               text(server, "version")});
  }
  context.terminal.out(table.render(context.terminal));
  return kExitOk;
}

}  // namespace

void add_servers_command(Command& root) {
  auto json = std::make_shared<bool>(false);
  root.add("servers", "list the region's servers: which one leads, which stand by")
      .section("Region")
      .flag("--json", "print the server's JSON", *json)
      .details(
          "Several servers can share one PostgreSQL (docs/postgresql.md): one leads, the others "
          "pass on what they are asked and take over within seconds when it is lost.")
      .example("muster servers", "who leads, and who was seen when")
      .action([json](Context& context) { return list_servers(context, *json); });
}

}  // namespace muster::cli
