// SPDX-License-Identifier: Apache-2.0
//
// Ruby's regular expressions, as far as RE2 can say the same: where the two read one
// text differently it is rewritten, and what RE2 has not is `unsupported`, never guessed.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace muster::methods::detail {

struct PatternProblem {
  bool unsupported = false;  ///< Ruby's, but not RE2's; else it is no expression at all
  std::string message;
};

using PatternPtr = std::shared_ptr<const re2::RE2>;

std::expected<PatternPtr, PatternProblem> compile_pattern(std::string_view ruby);

/// True where it matches anywhere in `text`. Linear in its length.
bool pattern_matches(const re2::RE2& pattern, std::string_view text);

/// The expression as RE2 is to read it.
std::expected<std::string, PatternProblem> translate_pattern(std::string_view ruby);

}  // namespace muster::methods::detail
