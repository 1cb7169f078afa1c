// SPDX-License-Identifier: Apache-2.0
#include "agent/options.h"

#include <getopt.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "agent/packs_command.h"
#include "agent/state_folder.h"
#include "core/bytes.h"
#include "core/size_text.h"
#include "net/http_client.h"
#include "runtime/file.h"
#include "settings/file.h"

namespace muster::agent {
namespace {

using muster::settings::Kind;
using muster::settings::Setting;

constexpr const char* kSeeHelp = "; see `muster-agent --help`";
constexpr std::size_t kHelpColumn = 27;

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

core::Status check_address(std::string_view text) {
  const auto address = net::ServerAddress::parse(text);
  return address ? core::Status{} : core::fail(core::Error(address.error()));
}

/// One long option.
struct Row {
  const char* name;
  const char* value;  ///< null: a switch
  const char* help;   ///< as it stands in the help
  core::Status (*set)(Options& options, std::string_view value);
  const char* sample = nullptr;  ///< it may stand in the file, as this shows
  Kind kind = Kind::kText;
  const char* environment = "";
  core::Status (*check)(std::string_view value) = nullptr;
};

constexpr const char* kLevels[] = {"debug", "info", "warn", "error"};

const Row kRows[] = {
    {"state", "DIR", "the state folder (default: $MUSTER_STATE or ~/.local/share/muster)",
     [](Options& o, std::string_view v) { return o.state = v, core::Status{}; },
     "/var/lib/muster-agent", Kind::kFolder, "MUSTER_STATE"},
    {"server", "HOST",
     "the server to enrol at; port 7443 where none is named, _muster._tcp.DOMAIN asks DNS (SRV); "
     "without it, whoever answers on this machine's networks. run: the region's server has moved "
     "to this address",
     [](Options& o, std::string_view v) { return o.server = v, core::Status{}; },
     "fleet.example.org:7443", Kind::kText, "", check_address},
    {"gateway", "HOST",
     "enrol: log in at this gateway, not at the server, as long as it answers; several are "
     "separated by commas, the best one first",
     [](Options& o, std::string_view v) { return add_gateways(v, o.gateways); },
     "edge1.example.org:7443", Kind::kList, "", check_address},
    {"token", "TOKEN", "a join token (mjt1...), made by `muster token create`",
     [](Options& o, std::string_view v) { return o.token = v, core::Status{}; }},
    {"token-file", "FILE", "reads the token from a file, or from standard input by -",
     [](Options& o, std::string_view v) { return o.token_file = v, core::Status{}; }},
    {"again", nullptr, "enrol: make a new key although this machine is enrolled already",
     [](Options& o, std::string_view) { return o.again = true, core::Status{}; }},
    {"publishing-keys", "FILE",
     "run: obey methods only where one of these public keys (PEM) has signed them, whatever keys "
     "the region trusts",
     [](Options& o, std::string_view v) { return o.publishing_keys = v, core::Status{}; },
     "/etc/muster/publishing-keys.pem", Kind::kFile},
    {"only-methods", nullptr, "run: refuse command lines",
     [](Options& o, std::string_view v) { return o.only_methods = v != "false", core::Status{}; },
     "false", Kind::kSwitch},
    {"cache-size", "SIZE", "run: keep at most so much of what was fetched (default: 1G)",
     [](Options& o, std::string_view v) { return read_size(v, o.cache_bytes_max); }, "1G",
     Kind::kSize},
    {"download-rate", "SIZE", "run: fetch at most so much a second, all in all (512K, 10M)",
     [](Options& o, std::string_view v) { return read_size(v, o.bytes_per_second); }, "10M",
     Kind::kSize},
    {"no-discovery", nullptr, "do not ask the networks here for servers and gateways",
     [](Options& o, std::string_view v) { return o.no_discovery = v != "false", core::Status{}; },
     "false", Kind::kSwitch},
    {"answer-discovery", nullptr,
     "run: tell members of the region who ask (UDP port 7444) that it is here",
     [](Options& o, std::string_view v) {
       return o.answer_discovery = v != "false", core::Status{};
     },
     "false", Kind::kSwitch},
    {"no-self-update", nullptr,
     "run: refuse orders to update this agent; its package or its administrator does",
     [](Options& o, std::string_view v) { return o.no_self_update = v != "false", core::Status{}; },
     "false", Kind::kSwitch},
    {"user-socket", "FILE",
     "where users of this machine ask for file packs; none: nowhere (default: user.sock in the "
     "folder that systemd gives to the service, /run/muster-agent)",
     [](Options& o, std::string_view v) { return o.user_socket = v, core::Status{}; },
     "/run/muster-agent/user.sock"},
    {"json", nullptr, "packs: print the agent's JSON, a line each",
     [](Options& o, std::string_view) { return o.json = true, core::Status{}; }},
    {"log-level", "LEVEL", "run: debug, info, warn or error",
     [](Options& o, std::string_view v) { return o.log_level = v, core::Status{}; }, "info"},
    {"config", "FILE",
     "read settings from this file; options and the environment go before it (default: "
     "/etc/muster/agent.toml, if it is there)",
     [](Options& o, std::string_view v) { return o.config = v, core::Status{}; }},
};
constexpr std::size_t kRowCount = std::size(kRows);
constexpr int kHelp = 1'000, kVersion = 1'001;

constexpr HelpRow kCommands[] = {
    {"enrol", "get a certificate for this machine, once"},
    {"run", "log in and stay"},
    {"status", "say how it stands"},
    {"packs list", "the file packs that this machine may have; for any user"},
    {"packs get NAME[@VERSION]", "install one of them, by the running agent; for any user"},
    {"check-config", "tell every mistake in the configuration file, by line"},
};

core::Result<Options::Action> action_of(std::string_view word) {
  if (word == "enrol" || word == "enroll") return Options::Action::kEnrol;
  if (word == "run") return Options::Action::kRun;
  if (word == "status") return Options::Action::kStatus;
  if (word == "packs") return Options::Action::kPacks;
  if (word == "check-config") return Options::Action::kCheckConfig;
  if (word == "help") return Options::Action::kHelp;
  return core::fail(core::Code::kInvalid,
                    "there is no command " + core::printable(word, 60) + kSeeHelp);
}

/// The command line as it stands: values by the row they belong to.
struct Words {
  std::optional<Options::Action> at_once;  ///< --help, --version
  std::vector<std::pair<std::size_t, std::string>> values;
  bool has(std::size_t row) const {
    return std::ranges::any_of(values, [&](const auto& each) { return each.first == row; });
  }
};

core::Result<Words> read_words(int count, char* const* words) {
  std::vector<option> known;
  for (std::size_t i = 0; i < kRowCount; ++i)
    known.push_back({kRows[i].name, kRows[i].value ? required_argument : no_argument, nullptr,
                     static_cast<int>(i)});
  known.push_back({"help", no_argument, nullptr, kHelp});
  known.push_back({"version", no_argument, nullptr, kVersion});
  known.push_back({});
  Words found;
  optind = 0;
  opterr = 0;
  for (int id; (id = getopt_long(count, words, "", known.data(), nullptr)) != -1;) {
    if (id == kHelp || id == kVersion) {
      found.at_once = id == kHelp ? Options::Action::kHelp : Options::Action::kVersion;
      return found;
    }
    if (id == '?' || id == ':')
      return core::fail(
          core::Code::kInvalid,
          "cannot read the option " + core::printable(words[optind - 1], 60) + kSeeHelp);
    found.values.emplace_back(static_cast<std::size_t>(id), optarg ? optarg : "true");
  }
  return found;
}

/// The file's values, as far as neither the command line nor the environment gives them.
core::Status read_config(const Words& words, Options& options) {
  const std::string file = options.config.empty() ? kConfigFile : options.config;
  const auto text = runtime::read_file(file, muster::settings::kTextBytesMax);
  if (!text && options.config.empty() && text.error().code == core::Code::kNotFound) return {};
  if (!text) return core::fail(core::Code::kInvalid, text.error().message);
  const auto known = settings();
  const auto checked = muster::settings::check(*text, known);
  if (!checked.mistakes.empty())
    return core::fail(core::Code::kInvalid, muster::settings::told(file, checked.mistakes));
  for (const auto& value : checked.values) {
    const auto row = std::ranges::find(kRows, value.key, &Row::name);
    const char* variable = *row->environment ? std::getenv(row->environment) : nullptr;
    if (words.has(static_cast<std::size_t>(row - kRows)) || (variable && *variable)) continue;
    for (const std::string& each : value.values) MUSTER_TRY(row->set(options, each));
  }
  return {};
}

/// Any user may ask, also one who may not read the agent's configuration.
core::Status read_pack_words(const Words& given, int count, char* const* words, Options& options) {
  for (int i = optind + 1; i < count; ++i) options.words.emplace_back(words[i]);
  if (options.words.empty())
    return core::fail(core::Code::kInvalid, "say `packs list`, or `packs get NAME`");
  const core::Status read = read_config(given, options);
  if (!read && !options.config.empty()) return read;
  if (options.user_socket.empty() || options.user_socket == "none")
    options.user_socket = kUserSocket;
  return {};
}

std::string left_of(const Row& row) {
  return "--" + std::string(row.name) + (row.value ? " " + std::string(row.value) : "");
}

void add_help_row(std::string& text, std::string_view left, std::string_view right) {
  const std::string indent(kHelpColumn, ' ');
  std::string lines = muster::settings::folded(right, 96, indent);
  std::string begin = "  " + std::string(left);
  if (begin.size() + 2 > kHelpColumn)
    text += begin + "\n" + lines;
  else
    text += begin + lines.substr(begin.size());
}

}  // namespace

std::string_view summary() {
  return "makes this machine an endpoint of a Muster region";
}

std::span<const HelpRow> command_rows() {
  return kCommands;
}

std::vector<std::pair<std::string, std::string>> option_rows() {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Row& row : kRows) rows.emplace_back(left_of(row), row.help);
  rows.emplace_back("--help", "show this help");
  rows.emplace_back("--version", "show the version");
  return rows;
}

std::string help_text() {
  std::string text = "muster-agent: " + std::string(summary()) +
                     "\n\n"
                     "  muster-agent enrol [--server HOST] --token TOKEN\n"
                     "  muster-agent run\n\nCommands\n";
  for (const HelpRow& row : kCommands) add_help_row(text, row.left, row.right);
  text += "\nOptions\n";
  for (const auto& [left, right] : option_rows()) add_help_row(text, left, right);
  text +=
      "\nExample\n"
      "  muster-agent enrol --server muster.example.org --token-file token.txt && muster-agent "
      "run\n";
  return text;
}

std::vector<Setting> settings() {
  std::vector<Setting> found;
  for (const Row& row : kRows) {
    if (!row.sample) continue;
    Setting setting{row.name, row.kind, row.help, row.sample, {}, row.environment, {}};
    if (row.check) setting.check = row.check;
    if (std::string_view(row.name) == "log-level")
      setting.choices.assign(std::begin(kLevels), std::end(kLevels));
    found.push_back(std::move(setting));
  }
  return found;
}

core::Result<std::vector<muster::settings::Mistake>> check_config(const std::string& file) {
  MUSTER_ASSIGN(const std::string text, runtime::read_file(file, muster::settings::kTextBytesMax));
  return muster::settings::check(text, settings()).mistakes;
}

core::Result<Options> parse_options(int count, char* const* words) {
  Options options;
  options.state = StateFolder::default_root();
  MUSTER_ASSIGN(const Words given, read_words(count, words));
  if (given.at_once) {
    options.action = *given.at_once;
    return options;
  }
  for (const auto& [row, value] : given.values) MUSTER_TRY(kRows[row].set(options, value));
  if (optind == count)
    return core::fail(core::Code::kInvalid, std::string("no command") + kSeeHelp);
  if (std::string_view(words[optind]) == "packs") {
    options.action = Options::Action::kPacks;
    MUSTER_TRY(read_pack_words(given, count, words, options));
    return options;
  }
  if (optind + 1 < count)
    return core::fail(core::Code::kInvalid,
                      "one word too many: " + core::printable(words[optind + 1], 60) + kSeeHelp);
  MUSTER_ASSIGN(options.action, action_of(words[optind]));
  using Action = Options::Action;
  if (options.action == Action::kHelp || options.action == Action::kCheckConfig) return options;
  MUSTER_TRY(read_config(given, options));
  if (options.state.empty()) return core::fail(core::Code::kInvalid, "--state is empty");
  if (options.user_socket.empty())
    if (const char* folder = std::getenv("RUNTIME_DIRECTORY"); folder && *folder)
      options.user_socket = std::string(folder) + "/user.sock";
  if (options.action != Action::kEnrol) return options;
  if (options.token.empty() == options.token_file.empty())
    return core::fail(core::Code::kInvalid, "enrol needs either --token or --token-file");
  if (options.no_discovery && options.server.empty())
    return core::fail(core::Code::kInvalid, "enrol needs --server HOST with --no-discovery");
  return options;
}

}  // namespace muster::agent
