// SPDX-License-Identifier: Apache-2.0
//
// muster-agent: the endpoint daemon. Exit status: 0 done, 1 failed, 2 wrong usage.
#include <signal.h>
#include <sys/prctl.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <optional>
#include <set>

#include "agent/agent.h"
#include "agent/enrol.h"
#include "agent/options.h"
#include "agent/packs_command.h"
#include "agent/version.h"
#include "core/log.h"
#include "identity/signature.h"
#include "net/http_client.h"
#include "runtime/file.h"
#include "runtime/watch.h"
#include "settings/file.h"

namespace {

using namespace muster;

int failed(const core::Error& error) {
  std::fprintf(stderr, "muster-agent: %s\n", error.message.c_str());
  return 1;
}

core::Result<std::string> read_token(const agent::Options& options) {
  if (!options.token.empty()) return options.token;
  if (options.token_file == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  return runtime::read_file(options.token_file, 4096);
}

core::Status enrol(const agent::Options& options) {
  agent::StateFolder folder(options.state);
  MUSTER_TRY(folder.lock());
  if (folder.enrolled() && !options.again)
    return core::fail(core::Code::kExists, "this machine is enrolled already (" +
                                               folder.path().string() +
                                               "); --again makes a new key and enrols it anew");
  MUSTER_ASSIGN(const std::string token, read_token(options));
  runtime::Loop loop;
  runtime::TaskGroup tasks(loop, "enrol");
  std::optional<core::Result<agent::Enrolment>> result;
  tasks.spawn([](runtime::Loop* on, std::string server, std::string text,
                 std::optional<core::Result<agent::Enrolment>>* out) -> runtime::Task<void> {
    out->emplace(co_await agent::enrol(*on, std::move(server), std::move(text)));
  }(&loop, options.server, token, &result));
  loop.run_until_idle();
  if (!result) return core::fail(core::Code::kInternal, "enrolment ended without a result");
  if (!*result) return core::fail(std::move(result->error()).while_doing("enrolment failed"));
  auto& servers = (*result)->servers;
  servers.insert(servers.begin(), options.gateways.begin(), options.gateways.end());
  MUSTER_TRY(folder.save(**result));
  std::printf("enrolled as %s in region %s\n", (*result)->key.endpoint_id().str().c_str(),
              (*result)->region.c_str());
  return {};
}

/// The ids of the public keys in a file of PEM blocks.
core::Result<std::set<std::string>> read_publishing_keys(const std::filesystem::path& file) {
  constexpr std::size_t kFileBytesMax = 64 * 1024;
  constexpr std::string_view kEnd = "-----END PUBLIC KEY-----";
  MUSTER_ASSIGN(const std::string text, runtime::read_file(file, kFileBytesMax));
  std::set<std::string> ids;
  for (std::size_t from = 0, end = 0; (end = text.find(kEnd, from)) != text.npos;
       from = end + kEnd.size()) {
    const auto key = identity::PublicKey::from_pem(text.substr(from, end + kEnd.size() - from));
    if (!key) return core::fail(core::Error(key.error()).while_doing("--publishing-keys"));
    ids.insert(key->id());
  }
  if (ids.empty())
    return core::fail(core::Code::kInvalid,
                      "--publishing-keys: there is no public key in " + file.string());
  return ids;
}

/// Becomes the program that this one was updated to, if there is one. Returns where this one
/// shall run.
void start_updated(const agent::StateFolder& folder, const std::vector<std::string>& words) {
  agent::ProgramFolder programs(folder.path());
  if (programs.record().programs.empty()) return;
  const auto installed = agent::digest_of("/proc/self/exe");
  if (!installed) return;
  for (std::string digest; !(digest = programs.choose(*installed)).empty();) {
    const core::Error failed = agent::go_over(
        programs.file(digest), words,
        {.kind = agent::Handover::Kind::kStart, .program = digest, .installed = *installed});
    programs.give_up(failed.message);
  }
}

core::Status run(const agent::Options& options, std::vector<std::string> words) {
  if (!core::set_log_level(std::string_view(options.log_level)))
    return core::fail(core::Code::kInvalid, "--log-level is debug, info, warn or error");
  agent::Launch launch{.words = std::move(words)};
  MUSTER_ASSIGN(launch.handover, agent::take_handover());
  agent::StateFolder folder(options.state);
  MUSTER_ASSIGN(agent::Enrolment enrolment, folder.load());
  if (launch.on_trial()) {
    // The agent before is still there and holds the folder. It tells our last line, where we
    // fail: that shall be the reason.
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)core::set_log_level(std::string_view("warn"));
  } else {
    MUSTER_TRY(folder.lock());
  }
  if (!launch.handover) start_updated(folder, launch.words);
  agent::Permissions permissions{.publishing_keys = {},
                                 .only_methods = options.only_methods,
                                 .seeks = !options.no_discovery,
                                 .answers = options.answer_discovery,
                                 .updates = !options.no_self_update,
                                 .user_socket = options.user_socket};
  // On trial its users are still with the agent before.
  if (options.user_socket == "none" || launch.on_trial()) permissions.user_socket.clear();
  if (!options.publishing_keys.empty()) {
    MUSTER_ASSIGN(permissions.publishing_keys, read_publishing_keys(options.publishing_keys));
  }
  if (!options.server.empty() && !launch.on_trial()) {
    MUSTER_ASSIGN(const auto server, net::ServerAddress::parse(options.server));
    enrolment.move_server(server.str());
    MUSTER_TRY(folder.save_servers(enrolment));
  }
  signal(SIGPIPE, SIG_IGN);
  runtime::Loop loop;
  agent::Agent daemon(
      loop, folder, std::move(enrolment), std::move(permissions),
      {.cache_bytes_max = options.cache_bytes_max, .bytes_per_second = options.bytes_per_second},
      std::move(launch));
  runtime::SignalWatch stop(loop, {SIGTERM, SIGINT}, [&, again = false](int) mutable {
    if (!std::exchange(again, true)) return daemon.stop();
    daemon.abandon_work();
    std::_Exit(1);
  });
  daemon.start();
  loop.run();
  return {};
}

void tell_updates(const agent::StateFolder& folder) {
  const agent::ProgramFolder programs(folder.path());
  const agent::UpdateRecord& record = programs.record();
  if (!record.programs.empty())
    std::printf("version      %s, by an update; %s is installed\n",
                record.programs.front().version.c_str(), std::string(agent::version()).c_str());
  if (record.failed)
    std::printf("last update  to %s failed: %s\n", record.failed->program.version.c_str(),
                record.failed->why.c_str());
}

core::Status status(const agent::Options& options) {
  agent::StateFolder folder(options.state);
  MUSTER_ASSIGN(const agent::Enrolment enrolment, folder.load());
  const int pid = folder.holder();
  std::printf("endpoint     %s\nregion       %s\ncertificate  valid until %s\nservers     ",
              enrolment.key.endpoint_id().str().c_str(), enrolment.region.c_str(),
              core::to_rfc3339(enrolment.certificate.not_after()).c_str());
  for (const std::string& server : enrolment.servers) std::printf(" %s", server.c_str());
  std::printf("\nagent        %s\n",
              pid > 0 ? ("runs as process " + std::to_string(pid)).c_str() : "does not run");
  tell_updates(folder);
  const auto link = folder.load_status();
  if (!link) return {};
  if (link->open && pid > 0)
    std::printf("link         open to %s (gateway %s) since %s\n", link->server.c_str(),
                link->gateway.c_str(), link->since.c_str());
  else
    std::printf("link         down since %s: %s\n", link->since.c_str(), link->explanation.c_str());
  return {};
}

/// The mistakes, one a line; the exit status.
int check_config(const agent::Options& options) {
  const std::string file = options.config.empty() ? agent::kConfigFile : options.config;
  const auto mistakes = agent::check_config(file);
  if (!mistakes && options.config.empty() && mistakes.error().code == core::Code::kNotFound) {
    std::printf("there is no %s: the defaults count\n", file.c_str());
    return 0;
  }
  if (!mistakes) {
    failed(mistakes.error());
    return 2;
  }
  if (mistakes->empty())
    std::printf("%s: in order\n", file.c_str());
  else
    std::printf("%s\n", settings::told(file, *mistakes).c_str());
  return mistakes->empty() ? 0 : 2;
}

}  // namespace

int main(int count, char** words) {
  const auto options = agent::parse_options(count, words);
  if (!options) {
    failed(options.error());
    return 2;
  }
  core::Status done;
  switch (options->action) {
    case agent::Options::Action::kHelp:
      std::fputs(agent::help_text().c_str(), stdout);
      return 0;
    case agent::Options::Action::kVersion:
      std::puts(("muster-agent " + std::string(agent::version())).c_str());
      return 0;
    case agent::Options::Action::kEnrol:
      done = enrol(*options);
      break;
    case agent::Options::Action::kRun:
      done = run(*options, std::vector<std::string>(words, words + count));
      break;
    case agent::Options::Action::kCheckConfig:
      return check_config(*options);
    case agent::Options::Action::kPacks:
      done = agent::ask_for_packs(options->user_socket, options->words, options->json);
      break;
    case agent::Options::Action::kStatus:
      done = status(*options);
      break;
  }
  return done ? 0 : failed(done.error());
}
