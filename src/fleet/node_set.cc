// SPDX-License-Identifier: Apache-2.0
#include "fleet/node_set.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

#include "core/bytes.h"

namespace muster::fleet {
namespace {

using core::Code;

constexpr std::size_t kBracketDigitsMax = 9;
constexpr std::size_t kNameBytesLimit = 1024;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// web07.example: prefix web, digits 07, suffix .example.
struct Parts {
  std::string_view prefix, digits, suffix;
};

Parts parts_of(std::string_view name) {
  std::size_t end = name.size();
  while (end > 0 && !is_digit(name[end - 1])) --end;
  std::size_t start = end;
  while (start > 0 && is_digit(name[start - 1]) && end - start < kBracketDigitsMax) --start;
  return {name.substr(0, start), name.substr(start, end - start), name.substr(end)};
}

unsigned value_of(std::string_view digits) {
  unsigned value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

std::string padded(unsigned value, std::size_t width) {
  std::string text = std::to_string(value);
  return text.size() < width ? std::string(width - text.size(), '0') + text : text;
}

/// The width that zero padding gives; 0: not padded.
std::size_t width_of(std::string_view digits) {
  return digits.size() > 1 && digits[0] == '0' ? digits.size() : 0;
}

struct Group {
  std::string prefix, suffix;
  std::size_t width;
  auto operator<=>(const Group&) const = default;
};

std::string folded(const Group& group, std::vector<unsigned>& numbers) {
  std::ranges::sort(numbers);
  numbers.erase(std::ranges::unique(numbers).begin(), numbers.end());
  if (numbers.size() == 1) return group.prefix + padded(numbers[0], group.width) + group.suffix;
  std::string text = group.prefix + '[';
  for (std::size_t first = 0; first < numbers.size();) {
    std::size_t last = first;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    if (first != 0) text += ',';
    text += padded(numbers[first], group.width);
    if (last != first) text += '-' + padded(numbers[last], group.width);
    first = last + 1;
  }
  return text + ']' + group.suffix;
}

core::Result<std::vector<std::string>> bracket(std::string_view inside, std::size_t max) {
  std::vector<std::string> values;
  const auto wrong = [&](const std::string& why) {
    return core::fail(Code::kInvalid, "[" + core::printable(inside, 40) + "]: " + why +
                                          "; write [1-9], [01-12] or [1,3,5-7]");
  };
  while (true) {
    const auto comma = inside.find(',');
    const auto item = inside.substr(0, comma);
    const auto dash = item.find('-');
    const auto first = item.substr(0, dash);
    const auto last = dash == item.npos ? first : item.substr(dash + 1);
    for (const auto text : {first, last})
      if (text.empty() || text.size() > kBracketDigitsMax || !std::ranges::all_of(text, is_digit))
        return wrong("expected numbers of at most 9 digits");
    const unsigned from = value_of(first), to = value_of(last);
    if (to < from) return wrong("the range runs backwards");
    if (to - from >= max || values.size() + (to - from + 1) > max)
      return core::fail(Code::kLimit, "more than " + std::to_string(max) + " names");
    const std::size_t width = std::max(width_of(first), width_of(last));
    for (unsigned value = from; value <= to; ++value) values.push_back(padded(value, width));
    if (comma == inside.npos) return values;
    inside.remove_prefix(comma + 1);
  }
}

}  // namespace

std::string fold_names(std::span<const std::string> names) {
  // Padded and unpadded numbers of equal width go together: web[08-12]. A group of
  // width 0 takes what no padded group of that width wants.
  std::map<Group, std::vector<unsigned>> groups;
  std::vector<std::string> plain;
  std::vector<Parts> unpadded;
  for (const std::string& name : names) {
    const Parts parts = parts_of(name);
    if (parts.digits.empty()) {
      plain.push_back(name);
    } else if (const auto width = width_of(parts.digits)) {
      groups[{std::string(parts.prefix), std::string(parts.suffix), width}].push_back(
          value_of(parts.digits));
    } else {
      unpadded.push_back(parts);
    }
  }
  for (const Parts& parts : unpadded) {
    Group group{std::string(parts.prefix), std::string(parts.suffix), parts.digits.size()};
    if (!groups.contains(group)) group.width = 0;
    groups[group].push_back(value_of(parts.digits));
  }
  std::ranges::sort(plain);
  plain.erase(std::ranges::unique(plain).begin(), plain.end());
  for (auto& [group, numbers] : groups) plain.push_back(folded(group, numbers));
  std::ranges::sort(plain);
  std::string text;
  for (const auto& each : plain) text += (text.empty() ? "" : ",") + each;
  return text;
}

core::Result<std::vector<std::string>> expand_names(std::string_view expression,
                                                    std::size_t names_max) {
  std::vector<std::string> names = {""};
  while (!expression.empty()) {
    const auto open = expression.find_first_of("[]");
    const auto text = expression.substr(0, open);
    for (auto& name : names) name += text;
    if (open == expression.npos) break;
    expression.remove_prefix(open);
    const auto close = expression.find(']');
    if (expression[0] == ']' || close == expression.npos)
      return core::fail(Code::kInvalid, "brackets do not match; write db[01-12]");
    MUSTER_ASSIGN(auto values, bracket(expression.substr(1, close - 1), names_max));
    if (values.size() * names.size() > names_max)
      return core::fail(Code::kLimit, "more than " + std::to_string(names_max) + " names");
    std::vector<std::string> product;
    product.reserve(names.size() * values.size());
    for (const auto& name : names)
      for (const auto& value : values) product.push_back(name + value);
    names = std::move(product);
    if (names.front().size() > kNameBytesLimit)
      return core::fail(Code::kLimit, "a name grows too long");
    expression.remove_prefix(close + 1);
  }
  if (names.size() > names_max)
    return core::fail(Code::kLimit, "more than " + std::to_string(names_max) + " names");
  return names;
}

}  // namespace muster::fleet
