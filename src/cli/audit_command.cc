// SPDX-License-Identifier: Apache-2.0
#include <boost/json/serialize.hpp>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/render.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

struct ListOptions {
  std::optional<std::uint64_t> limit;
  bool jsonl = false;
};

int list_audit(Context& context, const ListOptions& options) {
  constexpr std::uint64_t kLimitDefault = 50;
  auto client = context.connect();
  if (!client) return report(context, client.error());
  std::vector<Json> entries;
  const auto read = client->audit(options.limit.value_or(kLimitDefault), [&](const Json& entry) {
    if (options.jsonl) {
      context.terminal.out_bytes(boost::json::serialize(entry) + "\n");
    } else {
      entries.push_back(entry);
    }
    return true;
  });
  if (!read) return report(context, read.error());
  context.terminal.out(render_audit(entries, context.terminal));
  return kExitOk;
}

void describe_list(Command& command) {
  auto options = std::make_shared<ListOptions>();
  command.option("--limit", "N", "the newest N entries; 0 for all (default 50)", options->limit)
      .flag("--jsonl", "print one JSON object for each entry, a line each", options->jsonl)
      .action([options](Context& context) { return list_audit(context, *options); });
}

int verify(Context& context, bool json) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto result = client->verify_audit();
  if (!result) return report(context, result.error());
  const bool good = truth(*result, "ok");
  Terminal& terminal = context.terminal;
  if (json) {
    terminal.out_bytes(pretty(*result));
  } else if (good) {
    terminal.out(
        terminal.paint(Color::kGreen, "The log is whole: ") +
        count_of(static_cast<std::uint64_t>(number(*result, "entries")), "entry", "entries") +
        "\nHead  " + in_line(text(*result, "head")) + "\n");
  } else {
    terminal.out(terminal.paint(Color::kRed, "The log has been altered") + " at entry " +
                 std::to_string(number(*result, "broken_at")) +
                 ": from there on it proves nothing. Compare it with a backup of region.db.\n");
  }
  return good ? kExitOk : kExitFailed;
}

}  // namespace

void add_audit_commands(Command& root) {
  Command& audit = root.add("audit", "the log of everything that changed something");
  audit.section("Region")
      .details(
          "Without a command it lists the newest entries. Each entry holds the hash of the one "
          "before it, so that nothing can be altered or left out unseen.")
      .example("muster audit", "who did what lately");
  describe_list(audit);
  Command& list = audit.add("list", "list entries, newest first");
  describe_list(list);
  list.example("muster audit list --limit 0 --jsonl | grep run.create", "every run ever ordered");
  auto json = std::make_shared<bool>(false);
  audit.add("verify", "check that no entry was altered or removed")
      .flag("--json", "print the server's JSON", *json)
      .details(
          "Keep the head that it prints elsewhere: if a later check does not pass through it, "
          "the whole log was replaced. Exits with 1 when the log is broken.")
      .example("muster audit verify", "recompute the chain of hashes")
      .action([json](Context& context) { return verify(context, *json); });
}

}  // namespace muster::cli
