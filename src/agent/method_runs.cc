// SPDX-License-Identifier: Apache-2.0
#include "agent/method_runs.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <fstream>
#include <utility>

#include "agent/work.h"
#include "core/bytes.h"
#include "link/limits.h"
#include "methods/features.h"
#include "methods/invocation.h"
#include "methods/task_result.h"
#include "wire/limits.h"

namespace muster::agent {
namespace {

using core::Code;
using core::fail;

/// As much of an executable as tells how it is started.
constexpr std::size_t kPrefixBytes = 128;
/// As much of a large output as is looked at.
constexpr std::size_t kBeginningBytes = 4096;

core::Duration patience_of(const wire::Invoke& invoke) {
  const auto ms = invoke.limits().timeout_ms();
  return ms == 0 ? wire::kTimeoutDefault : std::chrono::milliseconds(ms);
}

core::Result<boost::json::object> arguments_of(const wire::Method& method) {
  boost::system::error_code wrong;
  boost::json::value value = boost::json::parse(method.arguments(), wrong);
  if (wrong || !value.is_object())
    return fail(Code::kInvalid, "the order's arguments are no JSON object");
  return std::move(value.get_object());
}

std::string prefix_of(const std::string& path) {
  std::string prefix(kPrefixBytes, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(prefix.data(), static_cast<std::streamsize>(prefix.size()));
  prefix.resize(static_cast<std::size_t>(file.gcount()));
  return prefix;
}

/// Brings the agent's next version; without the requirement it is a method like any other.
bool is_update(const methods::Package& package, const methods::Implementation* implementation) {
  return package.name.canonical() == kUpdateMethod && implementation &&
         std::ranges::find(implementation->requirements, kUpdateFeature) !=
             implementation->requirements.end();
}

}  // namespace

struct MethodRuns::Run {
  wire::Invoke invoke;
  methods::Package package;
  const methods::Implementation* implementation = nullptr;  // in `package`
  std::optional<Content::Ticket> fetching;                  // set while it is being prepared
  std::optional<content::RunFolder> folder;
  bool said_something = false;
  bool says_a_result = false;
};

MethodRuns::MethodRuns(Content* content, std::set<std::string> pinned, Features features,
                       Effects effects)
    : content_(content),
      pinned_(std::move(pinned)),
      features_(std::move(features)),
      effects_(std::move(effects)) {}

MethodRuns::~MethodRuns() {
  for (const auto& [id, run] : runs_)
    if (run->fetching) content_->cancel(*run->fetching);
}

void MethodRuns::begin(const wire::Invoke& invoke) {
  const core::RunId id{invoke.run()};
  Run& run = *runs_.emplace(id, std::make_unique<Run>()).first->second;
  run.invoke = invoke;
  ++preparing_;
  if (!content_)
    return end_without_process(id, wire::OUTCOME_REFUSED,
                               "this machine has no place for methods: see the agent's log");
  const wire::Method& method = invoke.method();
  const auto digest = core::ContentId::from_bytes(method.digest());
  if (!digest || method.manifest_bytes() > methods::kManifestBytesMax)
    return end_without_process(id, wire::OUTCOME_REFUSED, "the order names no method");
  run.fetching = content_->read(*digest, method.manifest_bytes(), patience_of(invoke),
                                [this, id](core::Result<std::string> manifest) {
                                  if (runs_.contains(id)) verify(id, std::move(manifest));
                                });
}

void MethodRuns::verify(core::RunId id, core::Result<std::string> manifest) {
  Run& run = *runs_.at(id);
  run.fetching.reset();
  if (!manifest) return refuse(id, "the method could not be fetched", manifest.error());
  const wire::Method& method = run.invoke.method();
  auto key = identity::PublicKey::from_der(method.publishing_key());
  if (!key) return refuse(id, "the order names no publishing key", key.error());
  if (!pinned_.empty() && !pinned_.contains(key->id()))
    return end_without_process(id, wire::OUTCOME_REFUSED,
                               "this machine does not trust the publishing key " +
                                   core::to_hex(key->id()) + " (--publishing-keys)");
  auto package = methods::verify_package({std::move(*manifest), method.signature(), key->id()},
                                         std::span(&*key, 1));
  if (!package) return refuse(id, "the method is not what its publisher signed", package.error());
  run.package = std::move(*package);
  const std::vector<std::string> features = features_();
  auto implementation =
      methods::select_implementation(run.package.name.shown(), run.package.metadata, features);
  if (!implementation)
    return end_without_process(id, wire::OUTCOME_REFUSED, implementation.error().message);
  run.implementation = *implementation;
  fetch_files(id, run);
}

void MethodRuns::fetch_files(core::RunId id, Run& run) {
  std::vector<NeededFile> files;
  for (const methods::PackageFile* file : run.package.needed(run.implementation)) {
    NeededFile needed;
    needed.path = file->path;
    needed.id = *core::ContentId::from_bytes(file->sha256);  // read_manifest() checked it
    needed.executable = file->executable;
    needed.size = file->size;
    files.push_back(std::move(needed));
  }
  // The executable is started as a program, whatever its mode was where it came from.
  files.front().executable = true;
  run.fetching = content_->prepare(std::move(files), !run.invoke.method().user().empty(),
                                   patience_of(run.invoke),
                                   [this, id](core::Result<content::RunFolder> folder) {
                                     if (runs_.contains(id)) launch(id, std::move(folder));
                                   });
}

void MethodRuns::launch(core::RunId id, core::Result<content::RunFolder> folder) {
  Run& run = *runs_.at(id);
  run.fetching.reset();
  if (!folder) return refuse(id, "the method's files could not be had", folder.error());
  run.folder = std::move(*folder);
  const std::string install_folder = run.folder->path().string();
  auto arguments = arguments_of(run.invoke.method());
  if (!arguments) return end_without_process(id, wire::OUTCOME_REFUSED, arguments.error().message);
  if (is_update(run.package, run.implementation) && effects_.update) return update(id, *arguments);
  methods::InvocationInput input;
  input.package = &run.package;
  input.implementation = run.implementation;
  input.arguments = std::move(*arguments);
  input.noop = run.invoke.method().noop();
  input.install_folder = install_folder;
  input.executable_prefix =
      prefix_of(install_folder + "/" + run.package.executable(run.implementation).path);
  auto invocation = methods::make_invocation(input);
  if (!invocation)
    return end_without_process(id, wire::OUTCOME_REFUSED, invocation.error().message);
  methods::Command command;
  command.argv = std::move(invocation->argv);
  command.stdin_bytes = std::move(invocation->stdin_bytes);
  command.environment = std::move(invocation->environment);
  command.user = run.invoke.method().user();
  command.limits = limits_of(run.invoke.limits());
  command.channel = true;
  --preparing_;
  effects_.start(id, std::move(command));
}

void MethodRuns::update(core::RunId id, const boost::json::object& arguments) {
  const Run& run = *runs_.at(id);
  const methods::PackageFile& program = run.package.executable(run.implementation);
  UpdateOrder order{.program = run.folder->path() / program.path,
                    .digest = core::to_hex(program.sha256),
                    .version = run.package.version,
                    .login_within = kLoginWithin,
                    .patience = patience_of(run.invoke)};
  if (const auto* downgrade = arguments.if_contains("downgrade"))
    order.downgrade = downgrade->is_bool() && downgrade->as_bool();
  if (const auto* seconds = arguments.if_contains("login_within_s"); seconds && seconds->is_int64())
    order.login_within = std::clamp<core::Duration>(
        std::chrono::seconds(std::clamp<std::int64_t>(seconds->as_int64(), 1, 86'400)),
        std::chrono::seconds(1), kLoginWithinMax);
  --preparing_;
  effects_.update(id, std::move(order));
}

const methods::Package& MethodRuns::package(core::RunId id) const {
  return runs_.at(id)->package;
}

bool MethodRuns::cancel(core::RunId id, const std::string& reason) {
  const auto found = runs_.find(id);
  if (found == runs_.end() || !found->second->fetching) return false;
  content_->cancel(*found->second->fetching);
  end_without_process(id, wire::OUTCOME_CANCELLED, reason + "; the method was being fetched");
  return true;
}

void MethodRuns::cancel_all(const std::string& reason) {
  std::vector<core::RunId> all;
  for (const auto& [id, run] : runs_) all.push_back(id);
  for (const core::RunId id : all) cancel(id, reason);
}

bool MethodRuns::may_show(core::RunId id, methods::Stream stream, std::string_view data) {
  const auto found = runs_.find(id);
  if (found == runs_.end() || stream == methods::Stream::kStderr) return true;
  Run& run = *found->second;
  if (!run.said_something) {
    const auto first = data.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return false;
    run.said_something = true;
    run.says_a_result = data[first] == '{';
  }
  return !run.says_a_result;
}

link::RunResult MethodRuns::ended(core::RunId id, methods::Completion completion) {
  const auto run = std::move(runs_.extract(id).mapped());
  using How = methods::Completion::How;
  std::string said, beginning;
  if (completion.how == How::kExited) {
    // What is too much for memory is no result in JSON: its beginning explains a failure.
    if (completion.stdout_source)
      beginning = completion.stdout_source->read(0, kBeginningBytes).value_or("");
    const methods::TaskResult result = methods::parse_task_output(
        {.task = run->package.name.shown(),
         .stdout_bytes =
             completion.stdout_source ? std::string_view(beginning) : completion.stdout_bytes,
         .stderr_bytes = completion.stderr_bytes,
         .exit_code = completion.exit_code,
         .signal = completion.signal,
         .stdout_cut = completion.stdout_bytes_cut > 0 || completion.stdout_source});
    said = result.succeeded ? std::string() : result.error_message();
    if (!result.succeeded && said.empty()) said = "the method reported an error without a message";
  }
  link::RunResult result = result_of(std::move(completion));
  if (said.empty()) return result;
  result.announce.set_outcome(wire::OUTCOME_FAILED);
  result.announce.set_reason(core::printable(said, link::kReasonBytesMax));
  return result;
}

void MethodRuns::forget(core::RunId id) {
  runs_.erase(id);
}

void MethodRuns::refuse(core::RunId id, std::string_view doing, const core::Error& error) {
  end_without_process(id, wire::OUTCOME_REFUSED, std::string(doing) + ": " + error.message);
}

void MethodRuns::end_without_process(core::RunId id, wire::Outcome outcome, std::string reason) {
  runs_.erase(id);
  --preparing_;
  link::RunResult result;
  result.announce.set_outcome(outcome);
  result.announce.set_reason(core::printable(reason, link::kReasonBytesMax));
  effects_.finished(id, std::move(result));
}

}  // namespace muster::agent
