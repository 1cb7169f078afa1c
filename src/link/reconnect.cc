// SPDX-License-Identifier: Apache-2.0
#include "link/reconnect.h"

#include <algorithm>

#include "core/assert.h"

namespace muster::link {
namespace {

// What a person has to do where waiting alone does not help; empty elsewhere.
std::string_view advice(wire::GoodbyeCode code) {
  switch (code) {
    case wire::GOODBYE_REVOKED:
      return "if it shall come back, enrol it anew: muster-agent enrol --again with a new token";
    case wire::GOODBYE_UNKNOWN_ENDPOINT:
      return "enrol it anew: muster-agent enrol --again with a new token";
    case wire::GOODBYE_VERSION:
      return "agent and gateway have no common protocol version: update the older one";
    default:
      return {};
  }
}

}  // namespace

Reconnect::Reconnect(std::vector<std::string> servers, std::string last_good,
                     std::uint64_t random_seed)
    : configured_(std::move(servers)), order_(configured_), random_(random_seed) {
  MUSTER_ASSERT(!order_.empty());
  if (last_good.empty()) return;
  std::erase(order_, last_good);
  order_.insert(order_.begin(), std::move(last_good));
}

// With the configured ones behind.
void Reconnect::put_first(std::vector<std::string> order) {
  order.insert(order.end(), configured_.begin(), configured_.end());
  order_.clear();
  for (std::string& server : order)
    if (std::ranges::find(order_, server) == order_.end()) order_.push_back(std::move(server));
  next_ = 0;
}

void Reconnect::connected(core::MonoTime now, const std::vector<std::string>& others) {
  up_ = true;
  up_since_ = now;
  unheard_ = seeks_ = 0;
  std::vector<std::string> order{order_[next_]};
  order.insert(order.end(), others.begin(), others.end());
  put_first(std::move(order));
}

void Reconnect::follow(const std::vector<std::string>& gateways) {
  // The server stands last among the configured ones. Behind the new place comes the one that
  // named it: it may be the only one that this machine can reach.
  std::vector<std::string> order = gateways.empty() ? std::vector{configured_.back()} : gateways;
  order.push_back(order_[next_]);
  put_first(std::move(order));
}

bool Reconnect::shall_seek(core::MonoTime now) {
  if (unheard_ < order_.size() || now < next_seek_) return false;
  const auto pause = std::min<core::Duration>(
      kSeekCeiling, core::Duration(kSeekPause) * (1U << std::min(seeks_++, 8U)));
  next_seek_ = now + pause +
               core::Duration{static_cast<std::int64_t>(static_cast<double>(pause.count()) * 0.5 *
                                                        random_.unit())};
  return true;
}

void Reconnect::found(const std::vector<std::string>& servers) {
  if (servers.empty()) return;
  put_first(servers);
  unheard_ = 0;
}

core::Duration Reconnect::jitter(core::Duration ceiling_max) {
  const auto ceiling = std::min<core::Duration>(
      ceiling_max, core::Duration(kFirst) * (1ULL << std::min(failures_, 16U)));
  return core::Duration{
      1 + static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(ceiling.count())))};
}

core::Duration Reconnect::ended(const Ending& ending, core::MonoTime now) {
  if (up_ && now - up_since_ >= kStable) failures_ = moves_ = 0;
  const bool unheard = !up_ && ending.code == wire::GOODBYE_NONE;
  unheard_ = unheard ? unheard_ + 1 : 0;
  const bool moved = ending.code == wire::GOODBYE_MOVED;
  // A lost link is first sought where it was; a server that did not let us in is left.
  if (moved)
    follow(ending.gateways);
  else if (!up_)
    next_ = (next_ + 1) % order_.size();
  const bool amid_round = unheard && next_ != 0;
  up_ = false;

  explanation_ = !ending.reason.empty() ? ending.reason
                 : ending.code != wire::GOODBYE_NONE
                     ? "the gateway ended the link: " + std::string(name(ending.code))
                     : "the link ended";
  const std::string_view hint = advice(ending.code);
  core::Duration wait;
  if (!hint.empty()) {
    wait = kSlow;
    explanation_ += "; ";
    explanation_ += hint;
  } else if (ending.retry_after_ms > 0) {
    wait =
        std::min<core::Duration>(std::chrono::milliseconds(ending.retry_after_ms), kRetryAfterMax);
    wait += core::Duration{
        static_cast<std::int64_t>(static_cast<double>(wait.count()) * 0.2 * random_.unit())};
  } else if (moved && ++moves_ <= kMovesInARow) {
    wait = core::Duration{static_cast<std::int64_t>(
        static_cast<double>(core::Duration(kMovedWithin).count()) * random_.unit())};
  } else {
    wait = jitter(amid_round ? core::Duration(kNextWithin) : core::Duration(kCeiling));
    failures_ += amid_round ? 0 : 1;
  }
  explanation_ += "; next attempt at " + server() + " in " + core::to_text(wait);
  return wait;
}

}  // namespace muster::link
