// SPDX-License-Identifier: Apache-2.0
#include "methods/detail/plain_json.h"

#include <array>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <utility>

namespace muster::methods::detail {
namespace {

namespace json = boost::json;

std::string number_text(double value) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  std::string text(buffer.data(), end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

void append_json(const json::value& value, std::string& to) {
  if (value.is_double()) {
    to += number_text(value.get_double());
  } else if (value.is_array()) {
    to += '[';
    bool first = true;
    for (const json::value& element : value.get_array()) {
      if (!std::exchange(first, false)) to += ',';
      append_json(element, to);
    }
    to += ']';
  } else if (value.is_object()) {
    to += '{';
    bool first = true;
    for (const auto& member : value.get_object()) {
      if (!std::exchange(first, false)) to += ',';
      to += json::serialize(json::value(member.key())) + ":";
      append_json(member.value(), to);
    }
    to += '}';
  } else {
    to += json::serialize(value);
  }
}

}  // namespace

std::string plain_json(const json::value& value) {
  std::string text;
  append_json(value, text);
  return text;
}

}  // namespace muster::methods::detail
