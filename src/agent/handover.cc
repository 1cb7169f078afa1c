// SPDX-License-Identifier: Apache-2.0
#include "agent/handover.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstdlib>

#include "core/bytes.h"
#include "runtime/descriptor.h"
#include "runtime/file.h"

extern char** environ;

namespace muster::agent {
namespace {

namespace json = boost::json;
using Remembered = link::EndpointRuns::Remembered;

constexpr const char* kVariable = "MUSTER_AGENT_HANDOVER";
/// The ids that an agent remembers, and some.
constexpr std::size_t kTextBytesMax = 1024 * 1024;
constexpr std::size_t kInstanceBytes = 16;

std::string_view name(Handover::Kind kind) {
  switch (kind) {
    case Handover::Kind::kTrial:
      return "trial";
    case Handover::Kind::kTake:
      return "take";
    default:
      return "start";
  }
}

/// Monotonic times mean the same in every process until the machine is restarted.
json::object to_json(const Remembered& what) {
  return {{"run", what.run.value()}, {"until_ns", what.until.time_since_epoch().count()}};
}

std::optional<Remembered> remembered_of(const json::value& value) {
  const json::object* object = value.if_object();
  if (!object || !object->contains("run") || !object->contains("until_ns")) return std::nullopt;
  boost::system::error_code wrong;
  const auto run = object->at("run").to_number<std::uint64_t>(wrong);
  if (wrong || run == 0) return std::nullopt;
  const auto until = object->at("until_ns").to_number<std::int64_t>(wrong);
  if (wrong) return std::nullopt;
  return Remembered{core::RunId(run), core::MonoTime(std::chrono::nanoseconds(until))};
}

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

}  // namespace

std::string to_text(const Handover& handover) {
  json::object object{
      {"kind", name(handover.kind)},     {"program", handover.program},
      {"installed", handover.installed}, {"instance", core::to_hex(handover.instance)},
      {"nonce", handover.nonce},         {"before", handover.before}};
  if (handover.run) object["run"] = to_json(*handover.run);
  json::array remembered;
  for (const Remembered& each : handover.remembered) remembered.push_back(to_json(each));
  object["remembered"] = std::move(remembered);
  return json::serialize(object);
}

core::Result<Handover> read_handover(std::string_view text) {
  const auto bad = [](const char* why) {
    return core::fail(core::Code::kInvalid, std::string("what the agent before said: ") + why);
  };
  boost::system::error_code wrong;
  const json::value value = json::parse(text, wrong);
  if (wrong || !value.is_object()) return bad("no JSON object");
  const json::object& object = value.as_object();
  Handover handover;
  const std::string kind = text_of(object, "kind");
  if (kind == "trial")
    handover.kind = Handover::Kind::kTrial;
  else if (kind == "take")
    handover.kind = Handover::Kind::kTake;
  else if (kind != "start")
    return bad("unknown kind");
  handover.program = text_of(object, "program");
  handover.installed = text_of(object, "installed");
  handover.nonce = text_of(object, "nonce");
  handover.before = core::printable(text_of(object, "before"), 100);
  MUSTER_ASSIGN(handover.instance, core::from_hex(text_of(object, "instance")));
  if (handover.kind != Handover::Kind::kStart && handover.instance.size() != kInstanceBytes)
    return bad("no instance");
  if (const json::value* run = object.if_contains("run")) handover.run = remembered_of(*run);
  if (handover.kind != Handover::Kind::kStart && !handover.run) return bad("no run");
  if (const json::value* all = object.if_contains("remembered"); all && all->is_array())
    for (const json::value& each : all->as_array())
      if (const auto one = remembered_of(each);
          one && handover.remembered.size() < link::kRecentRunsMax)
        handover.remembered.push_back(*one);
  return handover;
}

core::Result<std::optional<Handover>> take_handover() {
  if (!std::getenv(kVariable)) return std::nullopt;
  ::unsetenv(kVariable);
  MUSTER_ASSIGN(const std::string text, runtime::read_file("/dev/stdin", kTextBytesMax));
  const runtime::Descriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null || ::dup2(null.get(), STDIN_FILENO) < 0)
    return core::fail_errno(errno, "closing standard input");
  MUSTER_ASSIGN(Handover handover, read_handover(text));
  return handover;
}

std::vector<std::string> handover_environment() {
  std::vector<std::string> all;
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view text = *entry;
    if (text.find('=') != text.npos && !text.starts_with('=')) all.emplace_back(text);
  }
  all.push_back(std::string(kVariable) + "=1");
  return all;
}

core::Error go_over(const std::filesystem::path& program, const std::vector<std::string>& words,
                    const Handover& handover) {
  const auto failed = [&](int cause) {
    return core::fail_errno(cause, "starting " + program.string()).error();
  };
  const std::string text = to_text(handover);
  const runtime::Descriptor memory(::memfd_create("muster-agent-handover", MFD_CLOEXEC));
  if (!memory ||
      ::write(memory.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::lseek(memory.get(), 0, SEEK_SET) != 0)
    return failed(errno);
  const runtime::Descriptor before(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
  if (::dup2(memory.get(), STDIN_FILENO) < 0) return failed(errno);
  std::vector<std::string> own(words), environment = handover_environment();
  own.at(0) = program.string();
  std::vector<char*> argv, envp;
  for (std::string& word : own) argv.push_back(word.data());
  for (std::string& entry : environment) envp.push_back(entry.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  constexpr unsigned kCloseOnExec = 4;  // CLOSE_RANGE_CLOEXEC: nothing of ours is inherited
  (void)::syscall(SYS_close_range, 3U, ~0U, kCloseOnExec);
  ::execve(program.c_str(), argv.data(), envp.data());
  const int cause = errno;
  if (before) (void)::dup2(before.get(), STDIN_FILENO);
  return failed(cause);
}

std::string proof_of(std::string_view nonce) {
  return "logged in on trial: " + core::to_hex(core::sha256("muster-agent " + std::string(nonce)));
}

}  // namespace muster::agent
