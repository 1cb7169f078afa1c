// SPDX-License-Identifier: Apache-2.0
#include "schedules/schedule.h"

#include <algorithm>
#include <array>

namespace muster::schedules {
namespace {

constexpr std::array<std::string_view, 3> kMissed = {"skip", "once", "all"};
constexpr std::array<std::string_view, 2> kInBlackout = {"skip", "wait"};
constexpr std::array<std::string_view, 4> kStates = {"ordering", "ordered", "failed", "skipped"};
constexpr std::array<std::string_view, 5> kCauses = {"time", "missed", "hand", "login", "boot"};

template <typename Enum, std::size_t kCount>
std::optional<Enum> find(const std::array<std::string_view, kCount>& names, std::string_view name) {
  const auto at = std::ranges::find(names, name);
  if (at == names.end()) return std::nullopt;
  return static_cast<Enum>(at - names.begin());
}

}  // namespace

std::string_view name(Missed missed) {
  return kMissed.at(static_cast<std::size_t>(missed));
}
std::string_view name(InBlackout in_blackout) {
  return kInBlackout.at(static_cast<std::size_t>(in_blackout));
}
std::string_view name(FiringState state) {
  return kStates.at(static_cast<std::size_t>(state));
}
std::string_view name(Cause cause) {
  return kCauses.at(static_cast<std::size_t>(cause));
}
std::optional<Missed> missed(std::string_view name) {
  return find<Missed>(kMissed, name);
}
std::optional<InBlackout> in_blackout(std::string_view name) {
  return find<InBlackout>(kInBlackout, name);
}

bool is_valid_name(std::string_view name) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= kNameBytesMax && name != "preview" &&
         name.front() != '.' && name.front() != '-' && std::ranges::all_of(name, good);
}

std::string idempotency_key(const Firing& firing) {
  return "\x1fschedule/" + firing.schedule + "/" + std::to_string(core::unix_ms(firing.due));
}

}  // namespace muster::schedules
