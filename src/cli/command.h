// SPDX-License-Identifier: Apache-2.0
//
// Command is one node of the command tree: its options, its arguments, its help
// and what it does. The tree is data, so that parsing, help texts and shell
// completion are made from one description and cannot disagree.
//
// The parser library is included by parse.cc alone (it is slow to compile); a
// command file describes itself with this header and nothing else.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/closest.h"
#include "core/result.h"
#include "settings/setting.h"

namespace muster::cli {

struct Context;

/// Takes one value from the command line; an error ends the program with kExitUsage.
using Setter = std::function<core::Status(std::string_view value)>;

struct Option {
  std::string names;  ///< "--quiet" or "-q,--quiet".
  std::string value;  ///< What the value is called in the help; empty for a switch.
  std::string help;
  Setter set;
  bool repeatable = false;
  bool required = false;             ///< For the usage line; the command checks.
  std::vector<std::string> choices;  ///< Where not empty, the only values; completed by the shell.
  settings::Kind kind = settings::Kind::kText;
  std::optional<std::string> sample;  ///< It may stand in a configuration file, as this shows.
  std::string environment;            ///< The variable that goes before the file; may be empty.
  Setter check = {};                  ///< What must hold of a value anywhere; may be empty.

  std::string long_name() const;  ///< "--quiet"
};

struct Argument {
  std::string name;  ///< "HOST"
  std::string help;
  Setter set;
  std::size_t min = 1;
  std::size_t max = 1;
  std::vector<std::string> choices;
};

struct Example {
  std::string line;     ///< What to type.
  std::string meaning;  ///< What it does, as a phrase.
};

class Command {
 public:
  Command(std::string name, std::string summary, Command* parent = nullptr);
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  /// Adds a command below this one; `summary` is one line, without a full stop.
  Command& add(std::string name, std::string summary);

  /// The targets below must live as long as the tree: keep them in a shared_ptr
  /// that the action holds.
  Command& flag(std::string names, std::string help, bool& target);
  Command& option(std::string names, std::string value, std::string help, std::string& target);
  Command& option(std::string names, std::string value, std::string help,
                  std::optional<std::string>& target);
  /// May be given more than once.
  Command& option(std::string names, std::string value, std::string help,
                  std::vector<std::string>& target);
  /// "90s", "15m", "7d".
  Command& option(std::string names, std::string value, std::string help,
                  std::optional<core::Duration>& target);
  Command& option(std::string names, std::string value, std::string help,
                  std::optional<std::uint64_t>& target);
  /// "512M", "1.5G", "65536": bytes.
  Command& size_option(std::string names, std::string value, std::string help,
                       std::optional<std::uint64_t>& target);
  /// Restricts the last option or argument to these words.
  Command& choices(std::vector<std::string> words);

  Command& argument(std::string name, std::string help, std::string& target);
  Command& optional_argument(std::string name, std::string help,
                             std::optional<std::string>& target);
  /// One or more.
  Command& arguments(std::string name, std::string help, std::vector<std::string>& target);
  /// None or more.
  Command& optional_arguments(std::string name, std::string help, std::vector<std::string>& target);
  /// Everything after `--`, untouched.
  Command& rest(std::string name, std::string help, std::vector<std::string>& target);

  /// Marks the last option as one that the usage line must show: it cannot be left out.
  Command& required();
  /// The last option may stand in the configuration file; `sample` is its default there, else an
  /// example. Behind all that says how the option is read.
  Command& in_file(std::string sample, std::optional<settings::Kind> kind = {});
  /// The last option may come from this variable of the environment.
  Command& environment(std::string name);
  /// What must hold of a value of the last option, wherever it comes from.
  Command& checked(Setter check);
  /// Adds --config. Where it is not given, `default_path` is read if it is there; empty: none is.
  Command& config_file(std::string default_path);
  /// Paragraphs of the help between the usage line and the options.
  Command& details(std::string text);
  Command& example(std::string line, std::string meaning);
  /// Heading under which the parent's help lists it ("Hosts", "Runs", …).
  Command& section(std::string heading);
  /// What the command does; the value is the exit code. Without an action the
  /// command only groups others and prints its help.
  Command& action(std::function<int(Context&)> run);

  const std::string& name() const { return name_; }
  const std::string& summary() const { return summary_; }
  std::string full_name() const;  ///< "muster hosts show"
  const Command* parent() const { return parent_; }
  const std::vector<std::unique_ptr<Command>>& children() const { return children_; }
  const Command* child(std::string_view name) const;
  const std::vector<Option>& options() const { return options_; }
  const std::vector<Argument>& positionals() const { return arguments_; }
  const std::optional<Argument>& rest() const { return rest_; }
  const std::function<int(Context&)>& run() const { return run_; }
  const std::string& details() const { return details_; }
  const std::string& section() const { return section_; }
  const std::vector<Example>& examples() const { return examples_; }
  bool configurable() const { return configurable_; }
  const std::string& default_config() const { return default_config_; }
  const std::optional<std::string>& given_config() const { return given_config_; }
  /// What may stand in its configuration file.
  std::vector<settings::Setting> settings() const;

  std::string usage() const;  ///< "muster hosts show [options] HOST"
  std::string help() const;   ///< The whole help text, 80 columns.

 private:
  void options_help(std::string& text) const;
  void children_help(std::string& text) const;

  std::string name_;
  std::string summary_;
  Command* parent_;
  std::string section_;
  std::string details_;
  std::vector<Example> examples_;
  std::vector<Option> options_;
  std::vector<Argument> arguments_;
  std::optional<Argument> rest_;
  std::vector<std::unique_ptr<Command>> children_;
  std::function<int(Context&)> run_;
  std::vector<std::string>* last_choices_ = nullptr;
  bool configurable_ = false;
  std::string default_config_;
  std::optional<std::string> given_config_;
};

/// What a command line asks for.
struct Parsed {
  const Command* command = nullptr;
  bool wants_help = false;
  std::set<std::size_t> given = {};  ///< Which of its options stand in the command line.
};

/// Reads the words after the program's name and sets the options' targets.
/// Errors name the word, the command's usage and how to get help.
core::Result<Parsed> parse(const Command& root, const std::vector<std::string>& words);

using core::closest;

}  // namespace muster::cli
