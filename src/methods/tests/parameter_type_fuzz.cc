// SPDX-License-Identifier: Apache-2.0
//
// Any text as a type, and what is behind the first zero byte as a value for it.
#include <boost/json/parse.hpp>
#include <cstdint>

#include "core/assert.h"
#include "core/bytes.h"
#include "methods/parameter_types.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto zero = text.find('\0');
  const auto type = methods::ParameterType::parse(text.substr(0, zero));
  if (!type) {
    MUSTER_ASSERT(type.error().column >= 1 && type.error().column <= size + 1);
    return 0;
  }
  MUSTER_ASSERT(!type->describe().empty());
  const std::string_view value =
      zero == std::string_view::npos ? std::string_view() : text.substr(zero + 1);
  if (!core::is_utf8(value)) return 0;
  // What the words of the command line become is of the type.
  if (const auto made = type->from_text(value)) MUSTER_ASSERT(type->check(*made).has_value());
  std::error_code failed;
  const auto parsed = boost::json::parse(value, failed);
  if (!failed) (void)type->check(parsed);
  MUSTER_ASSERT(type->accepts_null() == type->check(nullptr).has_value());
  return 0;
}
