// SPDX-License-Identifier: Apache-2.0
//
// How fast a gateway delivers content, by the time of the day: to its hosts, to the gateways
// that stand behind it, and from above. Pure, but for the machine's time zone.
#pragma once

#include <string>
#include <vector>

#include "content/rate_table.h"
#include "core/clock.h"

namespace muster::gateway {

struct ContentRates {
  content::RateTable hosts{};         ///< to all hosts together
  content::RateTable each_host{};     ///< to one
  content::RateTable gateways{};      ///< to all gateways behind it together
  content::RateTable each_gateway{};  ///< to one
  content::RateTable upstream{};      ///< from the server, or the gateway above

  /// What limits, in sentences: "to its hosts: 08:00-18:00 2M a second".
  std::vector<std::string> sentences() const;
};

/// Bytes a second of each at one moment; 0: no limit.
struct RatesNow {
  std::uint64_t hosts = 0, each_host = 0, gateways = 0, each_gateway = 0, upstream = 0;
  bool operator==(const RatesNow&) const = default;
};

RatesNow rates_at(const ContentRates& rates, unsigned minute_of_day);

/// The minute of the day by this machine's time zone.
unsigned minute_of_day(core::WallTime now);

}  // namespace muster::gateway
