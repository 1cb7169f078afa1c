// SPDX-License-Identifier: Apache-2.0
#include "manage/failures.h"

namespace muster::manage {

bool FailureLimit::failed(const std::string& address, core::MonoTime now) {
  if (entries_.size() >= kAddressesMax && !entries_.contains(address)) {
    std::erase_if(entries_, [&](const auto& entry) { return entry.second.until <= now; });
    if (entries_.size() >= kAddressesMax) return true;
  }
  Entry& entry = entries_[address];
  if (entry.until <= now) entry = {.failures = 0, .until = now + kWindow};
  return ++entry.failures > kFailuresMax;
}

}  // namespace muster::manage
