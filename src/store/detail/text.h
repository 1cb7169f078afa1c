// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace muster::store::detail {

/// `text` as both databases keep it: well-formed UTF-8 without NUL, with U+FFFD for every byte
/// that is not. PostgreSQL refuses such text, and one bad word of a hostile endpoint must not
/// stop the ledger. A view of `text` itself where it is good, else of `changed`.
std::string_view storable_text(std::string_view text, std::string& changed);

}  // namespace muster::store::detail
