// SPDX-License-Identifier: Apache-2.0
//
// LoginLimit decides whether a password may be tried at all.
//
// Counts failures per user and per address in a window that slides by halves. A user's
// name alone never locks that user out for good: the wait is bounded, and an address
// that has logged in before is counted on its own. Pure logic; one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/clock.h"
#include "core/result.h"

namespace muster::access {

class LoginLimit {
 public:
  static constexpr int kUserFailuresMax = 10;
  static constexpr int kAddressFailuresMax = 30;
  static constexpr core::Duration kWindow = std::chrono::minutes(10);
  static constexpr std::size_t kEntriesMax = 100'000;

  /// kLimit with how long to wait where there were too many failures.
  core::Status check(std::string_view user, std::string_view address, core::WallTime now);
  void failed(std::string_view user, std::string_view address, core::WallTime now);
  void succeeded(std::string_view user, std::string_view address);

 private:
  struct Entry {
    int failures = 0;
    core::WallTime until;  // the count is forgotten then
  };
  core::Status check_one(const std::string& key, int failures_max, core::WallTime now);
  void count(std::string key, core::WallTime now);
  void make_room(core::WallTime now);
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace muster::access
