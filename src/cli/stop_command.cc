// SPDX-License-Identifier: Apache-2.0
//
// muster stop-everything: through the API, or by the file that the server watches.
#include <pwd.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/render.h"
#include "cli/text.h"
#include "server/stop_switch.h"

namespace muster::cli {
namespace {

using namespace std::chrono_literals;
using server::StopOrder;

/// The server acts at once; so long is waited before it is said that it does not.
constexpr core::Duration kTakenWithin = 5s;
constexpr core::Duration kLookEvery = 10ms;

struct StopOptions {
  std::optional<std::string> reason;
  bool lift = false;
  bool status = false;
  bool local = false;
  std::string state;
  bool json = false;
};

std::string local_user() {
  const auto* entry = ::getpwuid(::geteuid());
  return entry != nullptr ? std::string("local:") + entry->pw_name
                          : "local:" + std::to_string(::geteuid());
}

std::string by_whom(const Json& state) {
  const std::string reason = text(state, "reason");
  return "by " + in_line(text(state, "by")) + " at " + in_line(text(state, "at")) +
         (reason.empty() ? "" : ": " + in_line(reason));
}

int tell(Context& context, const Json& state, bool json) {
  Terminal& terminal = context.terminal;
  if (json) {
    terminal.out_bytes(pretty(state));
    return kExitOk;
  }
  if (!truth(state, "stopped")) {
    terminal.out("Nothing is stopped.\n");
    return kExitOk;
  }
  terminal.out(terminal.paint(Color::kRed, "EVERYTHING IS STOPPED") + " " + by_whom(state) + "\n");
  if (const auto runs = maybe_number(state, "runs"))
    terminal.out(count_of(static_cast<std::uint64_t>(*runs), "run was open and is",
                          "runs were open and are") +
                 " being cancelled; new runs are refused until muster stop-everything --lift\n");
  if (const auto warning = text(state, "warning"); !warning.empty())
    terminal.err(terminal.paint_error(Color::kYellow, in_line(warning)) + "\n");
  return kExitOk;
}

std::filesystem::path server_folder(const Context& context, const StopOptions& options) {
  return (options.state.empty() ? state_file(context.environment).parent_path()
                                : std::filesystem::path(options.state)) /
         "server";
}

Json state_of(const std::optional<StopOrder>& order) {
  if (!order) return boost::json::object{{"stopped", false}};
  return boost::json::object{{"stopped", true},
                             {"by", order->hold.by},
                             {"reason", order->hold.reason},
                             {"at", core::to_rfc3339(order->hold.at)},
                             {"taken", order->taken}};
}

int stop_here(Context& context, const StopOptions& options) {
  const auto folder = server_folder(context, options);
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored))
    return report(context, {core::Code::kNotFound,
                            "no server keeps its state in " + in_line(folder.string()) +
                                ": --state FOLDER names the folder that muster up was given"});
  if (options.status) return tell(context, state_of(StopOrder::read(folder)), options.json);
  if (options.lift) {
    if (auto removed = StopOrder::remove(folder); !removed) return report(context, removed.error());
    return tell(context, state_of(std::nullopt), options.json);
  }
  if (!StopOrder::read(folder)) {
    const StopOrder order{{local_user(), options.reason.value_or(""), context.now()}, false, 0};
    if (auto written = order.write(folder); !written) return report(context, written.error());
  }
  auto order = StopOrder::read(folder);
  for (const auto until = context.mono() + kTakenWithin;
       order && !order->taken && context.mono() < until; order = StopOrder::read(folder))
    std::this_thread::sleep_for(kLookEvery);
  Json state = state_of(order);
  if (order && order->taken)
    state.as_object()["runs"] = order->runs;
  else
    state.as_object()["warning"] =
        "the server has not answered yet: it acts as soon as it can, or when it is started";
  return tell(context, state, options.json);
}

int stop(Context& context, const StopOptions& options) {
  if (options.lift && options.status)
    return report(context, {core::Code::kInvalid, "only one of --lift and --status can be given"});
  if (!options.local && !options.state.empty())
    return report(context, {core::Code::kInvalid, "--state goes with --local"});
  if (options.local) return stop_here(context, options);
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto state = options.status ? client->stop_state()
                     : options.lift ? client->lift_stop()
                                    : client->stop_everything(options.reason.value_or(""));
  if (!state) return report(context, state.error());
  return tell(context, *state, options.json);
}

}  // namespace

void add_stop_command(Command& root) {
  auto options = std::make_shared<StopOptions>();
  root.add("stop-everything", "cancel every run and refuse new ones until that is lifted")
      .option("--reason", "TEXT", "why: whoever is refused reads it", options->reason)
      .flag("--lift", "allow runs again", options->lift)
      .flag("--status", "only say whether everything is stopped", options->status)
      .flag("--local",
            "on the server's own machine, without its API: works when nobody gets through",
            options->local)
      .option("--state", "FOLDER", "with --local: the server's state folder, as of muster up",
              options->state)
      .flag("--json", "print what the server says as JSON", options->json)
      .section("Hosts and runs")
      .details(
          "From that moment nothing is sent to any host any more: what waits is cancelled, what "
          "runs is asked to stop, new runs and schedules are refused. It holds over a restart of "
          "the server. It does not wait for the database or for other requests.\n\n"
          "--local writes a file into the server's state folder, which the server watches; whoever "
          "may write there can do it. Where the server is down, it starts stopped.")
      .example("muster stop-everything --reason 'wrong package'", "the red button")
      .example("muster stop-everything --local", "the same on the server's own machine")
      .example("muster stop-everything --lift", "work may begin again")
      .action([options](Context& context) { return stop(context, *options); });
}

}  // namespace muster::cli
