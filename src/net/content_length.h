// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace muster::net {

/// What a header Content-Length says; nullopt where there is none, or it is no number.
inline std::optional<std::uint64_t> content_length(const std::optional<std::string_view>& header) {
  std::uint64_t length = 0;
  if (!header) return std::nullopt;
  const auto [end, failed] =
      std::from_chars(header->data(), header->data() + header->size(), length);
  if (failed != std::errc{} || end != header->data() + header->size()) return std::nullopt;
  return length;
}

}  // namespace muster::net
