// SPDX-License-Identifier: Apache-2.0
//
// Types in the words of people who have never seen one.
#include <cmath>

#include "core/bytes.h"
#include "methods/detail/plain_json.h"
#include "methods/detail/type_node.h"

namespace muster::methods::detail {
namespace {

using Kind = TypeNode::Kind;

constexpr std::size_t kWordsShownMax = 12;

std::string number(double value) {
  return std::floor(value) == value && std::abs(value) < 1e15
             ? std::to_string(static_cast<std::int64_t>(value))
             : plain_json(value);
}

// ", at least 2 characters"
std::string size_text(const TypeNode& type, std::string_view one, std::string_view many) {
  const auto count = [&](std::uint64_t n) {
    return std::to_string(n) + " " + std::string(n == 1 ? one : many);
  };
  const bool below = type.size_least > 0;
  const bool above = type.size_most != TypeNode::kNoLimit;
  if (below && above && type.size_least == type.size_most) return " of " + count(type.size_least);
  if (below && above) {
    return " of " + std::to_string(type.size_least) + " to " + count(type.size_most);
  }
  if (above) return " of at most " + count(type.size_most);
  if (!below) return "";
  return type.size_least == 1 && one == "character" ? " that is not empty"
                                                    : " of at least " + count(type.size_least);
}

template <typename Number, typename Print>
std::string range_text(bool below, bool above, Number least, Number most, Print print) {
  if (below && above) return " from " + print(least) + " to " + print(most);
  if (below) return ", at least " + print(least);
  if (above) return ", at most " + print(most);
  return "";
}

std::string words_text(const TypeNode& type) {
  std::string text = type.words.size() == 1 ? "" : "one of ";
  for (std::size_t i = 0; i < type.words.size(); ++i) {
    if (i == kWordsShownMax) return text + ", …";
    if (i > 0) text += ", ";
    text += "'" + core::printable(type.words[i], 100) + "'";
  }
  return text;
}

std::string pattern_text(const TypeNode& type) {
  std::string text = "text";
  for (std::size_t i = 0; i < type.words.size(); ++i) {
    text += (i == 0 ? " that matches /" : " or /") + core::printable(type.words[i], 200) + "/";
  }
  return text;
}

std::string struct_text(const TypeNode& type) {
  std::string text = "an object with";
  if (type.fields.empty()) return text + "out members";
  for (std::size_t i = 0; i < type.fields.size(); ++i) {
    const TypeNode::Field& field = type.fields[i];
    text += (i == 0 ? " " : "; ") + core::printable(field.name, 100) + ": " +
            describe_type(type.items[field.item]);
    if (!field.required) text += " (may be left out)";
  }
  return text;
}

std::string variant_text(const TypeNode& type) {
  std::string text;
  bool nothing = false;
  for (const TypeNode& item : type.items) {
    if (item.kind == Kind::kUndef) {
      nothing = true;
      continue;
    }
    if (!text.empty()) text += ", or ";
    text += describe_type(item);
  }
  if (!nothing) return text;
  return text.empty() ? "nothing" : text + ", or nothing";
}

std::string tuple_text(const TypeNode& type) {
  std::string text = "a list";
  if (type.size_least != type.items.size() || type.size_most != type.items.size()) {
    text += size_text(type, "element", "elements");
  }
  text += ": ";
  for (std::size_t i = 0; i < type.items.size(); ++i) {
    if (i > 0) text += ", then ";
    text += describe_type(type.items[i]);
  }
  return text;
}

std::string map_text(const TypeNode& type) {
  std::string text = "an object" + size_text(type, "member", "members");
  if (type.items.size() < 2) return text;
  const TypeNode& key = type.items[0];
  const bool any_key = key.kind == Kind::kText && key.called.empty() && key.size_least == 0 &&
                       key.size_most == TypeNode::kNoLimit;
  if (!any_key && key.kind != Kind::kAny) text += ", each named by " + describe_type(key);
  if (type.items[1].kind != Kind::kAny) text += ", each value " + describe_type(type.items[1]);
  return text;
}

}  // namespace

std::string describe_type(const TypeNode& type) {
  if (!type.called.empty()) return type.called;
  switch (type.kind) {
    case Kind::kAny:
      return "anything";
    case Kind::kUndef:
      return "nothing";
    case Kind::kNotUndef:
      return type.items.empty() ? "a value" : describe_type(type.items[0]);
    case Kind::kText:
      return "text" + size_text(type, "character", "characters");
    case Kind::kEnum:
      return words_text(type);
    case Kind::kPattern:
      return pattern_text(type);
    case Kind::kInteger:
      return "a whole number" + range_text(type.least != std::numeric_limits<std::int64_t>::min(),
                                           type.most != std::numeric_limits<std::int64_t>::max(),
                                           type.least, type.most,
                                           [](std::int64_t n) { return std::to_string(n); });
    case Kind::kFloat:
      return "a number" + range_text(std::isfinite(type.real_least), std::isfinite(type.real_most),
                                     type.real_least, type.real_most, number);
    case Kind::kNumber:
      return "a number";
    case Kind::kBoolean:
      return !type.only ? "true or false" : *type.only ? "true" : "false";
    case Kind::kList:
      return "a list" + size_text(type, "element", "elements") +
             (type.items.empty() || type.items[0].kind == Kind::kAny
                  ? ""
                  : ", each " + describe_type(type.items[0]));
    case Kind::kTuple:
      return tuple_text(type);
    case Kind::kMap:
      return map_text(type);
    case Kind::kStruct:
      return struct_text(type);
    case Kind::kCollection:
      return "a list or an object" + size_text(type, "element", "elements");
    case Kind::kScalar:
      return "text, a number, or true or false";
    case Kind::kVariant:
      return variant_text(type);
  }
  return "";
}

}  // namespace muster::methods::detail
