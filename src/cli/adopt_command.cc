// SPDX-License-Identifier: Apache-2.0
//
// muster adopt: makes machines hosts that an administrator reaches by ssh.
//
// The script is the one that the server gives to everybody (/install.sh); the token is made for
// one machine each and goes with the script by standard input, so that no command line there
// shows it. Which machine is spoken to is ssh's business: its configuration and known hosts hold.
#include <algorithm>
#include <boost/json/object.hpp>

#include "cli/commands.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/json_access.h"
#include "cli/reached_at.h"
#include "cli/remote_shell.h"
#include "cli/text.h"
#include "core/ids.h"

namespace muster::cli {
namespace {

using namespace std::chrono_literals;

constexpr core::Duration kPatience = 5min;       // one machine, from the first packet to its login
constexpr std::int64_t kTokenLifeSeconds = 600;  // as long as it may wait for a slow download
constexpr std::uint64_t kParallel = 8, kParallelMax = 64;

struct AdoptOptions {
  std::vector<std::string> targets;
  std::vector<std::string> labels;
  std::string server;
  std::string gateway;
  std::optional<std::string> ssh_config;
  std::optional<core::Duration> timeout;
  std::optional<std::uint64_t> parallel;
  bool sudo = false;
  bool json = false;
};

/// How it went with one machine.
struct Adoption {
  std::string token_id;
  bool done = false;
  std::string endpoint;  ///< empty where it was a host before
  std::string words;
};

core::Status check_target(const std::string& target) {
  const bool safe = !target.empty() && target.size() <= 260 && !target.starts_with('-') &&
                    std::ranges::all_of(target, [](char c) { return c > ' ' && c != 0x7f; });
  if (safe) return {};
  return core::fail(core::Code::kInvalid,
                    "'" + in_line(target) + "' is no machine for ssh: write user@host");
}

/// Where new machines shall log in, as they reach it.
core::Result<std::string> address_for(const AdoptOptions& options, Client& client) {
  MUSTER_ASSIGN(const std::string from,
                normal_server(options.server.empty() ? reached_at(client) : options.server));
  std::string address = from.substr(8);
  if (options.server.empty() && is_loopback(address))
    return core::fail(
        core::Code::kInvalid,
        "other machines cannot reach " + address +
            ": say by --server how they reach this region's server (which may have to "
            "be started with --listen)");
  return address;
}

core::Result<boost::json::object> wish_of(const AdoptOptions& options) {
  boost::json::object labels, wish{{"uses", 1}, {"expires_in_s", kTokenLifeSeconds}};
  for (const std::string& label : options.labels) {
    const auto equals = label.find('=');
    if (equals == label.npos || equals == 0)
      return core::fail(core::Code::kInvalid,
                        "--label: '" + in_line(label) + "' is not of the form key=value");
    labels[label.substr(0, equals)] = label.substr(equals + 1);
  }
  if (!labels.empty()) wish["labels"] = std::move(labels);
  return wish;
}

std::vector<std::string> ssh_words(const AdoptOptions& options, const std::string& target) {
  std::vector<std::string> words{"ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15"};
  if (options.ssh_config) words.insert(words.end(), {"-F", *options.ssh_config});
  words.insert(words.end(), {"--", target, options.sudo ? "sudo -n sh -s" : "sh -s"});
  return words;
}

/// The last line that says something.
std::string last_line(std::string_view output) {
  std::string last;
  while (!output.empty()) {
    const std::size_t end = std::min(output.find('\n'), output.size());
    std::string_view raw = output.substr(0, end);
    if (raw.ends_with('\r')) raw.remove_suffix(1);  // as a terminal wants it
    std::string line = in_line(raw);
    if (line.find_first_not_of(' ') != line.npos) last = std::move(line);
    output.remove_prefix(std::min(end + 1, output.size()));
  }
  return last;
}

/// What a machine said, as far as it is known who speaks.
void judge(Adoption& adoption, const RemoteResult& result, const AdoptOptions& options) {
  constexpr std::string_view kEnrolled = "enrolled as ";
  if (const auto at = result.output.find(kEnrolled); at != std::string::npos) {
    const auto id = result.output.substr(at + kEnrolled.size(), 26);
    if (core::EndpointId::parse(id)) adoption.endpoint = id;
  }
  adoption.done = result.in_time && result.status == 0;
  if (adoption.done)
    adoption.words = adoption.endpoint.empty() ? "was a host already" : "adopted";
  else if (!result.in_time)
    adoption.words = "not done in time: " + last_line(result.output);
  else if (result.status == 255)
    adoption.words = last_line(result.output);
  else
    adoption.words = last_line(result.output);
  if (result.in_time && result.status == 255 && !adoption.words.starts_with("ssh: "))
    adoption.words.insert(0, "ssh: ");
  if (!adoption.done && !options.sudo && result.output.contains("this has to be root's"))
    adoption.words += " (or: --sudo)";
}

class Adopter {
 public:
  Adopter(Context& context, Client& client, const AdoptOptions& options, boost::json::object wish,
          std::string script)
      : context_(context),
        client_(client),
        options_(options),
        wish_(std::move(wish)),
        script_(std::move(script)),
        found_(options.targets.size()) {}

  int run(const std::string& address) {
    const auto tell = [this] {
      context_.terminal.progress(std::to_string(ended_) + " of " + std::to_string(found_.size()) +
                                 " machines");
    };
    tell();
    run_remote(
        found_.size(), std::min(options_.parallel.value_or(kParallel), kParallelMax),
        options_.timeout.value_or(kPatience),
        [&](std::size_t index) { return job(index, address); },
        [&](std::size_t index, RemoteResult result) {
          end(index, result);
          ++ended_;
          tell();
        });
    context_.terminal.progress("");
    return finish();
  }

 private:
  RemoteJob job(std::size_t index, const std::string& address) {
    const auto made = client_.create("join-tokens", wish_);
    if (!made) {
      found_[index].words = made.error().message;
      return {};
    }
    found_[index].token_id = text(*made, "id");
    std::string set = "set -- --token " + shell_quoted(text(*made, "token")) + " --server " +
                      shell_quoted(address);
    if (!options_.gateway.empty()) set += " --gateway " + shell_quoted(options_.gateway);
    return {ssh_words(options_, options_.targets[index]), set + "\n" + script_};
  }

  void end(std::size_t index, const RemoteResult& result) {
    Adoption& adoption = found_[index];
    if (adoption.words.empty()) judge(adoption, result, options_);
    if (adoption.endpoint.empty() && !adoption.token_id.empty())
      (void)client_.remove("join-tokens", adoption.token_id);  // else it expires by itself
    if (options_.json) return;
    const std::string line = in_line(options_.targets[index]) + "  " + adoption.words +
                             (adoption.endpoint.empty() ? "" : "  " + adoption.endpoint) + "\n";
    if (adoption.done)
      context_.terminal.out(line);
    else
      context_.terminal.err(context_.terminal.paint_error(Color::kRed, "failed  ") + line);
  }

  int finish() {
    const auto good = std::ranges::count_if(found_, &Adoption::done);
    if (options_.json) {
      boost::json::array list;
      for (std::size_t i = 0; i < found_.size(); ++i)
        list.push_back({{"machine", options_.targets[i]},
                        {"adopted", found_[i].done},
                        {"endpoint", found_[i].endpoint},
                        {"message", found_[i].words}});
      context_.terminal.out(pretty(boost::json::object{{"machines", std::move(list)}}));
    } else {
      context_.terminal.err(std::to_string(good) + " of " +
                            count_of(found_.size(), "machine is a host", "machines are hosts") +
                            "\n");
    }
    return static_cast<std::size_t>(good) == found_.size() ? kExitOk : kExitFailed;
  }

  Context& context_;
  Client& client_;
  const AdoptOptions& options_;
  boost::json::object wish_;
  std::string script_;
  std::vector<Adoption> found_;
  std::size_t ended_ = 0;
};

int adopt(Context& context, const AdoptOptions& options) {
  for (const std::string& target : options.targets)
    if (auto good = check_target(target); !good) return report(context, good.error());
  auto wish = wish_of(options);
  if (!wish) return report(context, wish.error());
  auto client = context.connect();
  if (!client) return report(context, client.error());
  const auto address = address_for(options, *client);
  if (!address) return report(context, address.error());
  auto script = client->install_script();
  if (!script) return report(context, script.error());
  return Adopter(context, *client, options, std::move(*wish), std::move(*script)).run(*address);
}

}  // namespace

void add_adopt_command(Command& root) {
  auto options = std::make_shared<AdoptOptions>();
  root.add("adopt", "make machines hosts that are reached by ssh")
      .section("Access")
      .arguments("USER@HOST", "machines as ssh takes them; root, or --sudo", options->targets)
      .flag("--sudo", "become root by sudo there; it must not ask for a password", options->sudo)
      .option("--server", "HOST:PORT",
              "the server as those machines reach it (default: as this command does)",
              options->server)
      .option("--gateway", "HOST:PORT", "let them log in at this gateway", options->gateway)
      .option("--label", "KEY=VALUE", "a label that they get; may be repeated", options->labels)
      .option("--parallel", "N", "so many at a time (default: 8, at most 64)", options->parallel)
      .option("--timeout", "DURATION", "give up on one after so long (default: 5m)",
              options->timeout)
      .option("--ssh-config", "FILE", "instead of ~/.ssh/config", options->ssh_config)
      .flag("--json", "print the results as JSON", options->json)
      .details(
          "The server's install script runs on each machine: it fetches the agent, verifies it, "
          "installs it, enrols, starts. It takes a token that is good for this one machine and ten "
          "minutes, and goes by standard input.\n\nThe system's ssh is used, with your "
          "configuration, keys and known hosts; it never asks. A machine whose key is not known "
          "yet is refused: log in to it once, or see StrictHostKeyChecking in ssh_config(5).\n\n"
          "Exit status: 0 all are hosts now, 1 some are not.")
      .example("muster adopt root@web1 root@web2 --label role=web", "two machines, with a label")
      .example("muster adopt --sudo ada@db7 --server fleet.example.org:7443",
               "by sudo, and by the name that it knows the server by")
      .action([options](Context& context) { return adopt(context, *options); });
}

}  // namespace muster::cli
