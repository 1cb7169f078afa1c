// SPDX-License-Identifier: Apache-2.0
#include <signal.h>

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <cstring>

#include "cli/render.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

struct State {
  const char* name;
  const char* phrase;  ///< In counts: "3 timed out".
  Color color;
  bool final;
};
// In the order in which counts are told: good news, what moves, bad news.
constexpr std::array<State, 11> kStates = {{{"succeeded", "succeeded", Color::kGreen, true},
                                            {"running", "running", Color::kCyan, false},
                                            {"sent", "sent", Color::kCyan, false},
                                            {"queued", "waiting", Color::kCyan, false},
                                            {"failed", "failed", Color::kRed, true},
                                            {"refused", "refused", Color::kRed, true},
                                            {"timed_out", "timed out", Color::kRed, true},
                                            {"unreachable", "unreachable", Color::kYellow, true},
                                            {"expired", "expired", Color::kYellow, true},
                                            {"cancelled", "cancelled", Color::kYellow, true},
                                            {"unknown", "unknown", Color::kYellow, true}}};

const State* find_state(std::string_view name) {
  for (const State& state : kStates) {
    if (state.name == name) return &state;
  }
  return nullptr;
}

std::int64_t count(const Json& run, std::string_view state) {
  const Json* counts = member(run, "counts");
  return counts == nullptr ? 0 : number(*counts, state);
}

std::string elapsed_text(const Json& run) {
  const auto from = parse_rfc3339(text(run, "created_at"));
  const auto to = parse_rfc3339(text(run, "finished_at"));
  return from && to && *to >= *from ? core::to_text(*to - *from) : "";
}

/// "pack send webapp@1.2", as it was ordered.
std::string pack_text(const Json& method, const std::string& pack) {
  const Json* arguments = member(method, "arguments");
  const std::string action = arguments ? text(*arguments, "action") : "";
  const char* command = action == "rollback" ? "rollback"
                        : action == "remove" ? "take-away"
                        : action == "verify" ? "verify"
                                             : "send";
  return "pack " + std::string(command) + " " + pack + "@" + text(method, "version");
}

/// "service::restart 1.2 name=nginx ports:=[80,443]", as muster method run takes it.
std::string method_text(const Json& method) {
  if (const std::string name = text(method, "name"); name.starts_with("pack::"))
    return pack_text(method, name.substr(std::string_view("pack::").size()));
  std::string line = text(method, "name") + " " + text(method, "version");
  if (truth(method, "noop")) line += " --noop";
  const Json* arguments = member(method, "arguments");
  if (!arguments || !arguments->is_object()) return line;
  for (const auto& argument : arguments->get_object()) {
    line += " " + std::string(argument.key());
    if (argument.value().is_string()) {
      line += "=" + shell_quoted(std::string(argument.value().get_string()));
    } else {
      line += ":=" + shell_quoted(boost::json::serialize(argument.value()));
    }
  }
  return line;
}

}  // namespace

std::string command_text(const Json& run) {
  if (text(run, "kind") == "ping") return "(ping)";
  if (const Json* method = member(run, "method")) return method_text(*method);
  const Json* command = member(run, "command");
  if (command == nullptr) return "-";
  if (member(*command, "shell") != nullptr) return text(*command, "shell");
  std::vector<std::string> quoted;
  for (const Json& word : elements(*command, "argv")) {
    if (word.is_string()) {
      quoted.push_back(shell_quoted({word.get_string().data(), word.get_string().size()}));
    }
  }
  return listed(quoted, " ");
}

std::uint64_t finished_targets(const Json& run) {
  std::uint64_t sum = 0;
  for (const State& state : kStates) {
    if (state.final) sum += static_cast<std::uint64_t>(count(run, state.name));
  }
  return sum;
}

bool all_succeeded(const Json& run) {
  return number(run, "targets") > 0 && count(run, "succeeded") == number(run, "targets");
}

std::string counts_text(const Json& run) {
  std::vector<std::string> parts;
  for (const State& state : kStates) {
    if (const auto n = count(run, state.name); n > 0) {
      parts.push_back(std::to_string(n) + " " + state.phrase);
    }
  }
  return parts.empty() ? "no targets" : listed(parts);
}

std::string progress_text(const Json& run, core::Duration elapsed) {
  const auto done = finished_targets(run);
  std::string text = std::to_string(done) + "/" + std::to_string(number(run, "targets")) + " done";
  if (const Json* rollout = member(run, "rollout");
      rollout && number(*rollout, "waves_total") > 1) {
    text += " · wave " + std::to_string(number(*rollout, "wave")) + "/" +
            std::to_string(number(*rollout, "waves_total"));
  }
  if (member(run, "paused") != nullptr) text += " · PAUSED";
  for (const State& state : kStates) {
    if (const auto n = count(run, state.name); n > 0) {
      text += " · " + std::to_string(n) + " " + state.phrase;
    }
  }
  // Tenths of seconds that jump about are noise after the first ten seconds.
  const auto shown = elapsed < std::chrono::seconds(10)
                         ? elapsed
                         : core::Duration(std::chrono::floor<std::chrono::seconds>(elapsed));
  text += " · " + core::to_text(shown);
  const double seconds = std::chrono::duration<double>(elapsed).count();
  if (done > 1 && seconds >= 1) {
    char rate[32];
    const double per_second = static_cast<double>(done) / seconds;
    std::snprintf(rate, sizeof rate, per_second < 10 ? " · %.1f/s" : " · %.0f/s", per_second);
    text += rate;
  }
  return text;
}

std::string outcome_text(const Json& row) {
  std::string outcome;
  if (const auto signal = maybe_number(row, "signal"); signal && *signal > 0) {
    const char* name = *signal < NSIG ? ::sigabbrev_np(static_cast<int>(*signal)) : nullptr;
    outcome = "killed by signal " + std::to_string(*signal);
    if (name != nullptr) outcome += std::string(" (") + name + ")";
  } else if (const auto code = maybe_number(row, "exit_code");
             code && (*code != 0 || text(row, "state") != "succeeded")) {
    outcome = "exit code " + std::to_string(*code);
  }
  if (const auto reason = text(row, "reason"); !reason.empty()) {
    outcome += (outcome.empty() ? "" : ", ") + in_line(reason);
  }
  return outcome;
}

std::string render_runs(const Json& list, const Terminal& terminal, core::WallTime now) {
  Table table({"ID", "CREATED", "BY", "STATE", "HOSTS", "RESULT", "COMMAND"});
  for (const Json& run : elements(list, "runs")) {
    const bool running = text(run, "state") == "running";
    const Color color = running ? Color::kCyan : all_succeeded(run) ? Color::kGreen : Color::kRed;
    table.row({text(run, "id"),
               age(run, "created_at", now),
               text(run, "created_by"),
               {member(run, "paused") != nullptr ? "paused" : text(run, "state"), color},
               std::to_string(number(run, "targets")),
               counts_text(run),
               command_text(run)});
  }
  return table.empty() ? "" : table.render(terminal);
}

std::string render_run(const Json& run, const Terminal& terminal, core::WallTime now) {
  std::string result;
  const auto line = [&](const char* name, const std::string& value) {
    if (!value.empty()) result += hanging(name, in_line(value), 13);
  };
  line("Run", text(run, "id"));
  line("Command", command_text(run));
  line("Description", text(run, "description"));
  line("On", text(run, "selector").empty() ? "every host" : text(run, "selector"));
  line("May start", chain_text(run));
  if (const Json* parent = member(run, "parent"))
    line("Started by",
         "run " + text(*parent, "run") + " (muster runs tree " + text(run, "id") + " shows all)");
  if (const auto started = elements(run, "children").size(); started > 0)
    line("Has started",
         count_of(started, "run", "runs") + " (muster runs tree " + text(run, "id") + ")");
  line("Created", age(run, "created_at", now) + " by " + text(run, "created_by"));
  const bool running = text(run, "state") == "running";
  const std::string took = elapsed_text(run);
  line("State", text(run, "state") + (took.empty() ? "" : " after " + took));
  line("Cancelled by", text(run, "cancelled_by"));
  line("", cancel_text(run));
  line(member(run, "stopped") != nullptr ? "Stopped" : "Paused", hold_text(run));
  const std::string counts = counts_text(run);
  const Color color = running ? Color::kCyan : all_succeeded(run) ? Color::kGreen : Color::kRed;
  result += "Hosts        " + std::to_string(number(run, "targets")) + ": " +
            terminal.paint(color, counts) + "\n";
  return result;
}

std::string render_progress(const std::vector<Json>& targets, std::uint64_t running,
                            const Terminal& terminal) {
  const std::size_t lines = std::min(targets.size(), kProgressLinesMax);
  if (lines == 0) return "";
  Table table({"RUNNING", "DONE", "SAYS"});
  for (std::size_t i = 0; i < lines; ++i) {
    const Json* progress = member(targets[i], "progress");
    const Json none;
    const Json& said = progress ? *progress : none;
    const auto percent = maybe_number(said, "percent");
    table.row({text(targets[i], "name"), percent ? std::to_string(*percent) + "%" : "",
               text(said, "text")});
  }
  std::string result = table.render(terminal);
  if (running > lines) result += "and " + std::to_string(running - lines) + " more\n";
  return result;
}

std::string render_troubles(const boost::json::array& rows, const Terminal& terminal) {
  struct Trouble {
    std::string state;
    std::string outcome;
    std::vector<std::string> hosts;
    std::uint64_t count = 0;
  };
  constexpr std::size_t kHostsBytesMax = 2000;  // of one line; the rest is counted only
  std::vector<Trouble> troubles;
  for (const Json& row : rows) {
    const std::string state = text(row, "state");
    if (state == "succeeded") continue;
    const std::string outcome = outcome_text(row);
    auto at = std::ranges::find_if(
        troubles, [&](const Trouble& t) { return t.state == state && t.outcome == outcome; });
    if (at == troubles.end()) at = troubles.insert(at, {state, outcome, {}, 0});
    const bool fold = member(row, "hosts") != nullptr;
    at->hosts.push_back(in_line(text(row, fold ? "hosts" : "name")));
    at->count += fold ? static_cast<std::uint64_t>(number(row, "count")) : 1;
  }
  std::string result;
  for (const Trouble& trouble : troubles) {
    const State* state = find_state(trouble.state);
    std::string phrase = state == nullptr ? in_line(trouble.state) : state->phrase;
    constexpr std::size_t kColumn = 12;
    phrase.resize(std::max(kColumn, phrase.size() + 1), ' ');
    std::string hosts = listed(trouble.hosts, ",");
    if (hosts.size() > kHostsBytesMax) hosts = fit(hosts, kHostsBytesMax);
    result += terminal.paint_error(state == nullptr ? Color::kRed : state->color, phrase) + hosts +
              " (" + std::to_string(trouble.count) + ")" +
              (trouble.outcome.empty() ? "" : ": " + trouble.outcome) + "\n";
  }
  return result;
}

std::string render_recordings(const Json& list, const Terminal& terminal, core::WallTime now) {
  Table table({"RECORDING", "RUNS", "MADE", "BY", "STATE", "DESCRIPTION"});
  for (const Json& recording : elements(list, "recordings")) {
    table.row({text(recording, "name"), std::to_string(number(recording, "runs")),
               age(recording, "created_at", now), text(recording, "created_by"),
               truth(recording, "open") ? "recording" : "closed", text(recording, "description")});
  }
  return table.render(terminal);
}

std::string render_retention(const Json& retention) {
  const auto limit = [&](const char* name, const std::function<std::string(std::uint64_t)>& show) {
    const auto value = static_cast<std::uint64_t>(number(retention, name));
    return value == 0 ? std::string("no limit") : show(value);
  };
  const Json* kept = member(retention, "kept");
  const Json none;
  const Json& now = kept ? *kept : none;
  const auto runs = static_cast<std::uint64_t>(number(now, "runs"));
  return "Finished runs are kept\n  for      " +
         limit("age_max_s",
               [](std::uint64_t s) { return core::to_text(std::chrono::seconds(s)); }) +
         "\n  answers  up to " + limit("bytes_max", size_text) + "\n  runs     up to " +
         limit("runs_max", [](std::uint64_t n) { return std::to_string(n); }) + "\nNow " +
         count_of(runs, "run", "runs") + ", " +
         size_text(static_cast<std::uint64_t>(number(now, "output_bytes"))) + " of answers; " +
         std::to_string(number(now, "recorded_runs")) + " recorded\n";
}

}  // namespace muster::cli
