// SPDX-License-Identifier: Apache-2.0
//
// muster config: are the configuration files in order, and what may stand in them.
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/json_access.h"
#include "cli/text.h"
#include "runtime/file.h"
#include "settings/file.h"

namespace muster::cli {
namespace {

struct CheckOptions {
  std::vector<std::string> files;
  std::optional<std::string> program;
  bool json = false;
};

/// One file and what was found. Line 0: of the file as a whole.
struct Verdict {
  std::string file;
  std::vector<settings::Mistake> mistakes;
};

Verdict check_file(Context& context, const std::string& file, const Configured& program) {
  const auto text = file == "-" ? context.terminal.read_all(settings::kTextBytesMax + 1)
                                : runtime::read_file(file, settings::kTextBytesMax);
  if (!text) return {file, {{0, text.error().message}}};
  return {file, settings::check(*text, program.settings).mistakes};
}

/// Whose file it is, by its name: "server.toml", "/x/my-gateway.conf".
const Configured* program_of(const std::vector<Configured>& programs, const std::string& file) {
  const std::string name = std::filesystem::path(file).filename();
  const Configured* found = nullptr;
  for (const Configured& program : programs) {
    if (!name.contains(program.name)) continue;
    if (found) return nullptr;
    found = &program;
  }
  return found;
}

/// The files that are there, where none is named.
std::vector<std::string> default_files(const std::vector<Configured>& programs) {
  std::vector<std::string> found;
  for (const Configured& program : programs)
    if (::access(program.config_file.c_str(), F_OK) == 0) found.push_back(program.config_file);
  return found;
}

void show(Context& context, const std::vector<Verdict>& verdicts, bool json) {
  boost::json::array list;
  for (const Verdict& verdict : verdicts) {
    boost::json::array mistakes;
    for (const auto& mistake : verdict.mistakes) {
      mistakes.push_back({{"line", mistake.line}, {"message", mistake.message}});
      if (json) continue;
      const std::string line = mistake.line == 0 ? "" : ":" + std::to_string(mistake.line);
      context.terminal.out(in_line(verdict.file) + line + ": " + in_line(mistake.message) + "\n");
    }
    if (verdict.mistakes.empty() && !json)
      context.terminal.out(in_line(verdict.file) + ": in order\n");
    list.push_back({{"file", verdict.file}, {"mistakes", std::move(mistakes)}});
  }
  if (json) context.terminal.out(pretty(boost::json::object{{"files", std::move(list)}}));
}

int check(Context& context, const CheckOptions& options) {
  const auto programs = configured_programs(*context.root);
  const auto files = options.files.empty() ? default_files(programs) : options.files;
  if (files.empty() && !options.json)
    context.terminal.err("There is no configuration file in /etc/muster: the defaults count\n");
  std::vector<Verdict> verdicts;
  for (const std::string& file : files) {
    const auto named = std::ranges::find(programs, options.program.value_or(""), &Configured::name);
    const Configured* program = named == programs.end() ? program_of(programs, file) : &*named;
    if (!program)
      return report(context,
                    {core::Code::kInvalid, "whose file is " + in_line(file) +
                                               "? Say it by --for server, gateway, host or agent"});
    verdicts.push_back(check_file(context, file, *program));
  }
  show(context, verdicts, options.json);
  const bool good = std::ranges::all_of(verdicts, [](auto& each) { return each.mistakes.empty(); });
  return good ? kExitOk : kExitUsage;
}

struct DefaultOptions {
  std::string program;
  std::vector<std::string> set;
};

int print_default(Context& context, const DefaultOptions& options) {
  std::map<std::string, std::string> set;
  for (const std::string& each : options.set) {
    const auto equals = each.find('=');
    if (equals == each.npos)
      return report(context, {core::Code::kInvalid, "--set takes KEY=VALUE, not " + in_line(each)});
    set[each.substr(0, equals)] = each.substr(equals + 1);
  }
  const auto programs = configured_programs(*context.root);
  const auto program = std::ranges::find(programs, options.program, &Configured::name);
  const auto text = settings::default_file(program->heading(), program->settings, set);
  if (!text) return report(context, text.error());
  context.terminal.out(*text);
  return kExitOk;
}

}  // namespace

void add_config_commands(Command& root) {
  Command& config = root.add("config", "check configuration files, or print one to begin with");
  config.section("Region").example("muster config check", "are those in /etc/muster in order?");

  auto checked = std::make_shared<CheckOptions>();
  config.add("check", "tell every mistake in configuration files, by line")
      .optional_arguments("FILE", "the files (default: those in /etc/muster; -: standard input)",
                          checked->files)
      .option("--for", "PROGRAM", "whose they are (default: by the file's name)", checked->program)
      .choices({"server", "gateway", "host", "agent"})
      .flag("--json", "print the findings as JSON", checked->json)
      .details(
          "Looks at keys, types, ports, and whether folders and files that are named can be used. "
          "Exit status: 0 all in order, 2 there are mistakes.")
      .example("muster config check", "before the services are restarted")
      .example("muster config check new.toml --for gateway", "a file of any name")
      .action([checked](Context& context) { return check(context, *checked); });

  auto printed = std::make_shared<DefaultOptions>();
  config.add("default", "print a configuration file with every key explained")
      .argument("PROGRAM", "server, gateway, host or agent", printed->program)
      .choices({"server", "gateway", "host", "agent"})
      .option("--set", "KEY=VALUE", "a line that counts (default: all are comments)", printed->set)
      .example("muster config default server >server.toml", "a file to begin with")
      .example("muster config default gateway --set name=edge1 --set server=fleet.example.org:7443",
               "for a machine that is set up by a script")
      .action([printed](Context& context) { return print_default(context, *printed); });
}

}  // namespace muster::cli
