// SPDX-License-Identifier: Apache-2.0
//
// The text of a credential: <prefix>.<id>.<secret>, base 32. The id finds the row, only
// the SHA-256 of the secret is stored.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace muster::access::detail {

struct SecretText {
  std::string id;
  std::string secret;  // raw bytes

  static SecretText make();
  /// kUnauthorized for whatever is not such a text.
  static core::Result<SecretText> parse(std::string_view prefix, std::string_view text);
  std::string str(std::string_view prefix) const;
  std::string hash() const;
  /// In constant time.
  bool matches(std::string_view stored_hash) const;
};

}  // namespace muster::access::detail
