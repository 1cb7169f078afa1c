// SPDX-License-Identifier: Apache-2.0
//
// Text from the other end, made fit to keep: Protobuf's lite runtime does not check
// that a `string` is UTF-8, so both sessions do before anyone else sees it.
#pragma once

#include <string>
#include <string_view>

#include "link.pb.h"

namespace muster::link {

/// `text` as valid UTF-8 of at most `bytes_max` bytes: malformed bytes become
/// U+FFFD, a cut never splits a character.
std::string clean_text(std::string_view text, std::size_t bytes_max);
void clean_text_in_place(std::string& text, std::size_t bytes_max);

/// Bounds every text and list among the facts (link/limits.h). What fits stays as it is.
void clean_facts(wire::Facts& facts);

}  // namespace muster::link
