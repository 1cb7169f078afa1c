// SPDX-License-Identifier: Apache-2.0
#include "access/login_limit.h"

#include <chrono>

namespace muster::access {
namespace {

std::string pair_key(std::string_view user, std::string_view address) {
  return "p" + std::string(user) + '\n' + std::string(address);
}
std::string address_key(std::string_view address) {
  return "a" + std::string(address);
}
std::string user_key(std::string_view user) {
  return "u" + std::string(user);
}

}  // namespace

core::Status LoginLimit::check(std::string_view user, std::string_view address,
                               core::WallTime now) {
  MUSTER_TRY(check_one(pair_key(user, address), kUserFailuresMax, now));
  MUSTER_TRY(check_one(address_key(address), kAddressFailuresMax, now));
  return check_one(user_key(user), kUserAnywhereFailuresMax, now);
}

core::Status LoginLimit::check_one(const std::string& key, int failures_max, core::WallTime now) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return {};
  if (now >= found->second.until) {
    entries_.erase(found);
    return {};
  }
  if (found->second.failures < failures_max) return {};
  const auto wait = std::chrono::ceil<std::chrono::seconds>(found->second.until - now);
  return core::fail(core::Code::kLimit,
                    "too many failed logins; try again in " + core::to_text(wait));
}

void LoginLimit::failed(std::string_view user, std::string_view address, core::WallTime now) {
  make_room(now);
  count(pair_key(user, address), now);
  count(address_key(address), now);
  count(user_key(user), now);
}

void LoginLimit::count(std::string key, core::WallTime now) {
  auto& entry = entries_[std::move(key)];
  if (now >= entry.until) {
    entry = {0, now + std::chrono::duration_cast<std::chrono::milliseconds>(kWindow)};
  }
  ++entry.failures;
}

// Only the pair is forgiven: one good login must not wash an address clean.
void LoginLimit::succeeded(std::string_view user, std::string_view address) {
  entries_.erase(pair_key(user, address));
  for (const auto& key : {address_key(address), user_key(user)}) {
    const auto found = entries_.find(key);
    if (found != entries_.end() && --found->second.failures <= 0) entries_.erase(found);
  }
}

void LoginLimit::make_room(core::WallTime now) {
  if (entries_.size() + 3 <= kEntriesMax) return;
  std::erase_if(entries_, [now](const auto& item) { return now >= item.second.until; });
  while (entries_.size() + 3 > kEntriesMax) entries_.erase(entries_.begin());
}

}  // namespace muster::access
