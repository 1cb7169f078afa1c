// SPDX-License-Identifier: Apache-2.0
#include "gateway/content_rates.h"

#include <ctime>

namespace muster::gateway {

std::vector<std::string> ContentRates::sentences() const {
  std::vector<std::string> lines;
  const auto add = [&](const char* what, const content::RateTable& table) {
    if (table.limits()) lines.push_back(std::string(what) + ": " + table.str() + " a second");
  };
  add("to its hosts together", hosts);
  add("to each host", each_host);
  add("to the gateways behind it together", gateways);
  add("to each gateway behind it", each_gateway);
  add("from above", upstream);
  return lines;
}

RatesNow rates_at(const ContentRates& rates, unsigned minute) {
  return {rates.hosts.at(minute), rates.each_host.at(minute), rates.gateways.at(minute),
          rates.each_gateway.at(minute), rates.upstream.at(minute)};
}

unsigned minute_of_day(core::WallTime now) {
  const auto seconds = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(now));
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return static_cast<unsigned>(local.tm_hour * 60 + local.tm_min);
}

}  // namespace muster::gateway
