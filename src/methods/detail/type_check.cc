// SPDX-License-Identifier: Apache-2.0
//
// Whether a JSON value is of a compiled type, and where in it the first doubt lies.
#include <algorithm>
#include <boost/json/parse.hpp>

#include "core/bytes.h"
#include "methods/detail/plain_json.h"
#include "methods/detail/type_node.h"

namespace muster::methods::detail {
namespace {

using Kind = TypeNode::Kind;
using Mismatch = std::optional<TypeMismatch>;

constexpr std::size_t kShownBytesMax = 60;

std::uint64_t characters(std::string_view text) {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

bool folded_equal(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return x == y || ((x ^ y) == 0x20 && (x | 0x20) >= 'a' && (x | 0x20) <= 'z');
  });
}

std::string found_text(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "nothing";
    case json::kind::bool_:
      return value.get_bool() ? "true" : "false";
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_:
      return "the number " + plain_json(value);
    case json::kind::string: {
      const std::string_view text = value.get_string();
      if (text.empty()) return "an empty text";
      if (text.size() <= kShownBytesMax) return "the text '" + core::printable(text) + "'";
      return "a text of " + std::to_string(characters(text)) + " characters";
    }
    case json::kind::array:
      return "a list of " + std::to_string(value.get_array().size());
    case json::kind::object:
      return "an object of " + std::to_string(value.get_object().size());
  }
  return "";
}

Mismatch mismatch(const TypeNode& type, const json::value& value, const std::string& path) {
  return TypeMismatch{path, describe_type(type), found_text(value)};
}

bool size_fits(const TypeNode& type, std::uint64_t size) {
  return size >= type.size_least && size <= type.size_most;
}

bool integer_fits(const TypeNode& type, const json::value& value) {
  if (value.is_int64()) {
    return value.get_int64() >= type.least && value.get_int64() <= type.most;
  }
  // Beyond 63 bits: only without an upper bound.
  return value.is_uint64() && type.most == std::numeric_limits<std::int64_t>::max();
}

bool real_fits(const TypeNode& type, const json::value& value) {
  if (!value.is_number()) return false;
  const double real = value.to_number<double>();
  return real >= type.real_least && real <= type.real_most;
}

bool word_fits(const TypeNode& type, const json::value& value) {
  if (!value.is_string()) return false;
  const std::string_view text = value.get_string();
  return std::ranges::any_of(type.words, [&](const std::string& word) {
    return type.fold_case ? folded_equal(word, text) : word == text;
  });
}

bool pattern_fits(const TypeNode& type, const json::value& value) {
  if (!value.is_string()) return false;
  return type.unchecked || std::ranges::any_of(type.patterns, [&](const PatternPtr& pattern) {
           return pattern_matches(*pattern, value.get_string());
         });
}

/// The path grows by `step` for as long as this lives.
class Step {
 public:
  Step(std::string& path, std::string_view step) : path_(path), size_(path.size()) { path += step; }
  ~Step() { path_.resize(size_); }
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

 private:
  std::string& path_;
  std::size_t size_;
};

std::string member_step(const std::string& path, std::string_view name) {
  return (path.empty() ? "" : ".") + core::printable(name, 100);
}

Mismatch check_list(const TypeNode& type, const json::value& value, std::string& path) {
  if (!value.is_array() || !size_fits(type, value.get_array().size())) {
    return mismatch(type, value, path);
  }
  const json::array& list = value.get_array();
  for (std::size_t i = 0; i < list.size() && !type.items.empty(); ++i) {
    const Step step(path, "[" + std::to_string(i) + "]");
    const TypeNode& item = type.items[std::min(i, type.items.size() - 1)];
    if (auto wrong = check_value(item, list[i], path)) return wrong;
  }
  return {};
}

Mismatch check_map(const TypeNode& type, const json::value& value, std::string& path) {
  if (!value.is_object() || !size_fits(type, value.get_object().size())) {
    return mismatch(type, value, path);
  }
  for (const auto& member : value.get_object()) {
    if (type.items.size() < 2) break;
    const Step step(path, member_step(path, member.key()));
    // A key is a text in JSON; where whole numbers are asked for, its digits are one.
    std::string key_path = path + " (its name)";
    json::value key(member.key());
    auto wrong = check_value(type.items[0], key, key_path);
    if (wrong) {
      std::error_code failed;
      json::value number = json::parse(member.key(), failed);
      if (!failed && number.is_number() && !check_value(type.items[0], number, key_path)) {
        wrong.reset();
      }
    }
    if (wrong) return wrong;
    if (auto inside = check_value(type.items[1], member.value(), path)) return inside;
  }
  return {};
}

Mismatch check_struct(const TypeNode& type, const json::value& value, std::string& path) {
  if (!value.is_object()) return mismatch(type, value, path);
  const json::object& object = value.get_object();
  for (const TypeNode::Field& field : type.fields) {
    const Step step(path, member_step(path, field.name));
    const json::value* member = object.if_contains(field.name);
    if (member == nullptr) {
      if (field.required) return mismatch(type.items[field.item], nullptr, path);
    } else if (auto wrong = check_value(type.items[field.item], *member, path)) {
      return wrong;
    }
  }
  for (const auto& member : object) {
    const std::string_view name = member.key();
    if (std::ranges::find(type.fields, name, &TypeNode::Field::name) != type.fields.end()) continue;
    const Step step(path, member_step(path, name));
    return TypeMismatch{path, "no such member", found_text(member.value())};
  }
  return {};
}

// None fits: what is told is the doubt deepest inside, for that alternative was meant.
Mismatch check_variant(const TypeNode& type, const json::value& value, std::string& path) {
  Mismatch deepest;
  for (const TypeNode& item : type.items) {
    auto wrong = check_value(item, value, path);
    if (!wrong) return {};
    if (wrong->path.size() > path.size() &&
        (!deepest || wrong->path.size() > deepest->path.size())) {
      deepest = std::move(wrong);
    }
  }
  return deepest ? deepest : mismatch(type, value, path);
}

}  // namespace

Mismatch check_value(const TypeNode& type, const json::value& value, std::string& path) {
  bool fits = false;
  switch (type.kind) {
    case Kind::kAny:
      return {};
    case Kind::kUndef:
      fits = value.is_null();
      break;
    case Kind::kNotUndef:
      if (!value.is_null() && !type.items.empty()) return check_value(type.items[0], value, path);
      fits = !value.is_null();
      break;
    case Kind::kText:
      fits = value.is_string() && size_fits(type, characters(value.get_string()));
      break;
    case Kind::kEnum:
      fits = word_fits(type, value);
      break;
    case Kind::kPattern:
      fits = pattern_fits(type, value);
      break;
    case Kind::kInteger:
      fits = integer_fits(type, value);
      break;
    case Kind::kFloat:
      fits = real_fits(type, value);
      break;
    case Kind::kNumber:
      fits = value.is_number();
      break;
    case Kind::kBoolean:
      fits = value.is_bool() && (!type.only || *type.only == value.get_bool());
      break;
    case Kind::kList:
    case Kind::kTuple:
      return check_list(type, value, path);
    case Kind::kMap:
      return check_map(type, value, path);
    case Kind::kStruct:
      return check_struct(type, value, path);
    case Kind::kCollection:
      fits = (value.is_array() && size_fits(type, value.get_array().size())) ||
             (value.is_object() && size_fits(type, value.get_object().size()));
      break;
    case Kind::kScalar:
      fits = value.is_string() || value.is_number() || value.is_bool();
      break;
    case Kind::kVariant:
      return check_variant(type, value, path);
  }
  return fits ? Mismatch() : mismatch(type, value, path);
}

}  // namespace muster::methods::detail
