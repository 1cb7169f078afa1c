// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace muster::server {

/// docs/openapi.yaml as it was when this program was built.
std::string_view openapi_document();

}  // namespace muster::server
