// SPDX-License-Identifier: Apache-2.0
//
// Responder decides which questions are answered: those of its own region that seek what this
// process is, and no more than a few a second to the same address.
//
// Pure logic: datagrams and the time go in, answers come out.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "discovery/message.h"

namespace muster::discovery {

/// Counters since the start, for metrics.
struct ResponderStats {
  std::uint64_t answered = 0;
  std::uint64_t strange = 0;  ///< datagrams that are no question, or another region's
  std::uint64_t paced = 0;    ///< questions beyond a limit: not answered
};

class Responder {
 public:
  /// Datagrams looked at in a second, and answers in a second to one address and to all.
  static constexpr unsigned kHeardPerSecond = 2'000;
  static constexpr unsigned kAnswersPerAddress = 4;
  static constexpr unsigned kAnswersPerSecond = 500;

  /// `is`: what this process is, of Sought, joined.
  Responder(RegionKey key, std::uint8_t is) : key_(std::move(key)), is_(is) {}

  /// What is answered from now on.
  void set_answer(Answer answer) { answer_ = std::move(answer); }
  /// The datagram to send back to `from` (an address without its port), if any.
  std::optional<std::string> hear(std::string_view datagram, const std::string& from,
                                  core::MonoTime now);
  /// False: this second's share is used up, leave the socket until resumes_at().
  bool listens(core::MonoTime now) const;
  core::MonoTime resumes_at() const { return second_ + std::chrono::seconds(1); }
  const ResponderStats& stats() const { return stats_; }

 private:
  const RegionKey key_;
  const std::uint8_t is_;
  Answer answer_;
  core::MonoTime second_{};  ///< in which the counts below were made
  unsigned heard_ = 0;
  unsigned answered_ = 0;
  std::map<std::string, unsigned> by_address_;  ///< kAnswersPerSecond entries at most
  ResponderStats stats_;
};

}  // namespace muster::discovery
