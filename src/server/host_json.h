// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/fwd.hpp>

#include "fleet/endpoint.h"

namespace muster::server {

/// A host as the API shows it (Host in docs/openapi.yaml).
boost::json::object host_json(const fleet::Endpoint& endpoint);

}  // namespace muster::server
