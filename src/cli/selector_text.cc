// SPDX-License-Identifier: Apache-2.0
#include "cli/selector_text.h"

#include <cstdlib>

#include "cli/text.h"

namespace muster::cli {

core::Error pointing_at(core::Error error, std::string_view selector) {
  constexpr std::string_view kWord = "column ";
  constexpr std::size_t kShownMax = 200;  // a longer one would wrap: the mark would mislead
  const auto at = error.message.find(kWord);
  if (error.code != core::Code::kInvalid || at == std::string::npos) return error;
  const auto column = std::strtoul(error.message.c_str() + at + kWord.size(), nullptr, 10);
  if (column == 0 || selector.size() > kShownMax || column > selector.size() + 1) return error;
  error.message += "\n  " + in_line(selector) + "\n  " + std::string(column - 1, ' ') + "^";
  return error;
}

}  // namespace muster::cli
