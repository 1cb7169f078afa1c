// SPDX-License-Identifier: Apache-2.0
//
// What methods have told: events of all hosts, the inventory of one.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/render.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

struct EventsOptions {
  std::optional<std::string> host, severity, kind, run;
  std::optional<std::uint64_t> limit;
  bool json = false;
};

core::Status read_events(Client& client, const EventsOptions& options, boost::json::array& found) {
  constexpr std::uint64_t kLimitDefault = 50;
  std::map<std::string, std::string> query;
  if (options.host) {
    MUSTER_ASSIGN(const auto host, client.find_host(*options.host));
    query["endpoint"] = text(host, "id");
  }
  if (options.severity) query["severity"] = *options.severity;
  if (options.kind) query["kind"] = *options.kind;
  if (options.run) query["run"] = *options.run;
  return client.events(query, options.limit.value_or(kLimitDefault), [&](const Json& event) {
    found.push_back(event);
    return true;
  });
}

int list_events(Context& context, const EventsOptions& options) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  boost::json::array found;
  if (const auto read = read_events(*client, options, found); !read)
    return report(context, read.error());
  if (options.json) {
    context.terminal.out_bytes(pretty(boost::json::object{{"events", std::move(found)}}));
    return kExitOk;
  }
  if (found.empty()) {
    context.terminal.err("No events: methods raise them while they run (docs/events.md)\n");
    return kExitOk;
  }
  Table table({"WHEN", "SEVERITY", "HOST", "KIND", "RUN", "TEXT"});
  for (const Json& event : found) {
    const std::string severity = text(event, "severity");
    const Color color = severity == "error" || severity == "critical" ? Color::kRed
                        : severity == "warning"                       ? Color::kYellow
                                                                      : Color::kNone;
    std::string what = text(event, "text");
    if (const Json* data = member(event, "data")) {
      if (!what.empty()) what += " ";
      what += boost::json::serialize(*data);
    }
    const auto when = parse_rfc3339(text(event, "stored_at"));
    table.row({when ? ago(*when, context.now()) : "",
               {severity, color},
               text(event, "name"),
               text(event, "kind"),
               text(event, "run"),
               what});
  }
  context.terminal.out(table.render(context.terminal));
  return kExitOk;
}

struct InventoryOptions {
  std::string host;
  std::optional<std::string> table;
  bool json = false;
};

/// Rows of objects are a table on the screen; anything else is JSON.
std::string shown(const Json& data, const Terminal& terminal) {
  constexpr std::size_t kColumnsMax = 12;
  std::vector<std::string> columns;
  const bool is_list = data.is_array() && !data.get_array().empty();
  if (is_list)
    for (const Json& row : data.get_array()) {
      if (!row.is_object()) return pretty(data);
      for (const auto& cell : row.get_object())
        if (std::string name(cell.key());
            std::ranges::find(columns, name) == columns.end() && columns.size() < kColumnsMax)
          columns.push_back(std::move(name));
    }
  if (columns.empty()) return pretty(data);
  Table table(columns);
  for (const Json& row : data.get_array()) {
    std::vector<Table::Cell> cells;
    for (const auto& column : columns) {
      const Json* value = member(row, column);
      cells.emplace_back(value == nullptr     ? std::string()
                         : value->is_string() ? std::string(value->get_string())
                                              : boost::json::serialize(*value));
    }
    table.row(std::move(cells));
  }
  return table.render(terminal);
}

int show_inventory(Context& context, const InventoryOptions& options) {
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto host = client->find_host(options.host);
  if (!host) return report(context, host.error());
  const auto inventory = client->get({"hosts", text(*host, "id"), "inventory"});
  if (!inventory) return report(context, inventory.error());
  if (options.json && !options.table) {
    context.terminal.out_bytes(pretty(*inventory));
    return kExitOk;
  }
  std::size_t found = 0;
  for (const Json& table : elements(*inventory, "tables")) {
    if (options.table && text(table, "table") != *options.table) continue;
    const Json none;
    const Json* data = member(table, "data");
    if (options.json) {
      context.terminal.out_bytes(pretty(data ? *data : none));
    } else {
      const auto when = parse_rfc3339(text(table, "reported_at"));
      if (found > 0) context.terminal.out("\n");
      context.terminal.out(in_line(text(table, "table")) + "  " +
                           (when ? ago(*when, context.now()) : "") + ", by run " +
                           in_line(text(table, "run")) + "\n" +
                           shown(data ? *data : none, context.terminal));
    }
    ++found;
  }
  if (found > 0) return kExitOk;
  if (options.table)
    return report(context, {core::Code::kNotFound,
                            "the host has reported no table '" + in_line(*options.table) + "'"});
  context.terminal.err("This host has reported nothing: methods do (docs/events.md)\n");
  return kExitOk;
}

}  // namespace

void add_events_command(Command& root) {
  auto options = std::make_shared<EventsOptions>();
  root.add("events", "what methods have told of while they ran, newest first")
      .section("Hosts and runs")
      .option("--host", "HOST", "only of this host", options->host)
      .option("--severity", "LEVEL", "at least so severe", options->severity)
      .choices({"debug", "info", "warning", "error", "critical"})
      .option("--kind", "KIND", "only of this kind", options->kind)
      .option("--run", "ID", "only of this run", options->run)
      .option("--limit", "N", "the newest N; 0 for all of them (default 50)", options->limit)
      .flag("--json", "print one JSON document {events}", options->json)
      .details(
          "A method raises an event by the call event.raise. The gateway takes it, also while it "
          "has no server, and each is kept once. They are kept for 30 days, 500,000 at most.")
      .example("muster events --severity warning", "what somebody should look at")
      .example("muster events --host web1 --kind disk.full --json", "for a script")
      .action([options](Context& context) { return list_events(context, *options); });
}

void add_inventory_command(Command& hosts) {
  auto options = std::make_shared<InventoryOptions>();
  hosts.add("inventory", "what methods have reported that a host has")
      .argument("HOST", "its name or id", options->host)
      .optional_argument("TABLE", "only this table", options->table)
      .flag("--json", "print the server's JSON; of one table its data", options->json)
      .details("A method reports a table by the call inventory.report; the newest run's holds.")
      .example("muster hosts inventory web1", "all tables of a host")
      .example("muster hosts inventory web1 packages --json | jq length", "one, for a script")
      .action([options](Context& context) { return show_inventory(context, *options); });
}

}  // namespace muster::cli
