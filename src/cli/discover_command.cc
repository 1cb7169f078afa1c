// SPDX-License-Identifier: Apache-2.0
//
// muster discover: what machines there are on given networks.
#include <charconv>
#include <thread>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/render.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

/// How often it is asked how far the server is.
constexpr std::chrono::milliseconds kPoll{200};

struct Options {
  std::vector<std::string> networks;
  std::vector<std::string> ports;
  bool fresh = false;
  bool json = false;
};

std::uint64_t unsigned_number(const Json& from, std::string_view name) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(number(from, name), 0));
}

core::Result<Json> wish(const Options& options) {
  boost::json::object wish;
  boost::json::array& networks = wish["networks"].emplace_array();
  for (const auto& network : options.networks) networks.emplace_back(network);
  boost::json::array ports;
  for (const auto& text : options.ports) {
    std::uint16_t port = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (failed != std::errc() || end != text.data() + text.size() || port == 0)
      return core::fail(core::Code::kInvalid,
                        "--port " + in_line(text) + ": a number from 1 to 65535");
    ports.emplace_back(port);
  }
  if (!ports.empty()) wish["ports"] = std::move(ports);
  return Json(std::move(wish));
}

/// Waits for the end; what came out of it.
core::Result<Json> follow(Context& context, Client& client, const Json& begun) {
  const std::string id = std::to_string(number(begun, "id"));
  while (true) {
    MUSTER_ASSIGN(Json sweep, client.get({"discoveries", id}));
    const bool ended = text(sweep, "state") != "running";
    context.terminal.progress(
        ended ? ""
              : std::to_string(number(sweep, "looked_at")) + " of " +
                    count_of(unsigned_number(sweep, "addresses"), "address", "addresses") + " · " +
                    count_of(unsigned_number(sweep, "machines"), "machine", "machines"));
    if (ended) return sweep;
    std::this_thread::sleep_for(kPoll);
  }
}

std::string what_is(const Json& found) {
  const std::string kind = text(found, "kind");
  if (kind == "endpoint") return truth(found, "online") ? "host" : "host, offline";
  return kind == "ssh" ? "SSH" : "other";
}

std::string details(const Json& found) {
  if (const std::string name = text(found, "name"); !name.empty()) {
    const std::string agent = text(found, "agent");
    return name + (agent.empty() ? "" : " (its agent answers, " + agent + ")");
  }
  if (const std::string ssh = text(found, "ssh"); !ssh.empty()) return ssh;
  std::string ports;
  for (const Json& port : elements(found, "open_ports"))
    ports += (ports.empty() ? "ports open: " : ", ") + std::to_string(port.to_number<int>());
  return ports.empty() ? "answers, with none of these ports open" : ports;
}

void show(Context& context, const Json& sweep, bool fresh) {
  Table table({"ADDRESS", "WHAT", ""});
  std::size_t shown = 0, hosts = 0;
  std::string first_ssh;
  for (const Json& found : elements(sweep, "found")) {
    const std::string kind = text(found, "kind");
    if (kind == "endpoint") ++hosts;
    if (fresh && kind == "endpoint") continue;
    if (kind == "ssh" && first_ssh.empty()) first_ssh = text(found, "address");
    table.row({text(found, "address"),
               {what_is(found), kind == "endpoint" ? Color::kGreen : Color::kNone},
               details(found)});
    ++shown;
  }
  if (shown > 0) context.terminal.out(table.render(context.terminal));
  context.terminal.err(
      count_of(unsigned_number(sweep, "machines"), "machine answers", "machines answer") + " at " +
      count_of(unsigned_number(sweep, "looked_at"), "address", "addresses") + ", " +
      std::to_string(hosts) + " of them " + (hosts == 1 ? "is a host" : "are hosts") +
      " of the region\n");
  if (text(sweep, "state") == "stopped") context.terminal.err("It was stopped before its end\n");
  if (!first_ssh.empty())
    context.terminal.err("To make one of them a host: muster adopt root@" + in_line(first_ssh) +
                         "\n");
}

int discover(Context& context, const Options& options) {
  const auto wanted = wish(options);
  if (!wanted) return report(context, wanted.error());
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto begun = client->create("discoveries", *wanted);
  if (!begun) return report(context, begun.error());
  const auto sweep = follow(context, *client, *begun);
  if (!sweep) return report(context, sweep.error());
  if (options.json)
    context.terminal.out_bytes(pretty(*sweep));
  else
    show(context, *sweep, options.fresh);
  return kExitOk;
}

}  // namespace

void add_discover_command(Command& root) {
  auto options = std::make_shared<Options>();
  root.add("discover", "find machines on networks, hosts or not")
      .section("Hosts")
      .arguments("NETWORK", "an address and how many of its bits count: 10.1.7.0/24",
                 options->networks)
      .option("--port", "PORT", "try this TCP port (default: 22 and 7443; up to 8 may be named)",
              options->ports)
      .flag("--new", "leave out what is a host of the region already", options->fresh)
      .flag("--json", "print the server's JSON", options->json)
      .details(
          "The server tries every address of the networks: SSH, Muster's own port, and agents that "
          "answer (muster-agent run --answer-discovery). 300 addresses a second, up to 65536. The "
          "site policy says which networks may be looked through: discover = [\"10.1.0.0/16\"].")
      .example("muster discover 10.1.7.0/24", "who is there")
      .example("muster discover --new --port 22 10.1.7.0/24 10.1.8.0/24", "who is still missing")
      .action([options](Context& context) { return discover(context, *options); });
}

}  // namespace muster::cli
