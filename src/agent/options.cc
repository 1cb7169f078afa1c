// SPDX-License-Identifier: Apache-2.0
#include "agent/options.h"

#include <getopt.h>

#include <algorithm>

#include "agent/state_folder.h"
#include "core/bytes.h"
#include "core/size_text.h"
#include "net/http_client.h"

namespace muster::agent {
namespace {

constexpr const char* kSeeHelp = "; see `muster-agent --help`";

enum {
  kHelp = 1,
  kVersion,
  kState,
  kServer,
  kGateway,
  kToken,
  kTokenFile,
  kAgain,
  kLogLevel,
  kPublishingKeys,
  kOnlyMethods,
  kCacheSize,
  kDownloadRate,
  kNoDiscovery,
  kAnswerDiscovery
};
constexpr option kLong[] = {{"help", no_argument, nullptr, kHelp},
                            {"version", no_argument, nullptr, kVersion},
                            {"state", required_argument, nullptr, kState},
                            {"server", required_argument, nullptr, kServer},
                            {"gateway", required_argument, nullptr, kGateway},
                            {"token", required_argument, nullptr, kToken},
                            {"token-file", required_argument, nullptr, kTokenFile},
                            {"again", no_argument, nullptr, kAgain},
                            {"log-level", required_argument, nullptr, kLogLevel},
                            {"publishing-keys", required_argument, nullptr, kPublishingKeys},
                            {"only-methods", no_argument, nullptr, kOnlyMethods},
                            {"cache-size", required_argument, nullptr, kCacheSize},
                            {"download-rate", required_argument, nullptr, kDownloadRate},
                            {"no-discovery", no_argument, nullptr, kNoDiscovery},
                            {"answer-discovery", no_argument, nullptr, kAnswerDiscovery},
                            {nullptr, 0, nullptr, 0}};

core::Result<Options::Action> action_of(std::string_view word) {
  if (word == "enrol" || word == "enroll") return Options::Action::kEnrol;
  if (word == "run") return Options::Action::kRun;
  if (word == "status") return Options::Action::kStatus;
  if (word == "help") return Options::Action::kHelp;
  return core::fail(core::Code::kInvalid,
                    "there is no command " + core::printable(word, 60) + kSeeHelp);
}

core::Status read_size(std::string_view text, std::uint64_t& bytes) {
  MUSTER_ASSIGN(bytes, core::parse_size(text));
  return {};
}

core::Status add_gateways(std::string_view list, std::vector<std::string>& gateways) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    MUSTER_ASSIGN(const auto address, net::ServerAddress::parse(list.substr(0, end)));
    gateways.push_back(address.str());
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return {};
}

}  // namespace

std::string_view help_text() {
  return R"(muster-agent: makes this machine an endpoint of a Muster region

  muster-agent enrol [--server HOST] --token TOKEN        get a certificate, once
  muster-agent run                                        log in and stay
  muster-agent status                                     how it stands

Options
  --state DIR        the state folder (default: $MUSTER_STATE or ~/.local/share/muster)
  --server HOST      the server to enrol at; port 7443 where none is named; _muster._tcp.DOMAIN
                     asks DNS (SRV); without it, whoever answers on this machine's networks
                     run: the region's server has moved to this address
  --gateway HOST     enrol: log in at this gateway, not at the server, as long as it answers;
                     several are separated by commas, the best one first
  --token TOKEN      a join token (mjt1...), made by `muster token create`
  --token-file FILE  reads the token from a file, or from standard input by -
  --again            enrol: make a new key although this machine is enrolled already
  --publishing-keys FILE   run: obey methods only where one of these public keys (PEM) has
                     signed them, whatever keys the region trusts
  --only-methods     run: refuse command lines
  --cache-size SIZE  run: keep at most so much of what was fetched (default: 1G)
  --download-rate SIZE   run: fetch at most so much a second, all in all (512K, 10M)
  --no-discovery     do not ask the networks here for servers and gateways
  --answer-discovery run: tell members of the region who ask (UDP port 7444) that it is here
  --log-level LEVEL  run: debug, info, warn or error
  --help, --version

Example
  muster-agent enrol --server muster.example.org --token-file token.txt && muster-agent run
)";
}

core::Result<Options> parse_options(int count, char* const* words) {
  Options options;
  options.state = StateFolder::default_root();
  optind = 0;
  opterr = 0;
  for (int found; (found = getopt_long(count, words, "", kLong, nullptr)) != -1;) {
    switch (found) {
      case kHelp:
        return options;
      case kVersion:
        options.action = Options::Action::kVersion;
        return options;
      case kState:
        options.state = optarg;
        break;
      case kServer:
        options.server = optarg;
        break;
      case kGateway:
        MUSTER_TRY(add_gateways(optarg, options.gateways));
        break;
      case kToken:
        options.token = optarg;
        break;
      case kTokenFile:
        options.token_file = optarg;
        break;
      case kAgain:
        options.again = true;
        break;
      case kLogLevel:
        options.log_level = optarg;
        break;
      case kPublishingKeys:
        options.publishing_keys = optarg;
        break;
      case kOnlyMethods:
        options.only_methods = true;
        break;
      case kCacheSize:
        MUSTER_TRY(read_size(optarg, options.cache_bytes_max));
        break;
      case kDownloadRate:
        MUSTER_TRY(read_size(optarg, options.bytes_per_second));
        break;
      case kNoDiscovery:
        options.no_discovery = true;
        break;
      case kAnswerDiscovery:
        options.answer_discovery = true;
        break;
      default:
        return core::fail(
            core::Code::kInvalid,
            "cannot read the option " + core::printable(words[optind - 1], 60) + kSeeHelp);
    }
  }
  if (optind == count)
    return core::fail(core::Code::kInvalid, std::string("no command") + kSeeHelp);
  if (optind + 1 < count)
    return core::fail(core::Code::kInvalid,
                      "one word too many: " + core::printable(words[optind + 1], 60) + kSeeHelp);
  MUSTER_ASSIGN(options.action, action_of(words[optind]));
  if (options.state.empty()) return core::fail(core::Code::kInvalid, "--state is empty");
  if (options.action == Options::Action::kEnrol &&
      options.token.empty() == options.token_file.empty())
    return core::fail(core::Code::kInvalid, "enrol needs either --token or --token-file");
  if (options.action == Options::Action::kEnrol && options.no_discovery && options.server.empty())
    return core::fail(core::Code::kInvalid, "enrol needs --server HOST with --no-discovery");
  return options;
}

}  // namespace muster::agent
