// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "server/json.h"
#include "server/method_service.h"

namespace muster::server {

/// One version of a method with everything that help, forms and `diff` need.
json::object to_json(const Method& method);
/// One version in a list.
json::object to_json(const catalog::Published& published);
/// A method in a list: its current version.
json::object to_json(const catalog::Listed& listed);
json::object to_json(const catalog::Key& key);

}  // namespace muster::server
