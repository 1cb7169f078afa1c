// SPDX-License-Identifier: Apache-2.0
#include "store/detail/text.h"

#include "core/bytes.h"

namespace muster::store::detail {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// Bytes of the character at the start of `text` that may stay; 0 for none.
std::size_t character_bytes(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return lead == 0 ? 0 : 1;
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  return text.size() >= size && core::is_utf8(text.substr(0, size)) ? size : 0;
}

}  // namespace

std::string_view storable_text(std::string_view text, std::string& changed) {
  if (!text.contains('\0') && core::is_utf8(text)) return text;
  changed.clear();
  while (!text.empty()) {
    const std::size_t size = character_bytes(text);
    changed += size > 0 ? text.substr(0, size) : kReplacement;
    text.remove_prefix(size > 0 ? size : 1);
  }
  return changed;
}

}  // namespace muster::store::detail
