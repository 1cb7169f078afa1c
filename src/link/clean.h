// SPDX-License-Identifier: Apache-2.0
//
// Text of this machine or from the other end, made fit to keep: bounded, and valid
// UTF-8 (Protobuf refuses to parse a `string` that is not).
#pragma once

#include <string>
#include <string_view>

#include "link.pb.h"

namespace muster::link {

/// `text` as valid UTF-8 of at most `bytes_max` bytes: malformed bytes become
/// U+FFFD, a cut never splits a character.
std::string clean_text(std::string_view text, std::size_t bytes_max);
void clean_text_in_place(std::string& text, std::size_t bytes_max);

/// Leaves out of a list of host:port what is empty or too long, and what is too much.
void clean_addresses(google::protobuf::RepeatedPtrField<std::string>& list, std::size_t count_max);

/// Bounds every text and list among the facts (link/limits.h). What fits stays as it is.
void clean_facts(wire::Facts& facts);

}  // namespace muster::link
