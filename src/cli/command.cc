// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include <charconv>
#include <utility>

#include "cli/text.h"
#include "core/bytes.h"
#include "core/duration_text.h"

namespace muster::cli {
namespace {

core::Status set_number(std::string_view text, std::optional<std::uint64_t>& target) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size()) {
    return core::fail(core::Code::kInvalid,
                      "not a whole number: '" + core::printable(text, 64) + "'");
  }
  target = value;
  return {};
}

Option make_option(std::string names, std::string value, std::string help, Setter set,
                   settings::Kind kind = settings::Kind::kText) {
  Option option{.names = std::move(names),
                .value = std::move(value),
                .help = std::move(help),
                .set = std::move(set),
                .repeatable = kind == settings::Kind::kList,
                .choices = {},
                .kind = kind,
                .sample = {},
                .environment = {}};
  return option;
}

}  // namespace

std::string Option::long_name() const {
  const auto at = names.find("--");
  return at == std::string::npos ? names : names.substr(at);
}

Command::Command(std::string name, std::string summary, Command* parent)
    : name_(std::move(name)), summary_(std::move(summary)), parent_(parent) {}

Command& Command::add(std::string name, std::string summary) {
  children_.push_back(std::make_unique<Command>(std::move(name), std::move(summary), this));
  return *children_.back();
}

Command& Command::flag(std::string names, std::string help, bool& target) {
  options_.push_back(make_option(
      std::move(names), "", std::move(help),
      [&target](std::string_view text) {
        target = text != "false";  // a file may say so
        return core::Status{};
      },
      settings::Kind::kSwitch));
  return *this;
}

Command& Command::option(std::string names, std::string value, std::string help,
                         std::string& target) {
  options_.push_back(make_option(std::move(names), std::move(value), std::move(help),
                                 [&target](std::string_view text) {
                                   target = text;
                                   return core::Status{};
                                 }));
  last_choices_ = &options_.back().choices;
  return *this;
}

Command& Command::option(std::string names, std::string value, std::string help,
                         std::optional<std::string>& target) {
  options_.push_back(make_option(std::move(names), std::move(value), std::move(help),
                                 [&target](std::string_view text) {
                                   target = std::string(text);
                                   return core::Status{};
                                 }));
  last_choices_ = &options_.back().choices;
  return *this;
}

Command& Command::option(std::string names, std::string value, std::string help,
                         std::vector<std::string>& target) {
  options_.push_back(make_option(
      std::move(names), std::move(value), std::move(help),
      [&target](std::string_view text) {
        target.emplace_back(text);
        return core::Status{};
      },
      settings::Kind::kList));
  last_choices_ = &options_.back().choices;
  return *this;
}

Command& Command::option(std::string names, std::string value, std::string help,
                         std::optional<core::Duration>& target) {
  options_.push_back(make_option(std::move(names), std::move(value), std::move(help),
                                 [&target](std::string_view text) -> core::Status {
                                   MUSTER_ASSIGN(target, core::parse_duration(text));
                                   return {};
                                 }));
  return *this;
}

Command& Command::option(std::string names, std::string value, std::string help,
                         std::optional<std::uint64_t>& target) {
  options_.push_back(make_option(
      std::move(names), std::move(value), std::move(help),
      [&target](std::string_view text) { return set_number(text, target); },
      settings::Kind::kNumber));
  return *this;
}

Command& Command::size_option(std::string names, std::string value, std::string help,
                              std::optional<std::uint64_t>& target) {
  options_.push_back(make_option(
      std::move(names), std::move(value), std::move(help),
      [&target](std::string_view text) -> core::Status {
        MUSTER_ASSIGN(target, parse_size(text));
        return {};
      },
      settings::Kind::kSize));
  return *this;
}

Command& Command::choices(std::vector<std::string> words) {
  *last_choices_ = std::move(words);
  return *this;
}

Command& Command::argument(std::string name, std::string help, std::string& target) {
  arguments_.push_back({std::move(name),
                        std::move(help),
                        [&target](std::string_view text) {
                          target = text;
                          return core::Status{};
                        },
                        1,
                        1,
                        {}});
  last_choices_ = &arguments_.back().choices;
  return *this;
}

Command& Command::optional_argument(std::string name, std::string help,
                                    std::optional<std::string>& target) {
  arguments_.push_back({std::move(name),
                        std::move(help),
                        [&target](std::string_view text) {
                          target = std::string(text);
                          return core::Status{};
                        },
                        0,
                        1,
                        {}});
  last_choices_ = &arguments_.back().choices;
  return *this;
}

Command& Command::optional_arguments(std::string name, std::string help,
                                     std::vector<std::string>& target) {
  arguments(std::move(name), std::move(help), target);
  arguments_.back().min = 0;
  return *this;
}

Command& Command::arguments(std::string name, std::string help, std::vector<std::string>& target) {
  arguments_.push_back({std::move(name),
                        std::move(help),
                        [&target](std::string_view text) {
                          target.emplace_back(text);
                          return core::Status{};
                        },
                        1,
                        SIZE_MAX,
                        {}});
  return *this;
}

Command& Command::rest(std::string name, std::string help, std::vector<std::string>& target) {
  rest_ = Argument{std::move(name),
                   std::move(help),
                   [&target](std::string_view text) {
                     target.emplace_back(text);
                     return core::Status{};
                   },
                   0,
                   SIZE_MAX,
                   {}};
  return *this;
}

Command& Command::required() {
  options_.back().required = true;
  return *this;
}

Command& Command::in_file(std::string sample, std::optional<settings::Kind> kind) {
  options_.back().sample = std::move(sample);
  if (kind) options_.back().kind = *kind;
  return *this;
}

Command& Command::environment(std::string name) {
  options_.back().environment = std::move(name);
  return *this;
}

Command& Command::checked(Setter check) {
  options_.back().check = std::move(check);
  return *this;
}

Command& Command::config_file(std::string default_path) {
  configurable_ = true;
  default_config_ = std::move(default_path);
  std::string help = "read settings from this file; options and the environment go before it (";
  help += default_config_.empty() ? "none is read by itself)"
                                  : "default: " + default_config_ + ", if it is there)";
  return option("--config", "FILE", std::move(help), given_config_);
}

std::vector<settings::Setting> Command::settings() const {
  std::vector<settings::Setting> found;
  for (const Option& each : options_)
    if (each.sample)
      found.push_back({each.long_name().substr(2), each.kind, each.help, *each.sample, each.choices,
                       each.environment, each.check});
  return found;
}

Command& Command::details(std::string text) {
  details_ = std::move(text);
  return *this;
}

Command& Command::example(std::string line, std::string meaning) {
  examples_.push_back({std::move(line), std::move(meaning)});
  return *this;
}

Command& Command::section(std::string heading) {
  section_ = std::move(heading);
  return *this;
}

Command& Command::action(std::function<int(Context&)> run) {
  run_ = std::move(run);
  return *this;
}

const Command* Command::child(std::string_view name) const {
  for (const auto& child : children_) {
    if (child->name_ == name) return child.get();
  }
  return nullptr;
}

std::string Command::full_name() const {
  return parent_ == nullptr ? name_ : parent_->full_name() + " " + name_;
}

std::string Command::usage() const {
  std::string text = full_name();
  if (!children_.empty() && !run_) return text + " COMMAND …";
  for (const auto& option : options_) {
    if (option.required) text += " " + option.long_name() + " " + option.value;
  }
  if (!options_.empty()) text += " [options]";
  for (const auto& argument : arguments_) {
    const std::string shown = argument.name + (argument.max > 1 ? "…" : "");
    text += argument.min == 0 ? " [" + shown + "]" : " " + shown;
  }
  if (rest_) text += " -- " + rest_->name + "…";
  return text;
}

void Command::children_help(std::string& text) const {
  std::size_t longest = 0;
  for (const auto& child : children_) longest = std::max(longest, child->name_.size());
  std::string heading;
  text += parent_ == nullptr ? "" : "\nCommands:\n";
  for (const auto& child : children_) {
    if (parent_ == nullptr && child->section_ != heading) {
      heading = child->section_;
      text += "\n" + heading + ":\n";
    }
    text += hanging("  " + child->name_, child->summary_, longest + 4);
  }
}

void Command::options_help(std::string& text) const {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& argument : arguments_) {
    if (!argument.help.empty()) rows.emplace_back("  " + argument.name, argument.help);
  }
  if (rest_) rows.emplace_back("  " + rest_->name, rest_->help);
  const std::size_t arguments = rows.size();
  for (const auto& option : options_) {
    std::string names = option.names;
    if (const auto comma = names.find(','); comma != std::string::npos) {
      names.insert(comma + 1, " ");
    }
    rows.emplace_back("  " + names + (option.value.empty() ? "" : " " + option.value), option.help);
  }
  rows.emplace_back("  -h, --help", "show this help");
  std::size_t column = 0;
  for (const auto& [left, right] : rows) {
    if (const auto wide = width_of(left) + 2; wide <= 30) column = std::max(column, wide);
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i == 0 && arguments > 0) text += "\nArguments:\n";
    if (i == arguments) text += "\nOptions:\n";
    text += hanging(rows[i].first, rows[i].second, column);
  }
}

std::string Command::help() const {
  std::string text = full_name() + ": " + summary_ + "\n\nUsage: " + usage() + "\n";
  if (run_ && !children_.empty()) text += "       " + full_name() + " COMMAND …\n";
  if (!details_.empty()) text += "\n" + wrap(details_, 80);
  if (!children_.empty()) children_help(text);
  options_help(text);
  if (!examples_.empty()) text += "\nExamples:\n";
  for (const auto& example : examples_) {
    text += "  # " + example.meaning + "\n  " + example.line + "\n";
  }
  if (!children_.empty()) {
    text += "\nEach command tells more: " + full_name() + " COMMAND --help\n";
  }
  return text;
}

}  // namespace muster::cli
