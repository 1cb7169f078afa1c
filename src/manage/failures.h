// SPDX-License-Identifier: Apache-2.0
//
// FailureLimit counts who was not let in, by address. Secrets have 256 bits: what it saves is
// work, the log and the sight of the log, so a caller with a good secret is never held up.
//
// Pure logic; one thread.
#pragma once

#include <string>
#include <unordered_map>

#include "core/clock.h"

namespace muster::manage {

class FailureLimit {
 public:
  static constexpr int kFailuresMax = 20;
  static constexpr core::Duration kWindow = std::chrono::minutes(1);
  static constexpr std::size_t kAddressesMax = 4096;

  /// Notes a failure. True: there were too many within the window.
  bool failed(const std::string& address, core::MonoTime now);

 private:
  struct Entry {
    int failures = 0;
    core::MonoTime until;
  };
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace muster::manage
