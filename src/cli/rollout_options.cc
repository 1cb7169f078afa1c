// SPDX-License-Identifier: Apache-2.0
#include "cli/rollout_options.h"

#include <boost/json.hpp>
#include <charconv>

#include "cli/text.h"

namespace muster::cli {
namespace {

namespace json = boost::json;
using core::Code;
using core::fail;

/// The whole of `text` as a number.
std::optional<std::uint32_t> whole(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::uint32_t> percent(std::string_view text) {
  return text.ends_with('%') ? whole(text.substr(0, text.size() - 1)) : std::nullopt;
}

json::object wave_of(std::string_view text) {
  constexpr std::string_view kEach = "each:";
  if (const auto number = whole(text)) return {{"count", *number}};
  if (const auto number = percent(text)) return {{"percent", *number}};
  if (text.starts_with(kEach)) return {{"each_label", text.substr(kEach.size())}};
  return {{"selector", text}};
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

core::Result<json::array> parse_waves(std::string_view text) {
  json::array waves;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t at = 0; at <= text.size(); ++at) {
    if (at < text.size() && text[at] == '(') ++depth;
    if (at < text.size() && text[at] == ')') --depth;
    if (at < text.size() && (text[at] != ',' || depth > 0)) continue;
    const auto entry = trimmed(text.substr(begin, at - begin));
    if (entry.empty())
      return fail(Code::kInvalid, "--waves: there is an empty wave in '" +
                                      in_line(std::string(text)) +
                                      "' (1,10%,100% is one host, a tenth, the rest)");
    waves.push_back(wave_of(entry));
    begin = at + 1;
  }
  return waves;
}

core::Status add_rollout(const RolloutOptions& options, json::object& order) {
  json::object rollout;
  if (options.waves) {
    MUSTER_ASSIGN(rollout["waves"], parse_waves(*options.waves));
  }
  if (options.parallel) rollout["parallel_max"] = *options.parallel;
  if (options.failures) {
    if (const auto number = whole(*options.failures))
      rollout["failures_max"] = *number;
    else if (const auto share = percent(*options.failures))
      rollout["failures_percent_max"] = *share;
    else
      return fail(Code::kInvalid, "--max-failures: '" + in_line(*options.failures) +
                                      "' is neither a number of hosts (3) nor a percentage of "
                                      "each wave (5%)");
  }
  if (options.on_failures) rollout["on_failures"] = *options.on_failures;
  if (options.count_unreachable) rollout["count_unreachable"] = true;
  if (options.pause_between) rollout["pause_between"] = true;
  if (options.wait)
    rollout["wait_between_ms"] =
        std::chrono::ceil<std::chrono::milliseconds>(*options.wait).count();
  if (!rollout.empty()) order["rollout"] = std::move(rollout);
  return {};
}

void describe_rollout(Command& command, RolloutOptions& options) {
  command
      .option("--waves", "LIST",
              "in waves, each after the one before: 1,10%,100% or role=canary,each:site; no host "
              "may fail unless --max-failures allows it",
              options.waves)
      .option("--parallel", "N", "on at most N hosts at a time", options.parallel)
      .option("--max-failures", "N|P%",
              "stop when more hosts fail: N of all, or P% of a wave (0: none may fail)",
              options.failures)
      .option("--on-failures", "WHAT", "then: stop (the default) or pause until somebody resumes",
              options.on_failures)
      .choices({"stop", "pause"})
      .flag("--count-unreachable", "hosts that are not there are failures, too",
            options.count_unreachable)
      .flag("--pause-between", "pause after each wave: muster runs resume begins the next",
            options.pause_between)
      .option("--wait-between", "DURATION", "wait so long between two waves", options.wait);
}

}  // namespace muster::cli
