// SPDX-License-Identifier: Apache-2.0
#include "manual/pages.h"

#include "agent/options.h"
#include "cli/app.h"
#include "cli/completion.h"
#include "cli/config_file.h"
#include "core/assert.h"
#include "manual/roff.h"
#include "settings/file.h"

namespace muster::manual {
namespace {

using cli::Command;

/// Where the package's agent keeps its state; its folder is root's own, not the server's.
constexpr const char* kAgentState = "/var/lib/muster-agent";

void name(Roff& page, std::string_view name, std::string_view summary) {
  page.heading("NAME").paragraph(std::string(name) + " - " + std::string(summary));
}

void options(Roff& page, const Command& command) {
  for (const auto& argument : command.positionals())
    if (!argument.help.empty()) page.item(argument.name, argument.help);
  if (command.rest()) page.item(command.rest()->name, command.rest()->help);
  for (const auto& option : command.options()) {
    std::string names = option.names;
    if (const auto comma = names.find(','); comma != std::string::npos)
      names.insert(comma + 1, " ");
    page.item(names + (option.value.empty() ? "" : " " + option.value), option.help);
  }
}

void examples(Roff& page, const Command& command) {
  std::string text;
  for (const auto& example : command.examples())
    text += (text.empty() ? "" : "\n") + ("# " + example.meaning) + "\n" + example.line;
  if (!text.empty()) page.literal(text);
}

void commands(Roff& page, const Command& command) {
  if (command.run()) {
    page.subheading(command.usage());
    page.paragraph(command.summary() + ".");
    if (!command.details().empty()) page.paragraph(command.details());
    options(page, command);
    examples(page, command);
  }
  for (const auto& child : command.children()) commands(page, *child);
}

void environment(Roff& page) {
  page.heading("ENVIRONMENT")
      .item("MUSTER_SERVER", "The region's address, as https://fleet.example.org:7443.")
      .item("MUSTER_TOKEN", "An API token, with MUSTER_SERVER.")
      .item("MUSTER_CA", "The file of the region's authority, with MUSTER_SERVER.")
      .item("MUSTER_CA_FINGERPRINT", "Or its fingerprint.")
      .item("MUSTER_STATE", "The folder in which server, gateway and agent keep their state.")
      .item("MUSTER_DATABASE", "The database of muster server, as its option --database.");
}

Roff command_line(const Command& root, std::string_view date) {
  Roff page("muster", 1, date);
  name(page, "muster", root.summary());
  page.heading("SYNOPSIS").paragraph_bold("muster COMMAND ...");
  page.heading("DESCRIPTION").paragraph(root.details());
  page.paragraph("muster COMMAND --help tells the same of one command.");
  page.heading("COMMANDS");
  for (const auto& child : root.children()) commands(page, *child);
  page.heading("EXIT STATUS")
      .item("0", "All succeeded.")
      .item("1", "Some target did not succeed, or the server refused the request.")
      .item("2", "The command line, a selector or a configuration file is wrong.")
      .item("3", "No host matches, or what was named does not exist.")
      .item("4", "Not logged in, or not permitted.")
      .item("5", "The server did not answer.")
      .item("130", "Interrupted.");
  environment(page);
  page.heading("FILES")
      .item("~/.config/muster/client.json", "Written by muster login.")
      .item("/var/lib/muster/client.json", "Of this machine's server; for root.")
      .item("/etc/muster", "Configuration files.");
  page.heading("SEE ALSO")
      .paragraph("muster-server(8), muster-gateway(8), muster-host(8), muster-agent(8)");
  return page;
}

Roff service(const Command& command, std::string_view date) {
  const std::string title = "muster-" + command.name();
  Roff page(title, 8, date);
  name(page, title, command.summary());
  page.heading("SYNOPSIS").paragraph_bold(command.usage());
  page.heading("DESCRIPTION").paragraph(command.details());
  page.paragraph("The package's service is " + title + ".service; it runs as the user muster.");
  page.heading("OPTIONS");
  options(page, command);
  page.heading("EXAMPLES");
  examples(page, command);
  page.heading("FILES").item(command.default_config(), "Its configuration.");
  page.item(cli::kSystemState, "The state of the package's service.");
  page.heading("SEE ALSO").paragraph("muster(1), " + title + ".toml(5)");
  return page;
}

Roff agent_page(std::string_view date) {
  Roff page("muster-agent", 8, date);
  name(page, "muster-agent", agent::summary());
  page.heading("SYNOPSIS").paragraph_bold("muster-agent COMMAND [options]");
  page.heading("DESCRIPTION")
      .paragraph(
          "The agent logs in to its region, does what it is ordered to, answers, and sleeps. It "
          "runs "
          "as root: what it is ordered may be anything.");
  page.heading("COMMANDS");
  for (const auto& row : agent::command_rows()) page.item(row.left, row.right);
  page.heading("OPTIONS");
  for (const auto& [left, right] : agent::option_rows()) page.item(left, right);
  page.heading("EXIT STATUS")
      .item("0", "Done.")
      .item("1", "Failed.")
      .item("2", "The command line or the configuration file is wrong.");
  page.heading("FILES").item(agent::kConfigFile, "Its configuration.");
  page.item(kAgentState, "The state of the package's service: key, certificate, where to log in.");
  page.heading("SEE ALSO").paragraph("muster(1), muster-agent.toml(5)");
  return page;
}

Roff config_page(const cli::Configured& program, std::string_view date) {
  const std::string title = "muster-" + program.name + ".toml";
  Roff page(title, 5, date);
  name(page, title, "configuration of " + program.program);
  page.heading("SYNOPSIS").paragraph_bold(program.config_file);
  page.heading("DESCRIPTION")
      .paragraph(
          "A line a setting: key = value, in a subset of TOML: texts in quotes, whole numbers, "
          "true "
          "and false, lists of texts, and comments; no sections. The keys are the names of the "
          "long options. An option of the command line goes before the environment, which goes "
          "before the file. With a mistake in its file the program does not start.");
  page.heading("KEYS");
  for (const auto& setting : program.settings)
    page.item(setting.key, setting.help + " (" + std::string(settings::name(setting.kind)) + ")");
  page.heading("SEE ALSO").paragraph("muster-" + program.name + "(8)");
  return page;
}

/// As the packages install it: the state is a system's, not a person's.
std::string config_file(const cli::Configured& program) {
  const auto text = settings::default_file(
      program.heading(), program.settings,
      {{"state", program.name == "agent" ? kAgentState : cli::kSystemState}});
  MUSTER_ASSERT(text.has_value());
  return *text;
}

}  // namespace

std::map<std::string, std::string> files(std::string_view date) {
  const auto root = cli::build_tree();
  std::map<std::string, std::string> made;
  made["man/muster.1"] = command_line(*root, date).text();
  for (const char* each : {"server", "gateway", "host"})
    made["man/muster-" + std::string(each) + ".8"] = service(*root->child(each), date).text();
  made["man/muster-agent.8"] = agent_page(date).text();
  for (const auto& program : cli::configured_programs(*root)) {
    made["man/muster-" + program.name + ".toml.5"] = config_page(program, date).text();
    made["etc/" + program.name + ".toml"] = config_file(program);
  }
  made["completion/bash"] = cli::bash_completion(*root);
  made["completion/zsh"] = cli::zsh_completion(*root);
  made["completion/fish"] = cli::fish_completion(*root);
  return made;
}

}  // namespace muster::manual
