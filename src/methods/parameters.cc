// SPDX-License-Identifier: Apache-2.0
#include "methods/parameters.h"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "core/bytes.h"
#include "core/json.h"
#include "methods/task_name.h"

namespace muster::methods {
namespace {

using core::Code;
using core::fail;

constexpr std::size_t kWordJsonDepthMax = 64;

std::string shown(std::string_view name) {
  return "'" + core::printable(name, 100) + "'";
}

// Names that differ from `name` in a letter or so.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t corner = row[0]++;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t other = corner + (a[i - 1] == b[j - 1] ? 0 : 1);
      corner = std::exchange(row[j], std::min({other, row[j] + 1, row[j - 1] + 1}));
    }
  }
  return row[b.size()];
}

std::string unknown_parameter(std::string_view name, const std::vector<TypedParameter>& list) {
  std::string message = "there is no parameter " + shown(name);
  const TypedParameter* nearest = nullptr;
  std::size_t least = 3;
  for (const TypedParameter& parameter : list) {
    const std::size_t steps = distance(name.substr(0, kNamePartBytesMax), parameter.name);
    if (steps >= least) continue;
    least = steps;
    nearest = &parameter;
  }
  if (nearest != nullptr) return message + "; did you mean '" + nearest->name + "'?";
  if (list.empty()) return message + "; the method takes none";
  message += "; there are: ";
  for (std::size_t i = 0; i < list.size() && i < 20; ++i) {
    message += (i == 0 ? "" : ", ") + list[i].name;
  }
  return message + (list.size() > 20 ? ", …" : "");
}

// What is wrong with a value, without the value where it is secret.
std::string wrong_value(const TypedParameter& parameter, const TypeMismatch& wrong) {
  std::string message = shown(parameter.name);
  if (!wrong.path.empty()) message += (wrong.path.starts_with('[') ? "" : ".") + wrong.path;
  return message + ": expected " + wrong.expected +
         (parameter.sensitive ? "" : ", got " + wrong.found);
}

core::Result<json::value> parse_word(std::string_view name, std::string_view text) {
  auto value = core::read_json(text, kWordJsonDepthMax);
  if (!value)
    return fail(Code::kInvalid,
                shown(name) + ": behind ':=' must be JSON: " + value.error().message);
  return value;
}

struct Word {
  std::string_view name;
  bool is_json = false;
  std::string text;
};

core::Result<Word> split_word(std::string_view word, const FileReader& read) {
  const auto equals = word.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return fail(Code::kInvalid, shown(word) + ": expected name=value, or name:=JSON");
  }
  Word split;
  split.is_json = word[equals - 1] == ':';
  split.name = word.substr(0, equals - (split.is_json ? 1 : 0));
  std::string_view text = word.substr(equals + 1);
  if (!text.starts_with('@')) {
    split.text = text;
  } else if (text.starts_with("@@")) {
    split.text = text.substr(1);
  } else {
    auto content = read(std::string(text.substr(1)));
    if (!content) return fail(std::move(content.error()).while_doing(shown(split.name)));
    split.text = *std::move(content);
  }
  if (!core::is_utf8(split.text)) {
    return fail(Code::kInvalid,
                shown(split.name) + ": the value is not UTF-8 text, which arguments must be");
  }
  return split;
}

}  // namespace

Parameters Parameters::compile(std::string_view file, std::string_view text,
                               const Metadata& metadata, std::vector<Problem>& errors,
                               std::vector<Problem>& warnings) {
  Parameters made;
  made.open_ = !metadata.parameters.has_value();
  if (made.open_) return made;
  for (const Parameter& from : *metadata.parameters) {
    const auto at = [&](std::string_view member, std::string message) {
      const std::vector<std::string> path = {"parameters", from.name, std::string(member)};
      return problem_at(file, text, path, std::move(message));
    };
    TypedParameter to;
    to.name = from.name;
    to.description = from.description;
    to.default_value = from.default_value;
    if (!from.type.empty()) {
      if (auto type = ParameterType::parse(from.type)) {
        to.type = *std::move(type);
      } else if (errors.size() < kProblemsMax) {
        errors.push_back(at(
            "type", "the type '" + core::printable(from.type, 200) + "': " + type.error().message));
      }
    }
    for (const std::string& warning : to.type.warnings()) {
      if (warnings.size() < kProblemsMax) warnings.push_back(at("type", warning));
    }
    to.sensitive = from.sensitive || to.type.is_sensitive();
    to.required = !to.default_value && !to.type.accepts_null();
    if (to.default_value && !to.default_value->is_null()) {
      // Only a warning: the module works for whoever gives the parameter.
      auto checked = to.type.check(*to.default_value);
      if (!checked && warnings.size() < kProblemsMax) {
        warnings.push_back(
            at("default", "the default is not of its type: " + checked.error().text()));
      }
    }
    made.list_.push_back(std::move(to));
  }
  return made;
}

const TypedParameter* Parameters::find(std::string_view name) const {
  const auto found = std::ranges::find(list_, name, &TypedParameter::name);
  return found == list_.end() ? nullptr : &*found;
}

core::Result<json::object> Parameters::check(const json::object& arguments) const {
  json::object result;
  std::vector<std::string> wrong;
  for (const auto& argument : arguments) {
    const std::string_view name = argument.key();
    const TypedParameter* parameter = find(name);
    if (name.starts_with('_')) {
      wrong.push_back(shown(name) + ": names that begin with _ are the runner's");
    } else if (open_ && !is_name(name)) {
      wrong.push_back(shown(name) + " is not the name of a parameter");
    } else if (!open_ && parameter == nullptr) {
      wrong.push_back(unknown_parameter(name, list_));
    } else if (!argument.value().is_null()) {
      if (open_) result[name] = argument.value();
    }
  }
  for (const TypedParameter& parameter : list_) {
    const json::value* given = arguments.if_contains(parameter.name);
    if (given != nullptr && given->is_null()) given = nullptr;
    const json::value* value =
        given != nullptr || !parameter.default_value ? given : &*parameter.default_value;
    if (value == nullptr || value->is_null()) {
      if (parameter.required) {
        wrong.push_back(shown(parameter.name) + " is missing: " + parameter.type.describe());
      }
      continue;
    }
    if (auto checked = parameter.type.check(*value); !checked) {
      wrong.push_back(wrong_value(parameter, checked.error()));
    } else {
      result[parameter.name] = *value;
    }
  }
  if (!wrong.empty()) {
    std::string message;
    for (const std::string& line : wrong) message += (message.empty() ? "" : "\n") + line;
    return fail(Code::kInvalid, std::move(message));
  }
  if (json::serialize(result).size() > kArgumentsBytesMax) {
    return fail(Code::kLimit, "the arguments have more than " + std::to_string(kArgumentsBytesMax) +
                                  " bytes as JSON");
  }
  return result;
}

core::Result<json::object> Parameters::from_words(std::span<const std::string> words,
                                                  const FileReader& read) const {
  json::object result;
  for (const std::string& text : words) {
    MUSTER_ASSIGN(const Word word, split_word(text, read));
    const TypedParameter* parameter = find(word.name);
    if (parameter == nullptr && !open_) {
      return fail(Code::kInvalid, unknown_parameter(word.name, list_));
    }
    if (result.contains(word.name)) {
      return fail(Code::kInvalid, shown(word.name) + " is given twice");
    }
    const ParameterType type = parameter == nullptr ? ParameterType::any() : parameter->type;
    if (word.is_json) {
      MUSTER_ASSIGN(json::value value, parse_word(word.name, word.text));
      auto checked = type.check(value);
      if (!checked && parameter != nullptr && !(value.is_null() && parameter->default_value)) {
        return fail(Code::kInvalid, wrong_value(*parameter, checked.error()));
      }
      result[word.name] = std::move(value);
      continue;
    }
    auto value = type.from_text(word.text);
    if (!value) return fail(Code::kInvalid, wrong_value(*parameter, value.error()));
    result[word.name] = *std::move(value);
  }
  return result;
}

json::object Parameters::redacted(const json::object& arguments) const {
  json::object result = arguments;
  for (auto& argument : result) {
    const TypedParameter* parameter = find(argument.key());
    if (parameter != nullptr && parameter->sensitive) argument.value() = "[hidden]";
  }
  return result;
}

}  // namespace muster::methods
