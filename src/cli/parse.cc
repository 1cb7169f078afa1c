// SPDX-License-Identifier: Apache-2.0
//
// The only file that knows the parser library. It leaves to it what options look
// like (`-q`, `--name value`, `--name=value`) and which command is meant;
// arguments, what follows `--` and the wording of errors are ours: a host may
// be called "[a,b]" or like one of our commands.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <map>

#include "cli/command.h"
#include "core/bytes.h"

namespace muster::cli {
namespace {

/// One command's values as they were found.
struct Found {
  const Command* command = nullptr;
  bool help = false;
  std::map<std::size_t, std::vector<std::string>> values;  // by option
};

void mirror(const Command& command, CLI::App& app, std::map<const CLI::App*, Found>& found) {
  Found& mine = found[&app];
  mine.command = &command;
  app.set_help_flag("");
  app.set_help_all_flag("");
  app.allow_extras();
  app.require_subcommand(0, 1);
  app.add_flag_callback("-h,--help", [&mine] { mine.help = true; });
  for (std::size_t i = 0; i < command.options().size(); ++i) {
    const Option& option = command.options()[i];
    if (option.value.empty()) {
      app.add_flag_callback(option.names, [&mine, i] { mine.values[i] = {"true"}; });
    } else {
      app.add_option(option.names,
                     [&mine, i](const CLI::results_t& values) {
                       mine.values[i] = values;
                       return true;
                     })
          ->expected(1)
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }
  }
  for (const auto& child : command.children()) {
    mirror(*child, *app.add_subcommand(child->name(), ""), found);
  }
}

std::unexpected<core::Error> misuse(const Command& command, std::string what) {
  return core::fail(core::Code::kInvalid, std::move(what) + "\nUsage: " + command.usage() +
                                              "\nMore: " + command.full_name() + " --help");
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::unexpected<core::Error> unknown_word(const Command& command, const std::string& word) {
  std::vector<std::string> known;
  const bool option = word.starts_with('-');
  if (option) {
    for (const auto& each : command.options()) known.push_back(each.long_name());
    known.emplace_back("--help");
  } else {
    for (const auto& each : command.children()) known.push_back(each->name());
  }
  const std::string shown = "'" + core::printable(word, 64) + "'";
  const std::string guess = closest(word.substr(0, word.find('=')), known);
  std::string text = option                       ? "unknown option " + shown
                     : command.children().empty() ? "unexpected argument " + shown
                                                  : "unknown command " + shown;
  const Command* top = &command;
  while (top->parent() != nullptr) top = top->parent();
  const bool of_all = std::ranges::any_of(top->options(), [&](const Option& each) {
    return each.long_name() == word.substr(0, word.find('='));
  });
  if (of_all && top != &command)
    text += "; it stands before the command: " + top->name() + " " + word + " …";
  else if (!guess.empty())
    text += "; did you mean " + guess + "?";
  if (!option && command.rest()) text += "; " + command.rest()->name + " stands behind --";
  return misuse(command, std::move(text));
}

core::Status give(const Command& command, const std::string& name, const Setter& set,
                  const std::vector<std::string>& choices, const std::string& value) {
  if (!choices.empty() && std::ranges::find(choices, value) == choices.end()) {
    return misuse(command,
                  name + ": '" + core::printable(value, 64) + "' is none of " + joined(choices));
  }
  if (auto done = set(value); !done) return misuse(command, name + ": " + done.error().message);
  return {};
}

core::Status set_options(const Command& command, const Found& found) {
  for (const auto& [index, values] : found.values) {
    const Option& option = command.options()[index];
    if (values.size() > 1 && !option.repeatable) {
      return misuse(command, option.long_name() + " is given more than once");
    }
    for (const auto& value : values) {
      if (option.check)
        if (auto good = option.check(value); !good)
          return misuse(command, option.long_name() + ": " + good.error().message);
      MUSTER_TRY(give(command, option.long_name(), option.set, option.choices, value));
    }
  }
  return {};
}

core::Status set_arguments(const Command& command, const std::vector<std::string>& words) {
  std::size_t next = 0;
  for (const auto& argument : command.positionals()) {
    std::size_t count = 0;
    for (; next < words.size() && count < argument.max; ++next, ++count) {
      MUSTER_TRY(give(command, argument.name, argument.set, argument.choices, words[next]));
    }
    if (count < argument.min) return misuse(command, argument.name + " is missing");
  }
  if (next < words.size()) return unknown_word(command, words[next]);
  return {};
}

}  // namespace

core::Result<Parsed> parse(const Command& root, const std::vector<std::string>& words) {
  const auto split = std::ranges::find(words, "--");
  std::vector<std::string> ours(words.begin(), split);
  const bool has_rest = split != words.end();
  std::vector<std::string> rest(has_rest ? split + 1 : split, words.end());

  CLI::App app;
  std::map<const CLI::App*, Found> found;
  mirror(root, app, found);
  std::string problem;
  try {
    std::ranges::reverse(ours);  // the library wants the first word last
    app.parse(ours);
  } catch (const CLI::Error& error) {
    problem = error.what();
  }
  const CLI::App* chosen = &app;
  while (!chosen->get_subcommands().empty()) chosen = chosen->get_subcommands().front();
  const Found& mine = found.at(chosen);
  const Command& command = *mine.command;
  if (mine.help) return Parsed{&command, true};
  if (!problem.empty()) return misuse(command, problem);
  for (const CLI::App* above = chosen->get_parent(); above != nullptr;
       above = above->get_parent()) {
    if (!found.at(above).values.empty() && above != &app) {
      return misuse(command, "options stand behind '" + command.name() + "', not before it");
    }
    MUSTER_TRY(set_options(*found.at(above).command, found.at(above)));
  }
  const auto extras = chosen->remaining();
  const auto unknown = std::ranges::find_if(
      extras, [](const std::string& word) { return word.size() > 1 && word.starts_with('-'); });
  if (unknown != extras.end()) return unknown_word(command, *unknown);
  if (!command.run()) {
    if (!extras.empty()) return unknown_word(command, extras.front());
    return Parsed{&command, true};
  }
  MUSTER_TRY(set_options(command, mine));
  MUSTER_TRY(set_arguments(command, extras));
  if (has_rest && !command.rest()) {
    return misuse(command, "this command takes nothing after --");
  }
  for (const auto& word : rest) MUSTER_TRY(command.rest()->set(word));
  Parsed parsed{&command};
  for (const auto& [index, values] : mine.values) parsed.given.insert(index);
  return parsed;
}

}  // namespace muster::cli
