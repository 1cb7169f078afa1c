// SPDX-License-Identifier: Apache-2.0
//
// Reading what the server said without trusting its shape: a member that is
// absent or of another type reads as empty, zero, false.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"

namespace muster::cli {

using Json = boost::json::value;

/// Null where there is no such member.
const Json* member(const Json& object, std::string_view key);
std::string text(const Json& object, std::string_view key);
std::int64_t number(const Json& object, std::string_view key);
std::optional<std::int64_t> maybe_number(const Json& object, std::string_view key);
bool truth(const Json& object, std::string_view key);
/// The elements of a list; empty where there is none.
const boost::json::array& elements(const Json& object, std::string_view key);
/// "3m ago"; "-" where absent.
std::string age(const Json& object, std::string_view key, core::WallTime now);
/// The bytes of `key`, or of `key`_base64; none where both are absent.
std::optional<std::string> bytes_of(const Json& object, std::string_view key);

/// Indented by two spaces, with a line feed at the end.
std::string pretty(const Json& value);

}  // namespace muster::cli
