// SPDX-License-Identifier: Apache-2.0
//
// JSON that somebody else wrote and that goes on to others: what is read here can be written
// again. Boost.JSON reads 1e400 as infinity and writes that as `Infinity`, which is no JSON: one
// host's number would spoil the answer about all of them.
//
// In the header alone: the core links no Boost, who includes this does.
#pragma once

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <string_view>

#include "core/result.h"

namespace muster::core {

/// As deep as answers of the API are nested at most: a method's result and what is around it.
inline constexpr std::size_t kJsonDepthMax = 120;

/// Whether every number in it can be written. As deep as it was parsed.
inline bool is_writable(const boost::json::value& value) {
  if (const double* number = value.if_double()) return std::isfinite(*number);
  if (const auto* list = value.if_array()) return std::ranges::all_of(*list, is_writable);
  if (const auto* object = value.if_object())
    return std::ranges::all_of(*object,
                               [](const auto& member) { return is_writable(member.value()); });
  return true;
}

/// kInvalid for anything but one JSON value that can be written again; the message is the bare
/// reason, such as "too deep".
inline Result<boost::json::value> read_json(std::string_view text,
                                            std::size_t depth_max = kJsonDepthMax) {
  boost::json::parse_options options;
  options.max_depth = depth_max;
  boost::system::error_code failed;
  auto value = boost::json::parse(text, failed, {}, options);
  if (failed) return fail(Code::kInvalid, failed.message());
  if (!is_writable(value)) return fail(Code::kInvalid, "a number in it is too large");
  return value;
}

}  // namespace muster::core
