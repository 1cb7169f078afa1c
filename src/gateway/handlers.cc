// SPDX-License-Identifier: Apache-2.0
#include "gateway/handlers.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstring>

#include "core/bytes.h"
#include "core/json.h"
#include "core/log.h"

namespace muster::gateway {
namespace {

namespace json = boost::json;
using core::Code;
using core::fail;

constexpr std::size_t kNameBytesMax = 32;
constexpr std::size_t kVerbBytesMax = 64;
constexpr std::size_t kDepthMax = 32;
constexpr std::size_t kReasonBytesMax = 256;
/// What Muster answers itself, now or later.
constexpr std::array<std::string_view, 9> kReserved = {
    "run", "content", "event", "inventory", "pack", "packs", "certificate", "order", "muster"};

bool is_word(std::string_view text, std::size_t bytes_max) {
  return !text.empty() && text.size() <= bytes_max && text.front() >= 'a' && text.front() <= 'z' &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
         });
}

struct Call {
  std::string name, verb;
};

/// "NAME.VERB" of a handler; nothing for what is none.
std::optional<Call> parse(std::string_view call) {
  const std::size_t dot = call.find('.');
  if (dot == call.npos) return std::nullopt;
  const std::string_view name = call.substr(0, dot), verb = call.substr(dot + 1);
  if (!is_word(name, kNameBytesMax) || !is_word(verb, kVerbBytesMax) ||
      std::ranges::find(kReserved, name) != kReserved.end())
    return std::nullopt;
  return Call{std::string(name), std::string(verb)};
}

/// What a handler says instead of an answer: {"_error":{"code":"denied","message":"…"}}.
std::optional<core::Error> said_error(const json::value& answer) {
  const json::value* error =
      answer.is_object() ? answer.get_object().if_contains("_error") : nullptr;
  if (!error || !error->is_object()) return std::nullopt;
  const auto text = [&](const char* name) -> std::string {
    const json::value* value = error->get_object().if_contains(name);
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
  };
  return core::Error(core::code_from_name(text("code")),
                     core::printable(text("message"), kReasonBytesMax));
}

}  // namespace

core::Status check_only_ours(const std::filesystem::path& path, bool is_folder) {
  struct stat about{};
  if (::lstat(path.c_str(), &about) != 0)
    return fail(errno == ENOENT ? Code::kNotFound : Code::kIo,
                path.string() + ": " + std::strerror(errno));
  if (is_folder ? !S_ISDIR(about.st_mode) : !S_ISREG(about.st_mode))
    return fail(Code::kInvalid, path.string() + (is_folder ? " is no folder" : " is no file"));
  if (about.st_uid != 0 && about.st_uid != ::geteuid())
    return fail(Code::kInvalid, path.string() + " belongs to another user: chown root it");
  if ((about.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return fail(Code::kInvalid, path.string() + " can be changed by others: chmod go-w it");
  return {};
}

core::Result<std::unique_ptr<Handlers>> Handlers::open(runtime::Loop& loop,
                                                       const std::filesystem::path& folder,
                                                       std::string gateway, HandlerLimits limits) {
  std::error_code failed;
  const auto whole = std::filesystem::canonical(folder, failed);
  if (failed)
    return fail(Code::kInvalid, "--handlers " + folder.string() + ": " + failed.message());
  if (auto ours = check_only_ours(whole, true); !ours)
    return fail(std::move(ours.error()).while_doing("--handlers"));
  // Whoever can rename a folder above it can put another one in its place.
  for (auto above = whole.parent_path(); above != above.root_path(); above = above.parent_path()) {
    struct stat about{};
    if (::stat(above.c_str(), &about) != 0)
      return fail(Code::kIo, above.string() + ": " + std::strerror(errno));
    if ((about.st_mode & S_IWOTH) != 0 && (about.st_mode & S_ISVTX) == 0)
      return fail(Code::kInvalid, "--handlers: " + above.string() + " can be changed by others");
  }
  return std::unique_ptr<Handlers>(new Handlers(loop, whole, std::move(gateway), limits));
}

Handlers::Handlers(runtime::Loop& loop, std::filesystem::path folder, std::string gateway,
                   HandlerLimits limits)
    : loop_(loop),
      folder_(std::move(folder)),
      gateway_(std::move(gateway)),
      limits_(limits),
      runner_(loop, *this) {}

Handlers::~Handlers() {
  *alive_ = false;
  runner_.kill_all();
}

bool Handlers::knows(std::string_view call) const {
  const auto parsed = parse(call);
  return parsed && ::access((folder_ / parsed->name).c_str(), F_OK) == 0;
}

core::Status Handlers::admit(const core::EndpointId& endpoint) const {
  if (questions_.size() >= limits_.running_max)
    return fail(Code::kLimit, "the gateway runs as many handlers as it may; try again");
  const auto of_it = std::ranges::count_if(
      questions_, [&](const auto& entry) { return entry.second.endpoint == endpoint; });
  if (static_cast<std::size_t>(of_it) >= limits_.running_per_endpoint_max)
    return fail(Code::kLimit,
                "the gateway runs as many handlers for this host as it may; try again");
  return {};
}

void Handlers::ask(const core::EndpointId& endpoint, core::RunId run, std::string_view call,
                   std::string_view body, Answer answer) {
  const Call wanted = *parse(call);
  const auto refuse = [&](core::Error why) {
    loop_.post([answer = std::move(answer), why = std::move(why), alive = alive_]() mutable {
      if (*alive) answer(core::fail(std::move(why)));
    });
  };
  ++stats_.asked;
  if (auto admitted = admit(endpoint); !admitted) {
    ++stats_.refused;
    return refuse(std::move(admitted.error()));
  }
  const std::filesystem::path program = folder_ / wanted.name;
  auto ours = check_only_ours(program, false);
  if (ours && ::access(program.c_str(), X_OK) != 0)
    ours = fail(Code::kInvalid, program.string() + " cannot be executed: chmod +x it");
  if (!ours) {
    ++stats_.failed;
    core::log(core::Level::kError, "gateway", "a handler is not started",
              {{"handler", wanted.name}, {"why", ours.error().message}});
    return refuse({Code::kUnavailable, "the gateway does not start its handler '" + wanted.name +
                                           "'; its log says why"});
  }
  auto question = core::read_json(body, kDepthMax);
  if (!question) return refuse({Code::kInvalid, "the body is no JSON"});
  methods::Command command;
  command.argv = {program.string(), wanted.verb};
  command.stdin_bytes = json::serialize(json::object{{"call", std::string(call)},
                                                     {"endpoint", endpoint.str()},
                                                     {"run", run.str()},
                                                     {"gateway", gateway_},
                                                     {"body", std::move(*question)}}) +
                        "\n";
  command.directory = folder_.string();
  command.limits.timeout = limits_.timeout;
  command.limits.memory_bytes = limits_.memory_bytes;
  command.limits.output_bytes_max = limits_.answer_bytes_max;
  const core::RunId number(++last_);
  questions_.emplace(number, Question{endpoint, wanted.name, std::move(answer)});
  runner_.run(number, std::move(command));
}

core::Result<std::string> Handlers::outcome(const std::string& name,
                                            methods::Completion completion) const {
  using How = methods::Completion::How;
  const std::string who = "the gateway's handler '" + name + "' ";
  if (completion.how == How::kTimedOut)
    return fail(Code::kTimeout,
                who + "did not answer within " +
                    core::to_text(std::chrono::duration_cast<core::Duration>(limits_.timeout)));
  if (completion.how != How::kExited)
    return fail(Code::kUnavailable, who + "did not run: " + completion.reason);
  const std::string_view said =
      std::string_view(completion.stderr_bytes).substr(0, completion.stderr_bytes.find('\n'));
  if (completion.signal != 0 || completion.exit_code != 0)
    return fail(
        Code::kInternal,
        who +
            (completion.signal != 0 ? "was killed by signal " + std::to_string(completion.signal)
                                    : "ended with status " + std::to_string(completion.exit_code)) +
            (said.empty() ? "" : ": " + core::printable(std::string(said), kReasonBytesMax)));
  if (completion.stdout_bytes_cut > 0 || completion.stdout_source)
    return fail(Code::kLimit,
                who + "answered more than " + std::to_string(limits_.answer_bytes_max) + " bytes");
  auto answer = core::read_json(completion.stdout_bytes, kDepthMax);
  if (!answer) return fail(Code::kInternal, who + "answered no JSON");
  if (auto error = said_error(*answer)) return fail(std::move(*error));
  return json::serialize(*answer);
}

void Handlers::command_done(core::RunId id, methods::Completion completion) {
  const auto found = questions_.find(id);
  if (found == questions_.end()) return;
  const Question question = std::move(found->second);
  questions_.erase(found);
  auto answer = outcome(question.name, std::move(completion));
  if (!answer) {
    ++stats_.failed;
    core::log(core::Level::kWarn, "gateway", "a handler gave no answer",
              {{"handler", question.name},
               {"endpoint", question.endpoint},
               {"why", answer.error().message}});
  }
  question.answer(std::move(answer));
}

HandlerStats Handlers::stats() const {
  HandlerStats stats = stats_;
  stats.running = questions_.size();
  return stats;
}

}  // namespace muster::gateway
