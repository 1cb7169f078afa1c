// SPDX-License-Identifier: Apache-2.0
#include "methods/parameter_types.h"

#include "core/bytes.h"
#include "core/json.h"
#include "methods/detail/type_node.h"

namespace muster::methods {
namespace {

constexpr std::size_t kTextJsonDepthMax = 64;

using Kind = detail::TypeNode::Kind;

// The JSON value that `text` spells, if it spells one.
std::optional<json::value> json_of(std::string_view text) {
  auto value = core::read_json(text, kTextJsonDepthMax);
  if (!value) return std::nullopt;
  return std::move(*value);
}

// The list type that `type` is, where it is one and nothing else but undef.
const detail::TypeNode* list_of(const detail::TypeNode& type) {
  if (type.kind == Kind::kList) return &type;
  if (type.kind == Kind::kNotUndef && !type.items.empty()) return list_of(type.items[0]);
  if (type.kind != Kind::kVariant) return nullptr;
  const detail::TypeNode* found = nullptr;
  for (const detail::TypeNode& item : type.items) {
    if (item.kind == Kind::kUndef) continue;
    const detail::TypeNode* list = list_of(item);
    if (list == nullptr || found != nullptr) return nullptr;
    found = list;
  }
  return found;
}

std::optional<json::value> fitting(const detail::TypeNode& type, std::string_view text) {
  std::string path;
  auto value = json_of(text);
  if (value && !value->is_string() && !check_value(type, *value, path)) return value;
  json::value plain(text);
  if (!check_value(type, plain, path)) return plain;
  return std::nullopt;
}

void add_choices(const detail::TypeNode& type, std::vector<std::string>& to) {
  switch (type.kind) {
    case Kind::kEnum:
      to.insert(to.end(), type.words.begin(), type.words.end());
      break;
    case Kind::kBoolean:
      if (!type.only || *type.only) to.emplace_back("true");
      if (!type.only || !*type.only) to.emplace_back("false");
      break;
    case Kind::kVariant:
    case Kind::kNotUndef:
      for (const detail::TypeNode& item : type.items) add_choices(item, to);
      break;
    default:
      break;
  }
}

}  // namespace

std::string TypeMismatch::text() const {
  return (path.empty() ? "" : path + ": ") + "expected " + expected + ", got " + found;
}

std::expected<ParameterType, TypeError> ParameterType::parse(std::string_view text) {
  auto compiled = detail::compile_type(text);
  if (!compiled) return std::unexpected(compiled.error());
  ParameterType made;
  made.text_ = text;
  made.sensitive_ = compiled->sensitive;
  made.root_ = std::make_shared<const detail::TypeNode>(std::move(compiled->root));
  made.warnings_ = std::make_shared<const std::vector<std::string>>(std::move(compiled->warnings));
  return made;
}

ParameterType ParameterType::any() {
  return *parse("Any");
}

std::expected<void, TypeMismatch> ParameterType::check(const json::value& value) const {
  std::string path;
  if (auto wrong = detail::check_value(*root_, value, path)) {
    return std::unexpected(*std::move(wrong));
  }
  return {};
}

bool ParameterType::accepts_null() const {
  return check(nullptr).has_value();
}

std::string ParameterType::describe() const {
  return detail::describe_type(*root_);
}

std::vector<std::string> ParameterType::choices() const {
  std::vector<std::string> found;
  add_choices(*root_, found);
  return found;
}

std::expected<json::value, TypeMismatch> ParameterType::from_text(std::string_view text) const {
  if (auto value = fitting(*root_, text)) return *std::move(value);
  if (const detail::TypeNode* list = list_of(*root_); list != nullptr && !text.starts_with('[')) {
    json::array parts;
    for (std::string_view rest = text; !text.empty();) {
      const auto comma = rest.find(',');
      const std::string_view part = rest.substr(0, comma);
      auto value =
          list->items.empty() ? std::optional<json::value>(part) : fitting(list->items[0], part);
      parts.push_back(value ? *std::move(value) : json::value(part));
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
    json::value value(std::move(parts));
    auto checked = check(value);
    if (checked) return value;
    return std::unexpected(std::move(checked.error()));
  }
  // What was meant as JSON is better judged as JSON.
  auto value = json_of(text);
  auto checked = check(value && !value->is_string() ? *value : json::value(text));
  return std::unexpected(std::move(checked.error()));
}

}  // namespace muster::methods
