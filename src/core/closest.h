// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace muster::core {

/// The word of `candidates` that `word` was probably meant to be, or empty.
std::string closest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace muster::core
