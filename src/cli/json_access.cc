// SPDX-License-Identifier: Apache-2.0
#include "cli/json_access.h"

#include <boost/json/serialize.hpp>

#include "cli/text.h"
#include "core/bytes.h"

namespace muster::cli {

const Json* member(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  return object.get_object().if_contains({key.data(), key.size()});
}

std::string text(const Json& object, std::string_view key) {
  const Json* found = member(object, key);
  if (found == nullptr || !found->is_string()) return {};
  return std::string(found->get_string().data(), found->get_string().size());
}

std::optional<std::int64_t> maybe_number(const Json& object, std::string_view key) {
  const Json* found = member(object, key);
  if (found == nullptr) return std::nullopt;
  if (found->is_int64()) return found->get_int64();
  if (found->is_uint64()) return static_cast<std::int64_t>(found->get_uint64());
  return std::nullopt;
}

std::int64_t number(const Json& object, std::string_view key) {
  return maybe_number(object, key).value_or(0);
}

bool truth(const Json& object, std::string_view key) {
  const Json* found = member(object, key);
  return found != nullptr && found->is_bool() && found->get_bool();
}

const boost::json::array& elements(const Json& object, std::string_view key) {
  static const boost::json::array kNone;
  const Json* found = member(object, key);
  return found != nullptr && found->is_array() ? found->get_array() : kNone;
}

std::string age(const Json& object, std::string_view key, core::WallTime now) {
  const auto time = parse_rfc3339(text(object, key));
  return time ? ago(*time, now) : "-";
}

std::optional<std::string> bytes_of(const Json& object, std::string_view key) {
  const Json* plain = member(object, key);
  if (plain != nullptr && plain->is_string()) return text(object, key);
  const std::string coded_key = std::string(key) + "_base64";
  if (member(object, coded_key) == nullptr) return std::nullopt;
  auto bytes = core::from_base64(text(object, coded_key));
  if (!bytes) return std::nullopt;
  return *std::move(bytes);
}

namespace {

void print(std::string& result, const Json& value, const std::string& indent) {
  const std::string inner = indent + "  ";
  bool first = true;
  if (value.is_object() && !value.get_object().empty()) {
    for (const auto& [key, element] : value.get_object()) {
      result += (first ? "{\n" : ",\n") + inner + boost::json::serialize(key) + ": ";
      print(result, element, inner);
      first = false;
    }
    result += "\n" + indent + "}";
  } else if (value.is_array() && !value.get_array().empty()) {
    for (const auto& element : value.get_array()) {
      result += (first ? "[\n" : ",\n") + inner;
      print(result, element, inner);
      first = false;
    }
    result += "\n" + indent + "]";
  } else {
    result += boost::json::serialize(value);
  }
}

}  // namespace

std::string pretty(const Json& value) {
  std::string result;
  print(result, value, "");
  return result + "\n";
}

}  // namespace muster::cli
