// SPDX-License-Identifier: Apache-2.0
#include "core/size_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

#include "core/bytes.h"

namespace muster::core {

Result<std::uint64_t> parse_size(std::string_view text) {
  double count = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), count);
  std::string unit(end, text.data() + text.size());
  std::ranges::transform(unit, unit.begin(), [](char c) { return c >= 'a' ? c - 32 : c; });
  if (unit.ends_with("IB")) unit.resize(unit.size() - 2);
  if (unit.ends_with("B")) unit.resize(unit.size() - 1);
  const std::string_view powers = "KMGTP";
  double factor = 1;
  bool known = unit.empty();
  if (const auto at = powers.find(unit); unit.size() == 1 && at != std::string_view::npos) {
    factor = std::pow(1024.0, static_cast<double>(at + 1));
    known = true;
  }
  const double bytes = count * factor;
  if (failed != std::errc{} || !known || !(bytes >= 0) || bytes > 9e18) {
    return fail(Code::kInvalid,
                "not a size: '" + printable(text, 64) + "' (write 65536, 512K, 64M or 1.5G)");
  }
  return static_cast<std::uint64_t>(bytes);
}

}  // namespace muster::core
