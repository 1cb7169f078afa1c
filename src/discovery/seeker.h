// SPDX-License-Identifier: Apache-2.0
//
// Seeker asks who is near: one question, sent a few times, and the answers to it.
//
// Pure logic: the time and datagrams go in; what to send, and when to look again, come out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "discovery/message.h"

namespace muster::discovery {

class Seeker {
 public:
  /// The question is sent so often, each time after twice the pause.
  static constexpr unsigned kQuestions = 3;
  static constexpr std::chrono::milliseconds kPause{500};
  /// After the first answer it waits so long for those of others.
  static constexpr std::chrono::milliseconds kMore{300};
  /// Addresses that it takes; a neighbour may say anything.
  static constexpr std::size_t kFoundMax = 16;
  /// Datagrams that it looks at.
  static constexpr std::size_t kHeardMax = 1'000;

  /// `nonce`: kNonceBytes, unpredictable.
  Seeker(RegionKey key, std::uint8_t sought, std::string nonce, core::MonoTime now)
      : key_(std::move(key)), question_{sought, std::move(nonce)}, next_(now) {}

  /// The question, where it is due again; call it at wake_at().
  std::optional<std::string> send(core::MonoTime now);
  core::MonoTime wake_at() const { return std::min(next_, until_); }
  bool done(core::MonoTime now) const { return now >= until_ || heard_ >= kHeardMax; }
  /// What came from `host`, an address without its port.
  void hear(std::string_view datagram, std::string_view host, core::MonoTime now);

  /// host:port of those who were found, gateways first, each kind in the order of its answers.
  std::vector<std::string> found() const;

 private:
  const RegionKey key_;
  const Question question_;
  core::MonoTime next_;
  core::MonoTime until_ = core::MonoTime::max();
  unsigned sent_ = 0;
  std::size_t heard_ = 0;
  std::vector<Place> places_;
};

}  // namespace muster::discovery
