// SPDX-License-Identifier: Apache-2.0
#include "settings/file.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "core/bytes.h"
#include "core/closest.h"
#include "core/size_text.h"

namespace muster::settings {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kColumns = 100;

std::string shown(std::string_view text) {
  return "'" + core::printable(text, 60) + "'";
}

core::Status wrong(std::string message) {
  return core::fail(core::Code::kInvalid, std::move(message));
}

core::Status whole_path(std::string_view path) {
  if (path.starts_with('/')) return {};
  return wrong(shown(path) + " must be a whole path, from /");
}

bool fits(Entry::Form form, Kind kind) {
  switch (kind) {
    case Kind::kNumber:
      return form == Entry::Form::kNumber;
    case Kind::kSize:
      return form == Entry::Form::kNumber || form == Entry::Form::kText;
    case Kind::kRate:
      return form != Entry::Form::kTruth;
    case Kind::kSwitch:
      return form == Entry::Form::kTruth;
    case Kind::kList:
      return form == Entry::Form::kList || form == Entry::Form::kText;
    default:
      return form == Entry::Form::kText;
  }
}

core::Status check_kind(const Setting& setting, const std::string& value) {
  switch (setting.kind) {
    case Kind::kSize: {
      const auto size = core::parse_size(value);
      return size ? core::Status{} : core::fail(core::Error(size.error()));
    }
    case Kind::kFolder:
      return check_folder(value);
    case Kind::kFile:
      return check_readable(value);
    case Kind::kNumber:
      return value.size() <= 18 ? core::Status{} : wrong(shown(value) + " is too large");
    default:
      return {};
  }
}

core::Status check_value(const Setting& setting, const std::string& value) {
  const auto& choices = setting.choices;
  if (!choices.empty() && std::ranges::find(choices, value) == choices.end()) {
    std::string list;
    for (const auto& choice : choices) list += (list.empty() ? "" : ", ") + choice;
    return wrong(shown(value) + " is none of " + list);
  }
  MUSTER_TRY(check_kind(setting, value));
  return setting.check ? setting.check(value) : core::Status{};
}

/// Rates by times of the day are one table, however it is written.
void join(std::vector<std::string>& values) {
  std::string whole;
  for (const std::string& value : values) whole += (whole.empty() ? "" : ", ") + value;
  values = {std::move(whole)};
}

core::Status check_entry(const Setting& setting, Entry& entry) {
  if (!fits(entry.form, setting.kind)) return wrong("must be " + std::string(name(setting.kind)));
  if (setting.kind == Kind::kRate) join(entry.values);
  for (const std::string& value : entry.values) MUSTER_TRY(check_value(setting, value));
  return {};
}

const Setting* find(std::span<const Setting> settings, std::string_view key) {
  const auto at = std::ranges::find(settings, key, &Setting::key);
  return at == settings.end() ? nullptr : &*at;
}

std::string unknown(std::string_view key, std::span<const Setting> settings) {
  std::vector<std::string> known;
  for (const auto& setting : settings) known.push_back(setting.key);
  const std::string guess = core::closest(key, known);
  if (!guess.empty()) return "there is no setting " + shown(key) + "; did you mean " + guess + "?";
  std::string list;
  for (const auto& each : known) list += (list.empty() ? "" : ", ") + each;
  return "there is no setting " + shown(key) + "; there are " + list;
}

/// A value as a file has it.
std::string written(const Setting& setting, const std::string& value) {
  const bool digits = !value.empty() && value.find_first_not_of("0123456789") == value.npos;
  if (setting.kind == Kind::kSwitch || setting.kind == Kind::kNumber ||
      ((setting.kind == Kind::kSize || setting.kind == Kind::kRate) && digits))
    return value;
  if (setting.kind == Kind::kList) return "[" + written_text(value) + "]";
  return written_text(value);
}

}  // namespace

std::string_view name(Kind kind) {
  switch (kind) {
    case Kind::kNumber:
      return "a whole number";
    case Kind::kSize:
      return "a number of bytes, or a size in quotes (\"512M\")";
    case Kind::kRate:
      return "a size a second (\"10M\"), or a list ([\"08:00-18:00 2M\", \"otherwise 20M\"])";
    case Kind::kSwitch:
      return "true or false";
    case Kind::kList:
      return "a list of texts ([\"...\", \"...\"])";
    case Kind::kFolder:
      return "the path of a folder in quotes";
    case Kind::kFile:
      return "the path of a file in quotes";
    default:
      return "a text in quotes";
  }
}

core::Status check_folder(std::string_view path) {
  MUSTER_TRY(whole_path(path));
  std::error_code failed;
  fs::path at(path);
  while (!fs::exists(at, failed) && at.has_relative_path()) at = at.parent_path();
  if (fs::is_directory(at, failed)) return {};
  return wrong(shown(at.native()) + " is no folder");
}

core::Status check_readable(std::string_view path) {
  MUSTER_TRY(whole_path(path));
  std::error_code failed;
  const fs::path file(path);
  if (!fs::exists(file, failed)) return wrong("there is no file " + shown(path));
  if (!fs::is_regular_file(file, failed)) return wrong(shown(path) + " is no file");
  if (::access(file.c_str(), R_OK) != 0) return wrong(shown(path) + " cannot be read");
  return {};
}

Checked check(std::string_view text, std::span<const Setting> settings) {
  Text read = parse(text);
  Checked checked;
  checked.mistakes = std::move(read.mistakes);
  for (Entry& entry : read.entries) {
    const Setting* setting = find(settings, entry.key);
    if (!setting) {
      checked.mistakes.push_back({entry.line, unknown(entry.key, settings)});
    } else if (auto good = check_entry(*setting, entry); !good) {
      checked.mistakes.push_back({entry.line, entry.key + ": " + good.error().message});
    } else {
      checked.values.push_back({std::move(entry.key), entry.line, std::move(entry.values)});
    }
  }
  std::ranges::sort(checked.mistakes, {}, &Mistake::line);
  if (checked.mistakes.size() > kMistakesMax) checked.mistakes.resize(kMistakesMax + 1);
  return checked;
}

std::string told(std::string_view file, std::span<const Mistake> mistakes) {
  std::string text;
  for (const Mistake& mistake : mistakes)
    text += (text.empty() ? "" : "\n") + std::string(file) + ":" + std::to_string(mistake.line) +
            ": " + mistake.message;
  return text;
}

core::Result<std::string> default_file(std::string_view heading, std::span<const Setting> settings,
                                       const std::map<std::string, std::string>& set) {
  for (const auto& [key, value] : set)
    if (!find(settings, key)) return core::fail(core::Code::kInvalid, unknown(key, settings));
  std::string text = folded(heading, kColumns, "# ");
  for (const Setting& setting : settings) {
    std::string help = setting.help;
    if (!setting.choices.empty() || setting.kind == Kind::kSwitch || help.empty())
      help += help.empty() ? "" : ".";
    else
      help += "; " + std::string(name(setting.kind)) + ".";
    if (!setting.environment.empty() && !help.contains("$" + setting.environment))
      help += " $" + setting.environment + " goes before it.";
    help.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(help.front())));
    text += "\n" + folded(help, kColumns, "# ");
    const auto wanted = set.find(setting.key);
    const std::string& value = wanted == set.end() ? setting.sample : wanted->second;
    text += (wanted == set.end() ? "#" : "") + setting.key + " = " + written(setting, value) + "\n";
  }
  const Checked checked = check(text, settings);
  for (const Mistake& mistake : checked.mistakes)
    return core::fail(core::Code::kInvalid, mistake.message);
  return text;
}

std::string folded(std::string_view text, std::size_t columns, std::string_view indent) {
  std::string out, line;
  const auto end_line = [&] {
    out += std::string(indent) + line + "\n";
    line.clear();
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    const std::string_view word = text.substr(0, end);
    if (!line.empty() && indent.size() + line.size() + 1 + word.size() > columns) end_line();
    line += (line.empty() || word.empty() ? "" : " ") + std::string(word);
    if (end < text.size() && text[end] == '\n') end_line();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (!line.empty()) end_line();
  return out;
}

}  // namespace muster::settings
