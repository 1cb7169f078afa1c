// SPDX-License-Identifier: Apache-2.0
//
// The words of a selector, each with its column.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fleet/selector.h"

namespace muster::fleet::detail {

struct Token {
  enum class Kind { kWord, kQuoted, kOperator, kOpen, kClose, kComma, kEnd };
  Kind kind = Kind::kEnd;
  std::string text;  ///< of a word: as written; of quoted text: what is meant
  std::size_t column = 0;

  /// True for the unquoted word `keyword`, in any case.
  bool is(std::string_view keyword) const;
  /// As an error message shows it.
  std::string shown() const;
};

/// "column N: " is put before the message.
std::unexpected<SelectorError> fail_at(std::size_t column, std::string message);

/// Ends with a kEnd token.
std::expected<std::vector<Token>, SelectorError> tokens_of(std::string_view text);

}  // namespace muster::fleet::detail
