// SPDX-License-Identifier: Apache-2.0
#include "link/clean.h"

#include <algorithm>

#include "core/bytes.h"
#include "link/limits.h"

namespace muster::link {
namespace {

// Bytes of the well-formed UTF-8 character at the start of `text`; 0 for none.
std::size_t character_bytes(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return 1;
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  return text.size() >= size && core::is_utf8(text.substr(0, size)) ? size : 0;
}

void clean_list(google::protobuf::RepeatedPtrField<std::string>& list) {
  if (list.size() > static_cast<int>(kFactEntriesMax))
    list.DeleteSubrange(kFactEntriesMax, list.size() - static_cast<int>(kFactEntriesMax));
  for (std::string& text : list) clean_text_in_place(text, kFactBytesMax);
}

}  // namespace

std::string clean_text(std::string_view text, std::size_t bytes_max) {
  static constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string out;
  out.reserve(std::min(text.size(), bytes_max));
  while (!text.empty()) {
    const std::size_t size = character_bytes(text);
    const std::string_view next = size > 0 ? text.substr(0, size) : kReplacement;
    if (out.size() + next.size() > bytes_max) break;
    out += next;
    text.remove_prefix(size > 0 ? size : 1);
  }
  return out;
}

void clean_text_in_place(std::string& text, std::size_t bytes_max) {
  if (text.size() <= bytes_max && core::is_utf8(text)) return;
  text = clean_text(text, bytes_max);
}

void clean_addresses(google::protobuf::RepeatedPtrField<std::string>& list, std::size_t count_max) {
  list.erase(std::remove_if(list.begin(), list.end(),
                            [](const std::string& address) {
                              return address.empty() || address.size() > kGatewayAddressBytesMax;
                            }),
             list.end());
  const int count = static_cast<int>(count_max);
  if (list.size() > count) list.DeleteSubrange(count, list.size() - count);
}

void clean_facts(wire::Facts& facts) {
  for (std::string* text :
       {facts.mutable_hostname(), facts.mutable_os(), facts.mutable_distribution(),
        facts.mutable_distribution_version(), facts.mutable_kernel(), facts.mutable_machine(),
        facts.mutable_agent_version()})
    clean_text_in_place(*text, kFactBytesMax);
  clean_list(*facts.mutable_features());
  clean_list(*facts.mutable_addresses());
}

}  // namespace muster::link
