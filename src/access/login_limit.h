// SPDX-License-Identifier: Apache-2.0
//
// LoginLimit decides whether a password may be tried at all.
//
// Counts failures of a user at an address, of an address, and of a user anywhere, in a
// window that begins with the first. The last count is generous, since strangers can
// drive it up: it only bounds guessing from many addresses. Pure logic; one thread.
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
  static constexpr int kUserAnywhereFailuresMax = 100;
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
