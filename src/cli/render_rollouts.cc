// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cli/render.h"
#include "cli/text.h"

namespace muster::cli {

std::string cancel_text(const Json& run) {
  const Json* cancelled = member(run, "cancelled");
  const Json* found = cancelled == nullptr ? nullptr : member(*cancelled, "found");
  const Json* counts = member(run, "counts");
  if (found == nullptr || counts == nullptr) return "";
  const auto queued = number(*found, "queued");
  const auto finished = number(*found, "finished");
  const auto under_way = number(*found, "sent") + number(*found, "running");
  const auto open = number(*counts, "sent") + number(*counts, "running");
  const auto unknown = std::min(number(*counts, "unknown"), under_way - open);
  const auto killed = std::clamp<std::int64_t>(number(*counts, "cancelled") - queued, 0,
                                               under_way - open - unknown);
  const auto ended = under_way - open - unknown - killed;
  std::vector<std::string> parts;
  const auto tell = [&](std::int64_t count, const char* one, const char* more) {
    if (count > 0) parts.push_back(std::to_string(count) + " " + (count == 1 ? one : more));
  };
  tell(queued, "was never sent", "were never sent");
  tell(killed, "was stopped", "were stopped");
  tell(ended, "ended before the cancel reached it", "ended before the cancel reached them");
  tell(unknown, "did not answer", "did not answer");
  tell(open, "has not answered yet", "have not answered yet");
  tell(finished, "had finished", "had finished");
  return listed(parts);
}

std::string hold_text(const Json& run) {
  const std::string id = in_line(text(run, "id"));
  if (const Json* stopped = member(run, "stopped"))
    return "Stopped: " + in_line(text(*stopped, "reason")) + ". What was not sent is cancelled";
  const Json* paused = member(run, "paused");
  if (paused == nullptr) return "";
  const std::string reason = in_line(text(*paused, "reason"));
  return "Paused by " + in_line(text(*paused, "by")) + (reason.empty() ? "" : ": " + reason) +
         ". muster runs resume " + id + " goes on, muster runs cancel " + id + " ends it";
}

std::string render_waves(const Json& waves, const Terminal& terminal) {
  Table table({"WAVE", "WHICH", "HOSTS", "STATE", "RESULT"});
  for (const Json& wave : elements(waves, "waves")) {
    const std::string state = text(wave, "state");
    table.row({std::to_string(number(wave, "wave")),
               in_line(text(wave, "name")),
               std::to_string(number(wave, "targets")),
               {state == "under_way" ? "under way" : state,
                state == "under_way" ? Color::kCyan : Color::kNone},
               counts_text(wave)});
  }
  return table.empty() ? "" : table.render(terminal);
}

}  // namespace muster::cli
