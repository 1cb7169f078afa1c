// SPDX-License-Identifier: Apache-2.0
#include "agent/update_record.h"

#include <algorithm>
#include <boost/json.hpp>

#include "core/bytes.h"
#include "methods/task_name.h"

namespace muster::agent {
namespace {

namespace json = boost::json;
using core::Code;

constexpr std::size_t kWhyBytesMax = 1024;

json::object to_json(const Program& program) {
  return {{"digest", program.digest},
          {"version", program.version},
          {"run", program.run.value()},
          {"attempts", program.attempts}};
}

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::optional<Program> program_of(const json::value* value) {
  if (!value || !value->is_object()) return std::nullopt;
  const json::object& object = value->as_object();
  Program program{text_of(object, "digest"), text_of(object, "version"), {}, 0};
  if (!is_digest(program.digest)) return std::nullopt;
  boost::system::error_code none;
  if (const json::value* run = object.if_contains("run"))
    program.run = core::RunId(run->to_number<std::uint64_t>(none));
  if (const json::value* attempts = object.if_contains("attempts"))
    program.attempts = attempts->to_number<int>(none);
  return program;
}

/// The version of the program without what tells its build.
std::string_view without_build(std::string_view version) {
  return version.substr(0, version.find('+'));
}

}  // namespace

bool is_digest(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool UpdateRecord::beside(std::string_view digest_of_installed) {
  if (programs.empty() || installed == digest_of_installed) return false;
  programs.clear();
  return true;
}

const Program* UpdateRecord::next() {
  while (!programs.empty() && programs.front().attempts >= kStartsMax)
    give_up("it was started " + std::to_string(programs.front().attempts) +
            " times and did not log in");
  if (programs.empty()) return nullptr;
  ++programs.front().attempts;
  return &programs.front();
}

void UpdateRecord::give_up(std::string why) {
  failed = FailedUpdate{std::move(programs.front()), std::move(why)};
  programs.erase(programs.begin());
  // The one before has proven itself: what it failed since then is not its fault.
  if (!programs.empty()) programs.front().attempts = 0;
}

bool UpdateRecord::proven(std::string_view digest) {
  if (programs.empty() || programs.front().digest != digest || programs.front().attempts == 0)
    return false;
  programs.front().attempts = 0;
  return true;
}

core::Status UpdateRecord::begin_trial(Program program) {
  program.attempts = 1;
  if (trial && trial->digest == program.digest) program.attempts = trial->attempts + 1;
  if (program.attempts > kTrialsMax) {
    const std::string why = "its trial was broken off " + std::to_string(kTrialsMax) +
                            " times: the agent or the machine was stopped meanwhile";
    trial->run = program.run;
    trial_failed(why);
    return core::fail(Code::kLimit, why);
  }
  trial = std::move(program);
  return {};
}

void UpdateRecord::trial_passed(std::string_view digest_of_installed) {
  Program passed = std::move(*trial);
  trial.reset();
  failed.reset();
  passed.attempts = 1;  // it is started now
  std::erase_if(programs, [&](const Program& each) { return each.digest == passed.digest; });
  installed = digest_of_installed;
  programs.insert(programs.begin(), std::move(passed));
  if (programs.size() > kProgramsMax) programs.resize(kProgramsMax);
}

void UpdateRecord::trial_failed(std::string why) {
  if (!trial) return;
  failed = FailedUpdate{std::move(*trial), std::move(why)};
  trial.reset();
}

bool UpdateRecord::names(std::string_view digest) const {
  return (trial && trial->digest == digest) ||
         std::ranges::find(programs, digest, &Program::digest) != programs.end();
}

std::string to_text(const UpdateRecord& record) {
  json::object object{{"installed", record.installed}};
  json::array programs;
  for (const Program& program : record.programs) programs.push_back(to_json(program));
  object["programs"] = std::move(programs);
  if (record.trial) object["trial"] = to_json(*record.trial);
  if (record.failed) {
    json::object failed = to_json(record.failed->program);
    failed["why"] = record.failed->why;
    object["failed"] = std::move(failed);
  }
  return json::serialize(object) + "\n";
}

UpdateRecord read_update_record(std::string_view text) {
  boost::system::error_code wrong;
  const json::value value = json::parse(text, wrong);
  if (wrong || !value.is_object()) return {};
  const json::object& object = value.as_object();
  UpdateRecord record;
  record.installed = text_of(object, "installed");
  if (const json::value* programs = object.if_contains("programs");
      programs && programs->is_array())
    for (const json::value& each : programs->as_array())
      if (auto program = program_of(&each); program && record.programs.size() < kProgramsMax)
        record.programs.push_back(std::move(*program));
  record.trial = program_of(object.if_contains("trial"));
  if (auto failed = program_of(object.if_contains("failed")))
    record.failed = FailedUpdate{
        std::move(*failed),
        core::printable(text_of(object.at("failed").as_object(), "why"), kWhyBytesMax)};
  return record;
}

Judgement judge(const UpdateRecord& record, const UpdateWish& wish, std::string_view digest,
                std::string_view version) {
  using Answer = Judgement::Answer;
  if (wish.digest == digest) return {Answer::kRunsAlready, {}};
  // The order comes again where the agent ended over it: what it came to is not done again.
  if (record.failed && record.failed->program.digest == wish.digest &&
      record.failed->program.run == wish.run)
    return {Answer::kFailedBefore, record.failed->why};
  const std::string_view wanted = without_build(wish.version);
  if (!wish.downgrade && methods::compare_versions(wanted, without_build(version)) < 0)
    return {Answer::kRefused, "this agent is " + std::string(version) + ", which is newer than " +
                                  std::string(wanted) + ": --downgrade goes back"};
  return {};
}

}  // namespace muster::agent
