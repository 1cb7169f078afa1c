// SPDX-License-Identifier: Apache-2.0
#include "cli/replay.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <set>

#include "core/bytes.h"

namespace muster::cli {
namespace {

using boost::json::object;
using core::Code;

std::string title_of(const Json& step) {
  if (const Json* method = member(step, "method"))
    return text(*method, "name") + " " + text(*method, "version");
  const Json* request = member(step, "request");
  const Json* command = request ? member(*request, "command") : nullptr;
  if (!command) return "ping";
  if (const std::string shell = text(*command, "shell"); !shell.empty()) return shell;
  std::string words;
  for (const Json& word : elements(*command, "argv"))
    if (word.is_string()) words += (words.empty() ? "" : " ") + std::string(word.get_string());
  return words;
}

std::set<std::string> hosts_of(const Json& step) {
  std::set<std::string> hosts;
  for (const Json& answer : elements(step, "answers"))
    for (const Json& host : elements(answer, "hosts"))
      if (host.is_string()) hosts.emplace(host.get_string());
  return hosts;
}

/// Whole texts that name a host become its counterpart's name, however deep they are.
void rename_hosts(Json& value, const std::map<std::string, std::string>& hosts) {
  if (value.is_string()) {
    const auto found = hosts.find(std::string(value.get_string()));
    if (found != hosts.end()) value = found->second;
  } else if (value.is_array()) {
    for (Json& element : value.get_array()) rename_hosts(element, hosts);
  } else if (value.is_object()) {
    for (auto& entry : value.get_object()) rename_hosts(entry.value(), hosts);
  }
}

struct Given {
  std::size_t step = 0;  // 0: every step
  std::string name;
  Json value;
};

core::Result<Given> read_given(const std::string& word) {
  const auto equals = word.find('=');
  const auto bad = [&] {
    return core::fail(Code::kInvalid,
                      "'" + core::printable(word, 100) +
                          "' is not of the form STEP.NAME=VALUE or STEP.NAME:=JSON");
  };
  if (equals == std::string::npos || equals == 0) return bad();
  const bool is_json = word[equals - 1] == ':';
  std::string name = word.substr(0, equals - (is_json ? 1 : 0));
  Given given;
  if (const auto dot = name.find('.'); dot != std::string::npos) {
    const std::string number = name.substr(0, dot);
    if (number.empty() || number.size() > 4 ||
        !std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; }))
      return bad();
    given.step = std::stoul(number);
    name.erase(0, dot + 1);
  }
  if (name.empty()) return bad();
  given.name = std::move(name);
  given.value = word.substr(equals + 1);
  if (!is_json) return given;
  boost::system::error_code wrong;
  given.value = boost::json::parse(word.substr(equals + 1), wrong);
  if (wrong) return core::fail(Code::kInvalid, given.name + ": " + wrong.message());
  return given;
}

std::string selector_of(const std::set<std::string>& names) {
  std::string selector = "name in (";
  for (const std::string& name : names) {
    if (selector.back() != '(') selector += ',';
    selector += '"';
    for (const char c : name) {
      if (c == '"' || c == '\\') selector += '\\';
      selector += c;
    }
    selector += '"';
  }
  return selector + ")";
}

/// Goes through an archive and notes everything that is missing, not only the first.
class Planner {
 public:
  Planner(const ReplayOptions& options, std::vector<Given> given)
      : options_(options), given_(std::move(given)), used_(given_.size()) {}

  ReplayStep plan(const Json& recorded, std::size_t number) {
    ReplayStep step;
    step.title = title_of(recorded);
    const Json* request = member(recorded, "request");
    if (request && request->is_object())
      step.request = request->get_object();
    else
      note(number, "it says nothing of what was ordered");
    step.is_method = step.request.contains("method");
    if (const Json* method = member(recorded, "method")) {
      step.method = text(*method, "name");
      step.version = text(*method, "version");
    }
    choose_hosts(recorded, number, step);
    if (step.is_method && step.request["method"].is_object())
      set_arguments(recorded, number, step.request["method"].get_object());
    if (!options_.hosts.empty())
      for (const char* name : {"method", "command"})
        if (Json* what = step.request.if_contains(name)) rename_hosts(*what, options_.hosts);
    return step;
  }

  core::Status finish() {
    for (std::size_t i = 0; i < given_.size(); ++i)
      if (!used_[i])
        missing_ += "\n  no step has an argument '" + given_[i].name + "' that could be set";
    if (missing_.empty()) return {};
    return core::fail(Code::kInvalid, "the recording cannot be repeated like this:" + missing_);
  }

 private:
  void note(std::size_t number, const std::string& what) {
    missing_ += "\n  step " + std::to_string(number) + ": " + what;
  }

  void choose_hosts(const Json& recorded, std::size_t number, ReplayStep& step) {
    if (options_.on) {
      step.request["selector"] = *options_.on;
      return;
    }
    const std::set<std::string> recorded_hosts = hosts_of(recorded);
    if (recorded_hosts.empty()) note(number, "no host is recorded; --on says where to run it");
    std::set<std::string> now;
    for (const std::string& then : recorded_hosts) {
      const auto found = options_.hosts.find(then);
      if (found == options_.hosts.end() && !options_.same_hosts) {
        note(number, "the host " + core::printable(then, 100) + " has no counterpart (--map " +
                         core::printable(then, 100) + "=…)");
        continue;
      }
      const std::string& name = found == options_.hosts.end() ? then : found->second;
      step.counterparts[then] = name;
      now.insert(name);
    }
    step.request["selector"] = selector_of(now);
  }

  void set_arguments(const Json& recorded, std::size_t number, object& method) {
    object& arguments = method["arguments"].is_object() ? method["arguments"].get_object()
                                                        : method["arguments"].emplace_object();
    std::set<std::string> hidden;
    for (const Json& name : elements(recorded, "hidden"))
      if (name.is_string()) hidden.emplace(name.get_string());
    for (std::size_t i = 0; i < given_.size(); ++i) {
      const Given& given = given_[i];
      const bool here = given.step == number || (given.step == 0 && arguments.contains(given.name));
      if (!here) continue;
      used_[i] = true;
      arguments[given.name] = given.value;
      hidden.erase(given.name);
    }
    for (const std::string& name : hidden)
      note(number, "the value of '" + core::printable(name, 100) +
                       "' was secret and is not known any more (--set " + std::to_string(number) +
                       "." + core::printable(name, 100) + "=…)");
  }

  const ReplayOptions& options_;
  const std::vector<Given> given_;
  std::vector<bool> used_;
  std::string missing_;
};

std::string outcome(const Json& answer) {
  std::string said = text(answer, "state");
  if (const auto code = maybe_number(answer, "exit_code"); code && *code != 0)
    said += ", exit code " + std::to_string(*code);
  if (const auto signal = maybe_number(answer, "signal"))
    said += ", signal " + std::to_string(*signal);
  return said;
}

std::string output_digest(const Json& target) {
  return core::to_hex(core::sha256(bytes_of(target, "stdout").value_or("")));
}

bool alike(const Json& then, const Json& now, Compare compare) {
  if (outcome(then) != outcome(now)) return false;
  const std::string digest = text(then, "stdout_sha256");
  if (compare == Compare::kOutcome || digest.empty()) return true;
  const Json* said = member(then, "result");
  const Json* says = member(now, "result");
  if (said && says) return *said == *says;
  return digest == output_digest(now);
}

}  // namespace

core::Result<std::vector<ReplayStep>> plan_replay(const Json& archive,
                                                  const ReplayOptions& options) {
  if (text(archive, "format") != kArchiveFormat)
    return core::fail(Code::kInvalid, "this is no recording of a format that this muster knows (" +
                                          std::string(kArchiveFormat) + ")");
  const auto& recorded = elements(archive, "steps");
  if (recorded.empty()) return core::fail(Code::kInvalid, "the recording has no runs");
  std::vector<Given> given;
  for (const std::string& word : options.arguments) {
    MUSTER_ASSIGN(auto read, read_given(word));
    given.push_back(std::move(read));
  }
  Planner planner(options, std::move(given));
  std::vector<ReplayStep> steps;
  for (std::size_t i = 0; i < recorded.size(); ++i)
    steps.push_back(planner.plan(recorded[i], i + 1));
  MUSTER_TRY(planner.finish());
  return steps;
}

std::vector<Difference> differences(const Json& recorded, const ReplayStep& step,
                                    const std::vector<Json>& targets, Compare compare) {
  std::map<std::string, const Json*> by_host;  // of now: the answer of its counterpart
  for (const Json& answer : elements(recorded, "answers"))
    for (const Json& host : elements(answer, "hosts"))
      if (host.is_string())
        if (const auto at = step.counterparts.find(std::string(host.get_string()));
            at != step.counterparts.end())
          by_host[at->second] = &answer;
  std::vector<Difference> found;
  for (const Json& target : targets) {
    const std::string name = text(target, "name");
    const auto own = by_host.find(name);
    const Json* then = own == by_host.end() ? nullptr : own->second;
    if (!then) {
      const auto& answers = elements(recorded, "answers");
      const auto same = std::ranges::find_if(
          answers, [&](const Json& answer) { return alike(answer, target, compare); });
      if (same != answers.end() || answers.empty()) continue;
      then = &answers.front();
    }
    if (alike(*then, target, compare)) continue;
    const bool same_outcome = outcome(*then) == outcome(target);
    found.push_back({name, same_outcome ? "another answer" : outcome(*then),
                     same_outcome ? "this one" : outcome(target)});
  }
  for (const auto& [host, answer] : by_host)
    if (std::ranges::none_of(targets, [&](const Json& t) { return text(t, "name") == host; }))
      found.push_back({host, outcome(*answer), "no such host"});
  return found;
}

}  // namespace muster::cli
