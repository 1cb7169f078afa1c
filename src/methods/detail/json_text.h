// SPDX-License-Identifier: Apache-2.0
//
// JSON whose places can be told: a value's line and column, and members that stand twice
// (which JSON libraries silently drop). Places are looked for in the text when somebody
// asks, so that nothing is kept for the many values that are right.
#pragma once

#include <boost/json/value.hpp>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace muster::methods::detail {

namespace json = boost::json;

struct Place {
  std::size_t line = 1;  ///< from 1
  std::size_t column = 1;
};

/// Members' names and list positions from the outermost value inwards.
using JsonPath = std::vector<std::string>;

struct JsonMistake {
  Place place;
  std::string message;
};

/// The value; or where and why the text is not JSON, nested deeper than `depth_max`, or
/// has a member twice.
std::expected<json::value, JsonMistake> parse_located(std::string_view text, std::size_t depth_max);

enum class Part : std::uint8_t { kValue, kName };

/// Where the value (or its name) stands in `text`, which parse_located() accepts; the
/// nearest enclosing value where there is none.
Place place_of(std::string_view text, std::span<const std::string> path, Part part = Part::kValue);

/// The place of a byte.
Place place_at(std::string_view text, std::size_t offset);

}  // namespace muster::methods::detail
