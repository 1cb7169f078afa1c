// SPDX-License-Identifier: Apache-2.0
//
// JSON as people and shells write it: 1.5 where the library writes 1.5E0.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace muster::methods::detail {

/// On one line, without spaces. Numbers keep their value; 1.0 stays a number with a dot.
std::string plain_json(const boost::json::value& value);

}  // namespace muster::methods::detail
