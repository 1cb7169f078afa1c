// SPDX-License-Identifier: Apache-2.0
#include "swarm/recorded_answers.h"

#include <algorithm>
#include <boost/json.hpp>

#include "core/bytes.h"

namespace muster::swarm {
namespace {

namespace json = boost::json;
using core::Code;
using core::fail;

std::string text(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string key_of(const wire::Invoke& invoke) {
  if (invoke.has_method()) return "method " + core::to_hex(invoke.method().digest());
  std::string key = "command";
  for (const std::string& word : invoke.command().argv()) key += '\0' + word;
  return key;
}

std::string key_of(const json::object& request) {
  if (const json::value* method = request.if_contains("method"); method && method->is_object())
    return "method " + text(method->get_object(), "digest");
  std::string key = "command";
  const json::value* command = request.if_contains("command");
  if (!command || !command->is_object()) return key;
  if (const std::string shell = text(command->get_object(), "shell"); !shell.empty())
    return key + '\0' + "/bin/sh" + '\0' + "-c" + '\0' + shell;
  if (const json::value* argv = command->get_object().if_contains("argv"); argv && argv->is_array())
    for (const json::value& word : argv->get_array())
      if (word.is_string()) key += '\0' + std::string(word.get_string());
  return key;
}

wire::Outcome outcome_of(const std::string& state) {
  if (state == "succeeded") return wire::OUTCOME_SUCCEEDED;
  if (state == "timed_out") return wire::OUTCOME_TIMED_OUT;
  if (state == "refused") return wire::OUTCOME_REFUSED;
  if (state == "cancelled") return wire::OUTCOME_CANCELLED;
  return wire::OUTCOME_FAILED;
}

std::int64_t number(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value && value->is_int64() ? value->get_int64() : 0;
}

}  // namespace

core::Result<RecordedAnswers> RecordedAnswers::read(std::string_view archive) {
  boost::system::error_code wrong;
  const json::value parsed = json::parse(archive, wrong);
  const json::object* top = parsed.if_object();
  if (wrong || !top || text(*top, "format") != "muster-recording-1")
    return fail(Code::kInvalid, "this is no archive of a recording (muster runs export)");
  RecordedAnswers made;
  const json::value* steps = top->if_contains("steps");
  if (!steps || !steps->is_array()) return fail(Code::kInvalid, "the archive has no steps");
  for (const json::value& step : steps->get_array()) {
    const json::object* recorded = step.if_object();
    const json::value* request = recorded ? recorded->if_contains("request") : nullptr;
    const json::value* answers = recorded ? recorded->if_contains("answers") : nullptr;
    if (!request || !request->is_object() || !answers || !answers->is_array())
      return fail(Code::kInvalid, "a step of the archive has no request or no answers");
    auto& known = made.answers_[key_of(request->get_object())];
    for (const json::value& value : answers->get_array()) {
      const json::object* from = value.if_object();
      if (!from) return fail(Code::kInvalid, "an answer of the archive is no object");
      Answer answer;
      answer.announce.set_outcome(outcome_of(text(*from, "state")));
      answer.announce.set_exit_code(static_cast<std::int32_t>(number(*from, "exit_code")));
      answer.announce.set_signal(static_cast<std::uint32_t>(number(*from, "signal")));
      answer.announce.set_reason(text(*from, "reason"));
      answer.out = text(*from, "stdout");
      answer.err = text(*from, "stderr");
      const json::value* hosts = from->if_contains("hosts");
      answer.hosts = hosts && hosts->is_array() ? hosts->get_array().size() : 1;
      if (answer.hosts > 0) known.push_back(std::move(answer));
    }
  }
  return made;
}

link::RunResult RecordedAnswers::answer(const wire::Invoke& invoke, std::uint64_t endpoint) const {
  link::RunResult result;
  const auto known = answers_.find(key_of(invoke));
  if (known == answers_.end() || known->second.empty()) {
    result.announce.set_outcome(wire::OUTCOME_REFUSED);
    result.announce.set_reason("nothing like this was recorded");
    return result;
  }
  std::uint64_t hosts = 0;
  for (const Answer& answer : known->second) hosts += answer.hosts;
  std::uint64_t chosen = endpoint % hosts;
  for (const Answer& answer : known->second) {
    if (chosen < answer.hosts) {
      result.announce = answer.announce;
      result.stdout_bytes = answer.out;
      result.stderr_bytes = answer.err;
      return result;
    }
    chosen -= answer.hosts;
  }
  return result;
}

}  // namespace muster::swarm
