// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

namespace muster::server {

class Region;

/// All metrics in Prometheus' text format 0.0.4, read at this moment: nothing is
/// counted twice, the parts keep their own counters.
std::string metrics_text(Region& region);

}  // namespace muster::server
