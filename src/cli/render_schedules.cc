// SPDX-License-Identifier: Apache-2.0
//
// Schedules as people read them.
#include "cli/render.h"
#include "cli/text.h"

namespace muster::cli {
namespace {

std::string line(std::string_view label, const std::string& value) {
  if (value.empty()) return {};
  std::string left(label);
  left.resize(14, ' ');
  return left + in_line(value) + "\n";
}

std::string duration_text(std::int64_t milliseconds) {
  return core::to_text(std::chrono::milliseconds(milliseconds));
}

std::string when_text(const Json& schedule) {
  const Json* trigger = member(schedule, "trigger");
  if (trigger == nullptr) return "-";
  const std::string zone = text(schedule, "zone");
  if (member(*trigger, "cron") != nullptr) {
    return text(*trigger, "cron") + (zone == "UTC" ? "" : "  " + zone);
  }
  if (member(*trigger, "at") != nullptr) return "once, " + text(*trigger, "at").substr(0, 19) + "Z";
  return "on " + text(*trigger, "on");
}

std::string what_text(const Json& request) {
  if (member(request, "ping") != nullptr) return "(ping)";
  if (const Json* method = member(request, "method")) {
    const std::string version = text(*method, "version");
    return text(*method, "name") + (version.empty() ? "" : "@" + version);
  }
  return command_text(request);
}

std::string next_text(const Json& schedule, core::WallTime now) {
  if (!truth(schedule, "enabled")) return "disabled";
  const auto& next = elements(schedule, "next");
  if (next.empty() || !next.front().is_string()) return "-";
  const auto time = parse_rfc3339(next.front().get_string().c_str());
  return time ? ago(*time, now) : "-";
}

Color color_of(const std::string& state) {
  return state == "failed" ? Color::kRed : state == "skipped" ? Color::kYellow : Color::kNone;
}

std::string blackouts_text(const Json& schedule) {
  std::vector<std::string> windows;
  for (const Json& window : elements(schedule, "blackouts")) {
    if (window.is_string()) windows.emplace_back(window.get_string());
  }
  if (windows.empty()) return "";
  return listed(windows, "; ") + (text(schedule, "in_blackout") == "wait"
                                      ? " (firings wait for the end)"
                                      : " (firings are dropped)");
}

std::string missed_text(const Json& schedule) {
  const std::string missed = text(schedule, "missed");
  return missed == "all"    ? "each is made up for"
         : missed == "once" ? "one is made up for all"
                            : "skipped";
}

}  // namespace

std::string render_schedules(const Json& list, const Terminal& terminal, core::WallTime now) {
  Table table({"NAME", "WHEN", "NEXT", "LAST", "BY", "ON", "COMMAND"});
  for (const Json& schedule : elements(list, "schedules")) {
    const Json* last = member(schedule, "last");
    const std::string state = last == nullptr ? "" : text(*last, "state");
    const Json* request = member(schedule, "request");
    table.row({text(schedule, "name"), when_text(schedule), next_text(schedule, now),
               last == nullptr
                   ? Table::Cell("-")
                   : Table::Cell(state + " " + age(*last, "fired_at", now), color_of(state)),
               text(schedule, "author"), request == nullptr ? "-" : text(*request, "selector"),
               request == nullptr ? "-" : what_text(*request)});
  }
  return table.render(terminal);
}

std::string render_schedule(const Json& schedule, const Json& firings, const Terminal& terminal,
                            core::WallTime now) {
  std::string result =
      line("Schedule", text(schedule, "name") + (truth(schedule, "enabled") ? "" : "  (disabled)"));
  result += line("When", when_text(schedule));
  if (const Json* trigger = member(schedule, "trigger")) {
    if (const auto quiet = number(*trigger, "at_most_every_ms"); quiet > 0) {
      result += line("", "once in " + duration_text(quiet) + " on a host at most");
    }
  }
  if (const auto jitter = number(schedule, "jitter_ms"); jitter > 0) {
    result += line("Jitter", "up to " + duration_text(jitter));
  }
  result += line("Blackouts", blackouts_text(schedule));
  if (member(schedule, "trigger") && text(*member(schedule, "trigger"), "on").empty()) {
    result += line("Missed", missed_text(schedule));
  }
  if (const Json* request = member(schedule, "request")) {
    const std::string selector = text(*request, "selector");
    result += line("On", selector.empty() ? "all" : selector);
    result += line("Runs", what_text(*request));
  }
  result += line("Description", text(schedule, "description"));
  result +=
      line("Author", text(schedule, "author") + ", changed " + age(schedule, "changed_at", now) +
                         " by " + text(schedule, "changed_by"));
  std::string label = "Next";
  for (const Json& time : elements(schedule, "next")) {
    if (!time.is_string()) continue;
    const std::string shown = time.get_string().c_str();
    const auto parsed = parse_rfc3339(shown);
    result += line(label, shown.substr(0, 19) + "Z" + (parsed ? "  " + ago(*parsed, now) : ""));
    label.clear();
  }
  if (elements(firings, "firings").empty()) return result;
  Table table({"DUE", "FIRED", "CAUSE", "STATE", "RUN", "REASON"});
  for (const Json& firing : elements(firings, "firings")) {
    const std::string state = text(firing, "state");
    const auto count = number(firing, "stands_for");
    const std::string run = text(firing, "run");
    table.row({text(firing, "due").substr(0, 19) + "Z", age(firing, "fired_at", now),
               text(firing, "cause"),
               Table::Cell(state + (count > 1 ? " (" + std::to_string(count) + ")" : ""),
                           color_of(state)),
               run.empty() ? "-" : run, text(firing, "reason")});
  }
  return result + "\n" + table.render(terminal);
}

std::string render_preview(const Json& preview, std::string_view zone, const Terminal& terminal,
                           core::WallTime now) {
  Table table({std::string(zone), "UTC", "WHEN"});
  const auto& next = elements(preview, "next");
  const auto& local = elements(preview, "local");
  for (std::size_t i = 0; i < next.size() && i < local.size(); ++i) {
    if (!next[i].is_string() || !local[i].is_string()) continue;
    const std::string shown = next[i].get_string().c_str();
    const auto parsed = parse_rfc3339(shown);
    table.row({std::string(local[i].get_string()), shown.substr(0, 19) + "Z",
               parsed ? ago(*parsed, now) : "-"});
  }
  return table.render(terminal);
}

}  // namespace muster::cli
