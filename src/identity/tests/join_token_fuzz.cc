// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <span>

#include "core/assert.h"
#include "core/bytes.h"
#include "identity/join_token.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using muster::identity::JoinToken;
  const auto token = JoinToken::parse(muster::core::as_view(std::span(data, size)));
  if (!token) return 0;
  const auto again = JoinToken::parse(token->str());
  MUSTER_ASSERT(again && again->str() == token->str() && again->secret == token->secret);
  return 0;
}
