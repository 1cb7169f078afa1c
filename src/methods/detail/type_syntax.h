// SPDX-License-Identifier: Apache-2.0
//
// The text of a Puppet type as a tree: names with arguments, numbers, texts, regular
// expressions, and the pairs of Struct. What it means is type_compile's business.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "methods/parameter_types.h"

namespace muster::methods::detail {

struct TypeSyntax {
  enum class Kind : std::uint8_t {
    kType,     ///< `text` is its name, `items` its arguments
    kInteger,  ///< `integer`
    kFloat,    ///< `real`
    kText,     ///< quoted, or a bare lower-case word
    kRegexp,
    kDefault,
    kUndef,
    kTrue,
    kFalse,
    kPairs,  ///< {key => value, …}: keys and values in turn
  };
  Kind kind = Kind::kType;
  std::size_t column = 1;  ///< from 1
  std::string text;
  std::int64_t integer = 0;
  double real = 0;
  bool bracketed = false;  ///< Name[…], as against Name
  std::vector<TypeSyntax> items;
};

/// Reads foreign text: kTypeBytesMax, kTypeDepthMax and kTypeNodesMax hold.
std::expected<TypeSyntax, TypeError> parse_type_syntax(std::string_view text);

/// "column N: …"
std::unexpected<TypeError> type_error(std::size_t column, std::string_view message);

}  // namespace muster::methods::detail
