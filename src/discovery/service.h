// SPDX-License-Identifier: Apache-2.0
//
// Discovery with sockets: Answering lets a server, a gateway or an agent be found, seek() finds
// them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "discovery/responder.h"
#include "discovery/seeker.h"
#include "net/datagram.h"
#include "runtime/loop.h"
#include "runtime/task.h"

namespace muster::discovery {

class Answering {
 public:
  /// `is`: what this process is, of Sought, joined.
  Answering(runtime::Loop& loop, RegionKey key, std::uint8_t is);
  Answering(const Answering&) = delete;
  Answering& operator=(const Answering&) = delete;

  /// Answers on `port` from now on. An error: it cannot be found, and all else goes on. Without
  /// `on_ipv6` questions by IPv6 stay without an answer: whoever listens on "0.0.0.0" and names no
  /// host would be looked for where it is not.
  core::Status start(std::uint16_t port, bool on_ipv6 = true);
  void set_answer(Answer answer) { responder_.set_answer(std::move(answer)); }
  const ResponderStats& stats() const { return responder_.stats(); }

 private:
  core::Status open(net::DatagramSocket::Family family, std::uint16_t port);
  void keep_joined();

  runtime::Loop& loop_;
  Responder responder_;
  std::vector<std::unique_ptr<net::DatagramSocket>> sockets_;
  runtime::Timer join_timer_;
  runtime::Timer resume_timer_;
};

/// Asks all who are near, for a few seconds; host:port of those who answered, the best first.
/// `sought`: of Sought, joined.
runtime::Task<std::vector<std::string>> seek(runtime::Loop& loop, RegionKey key,
                                             std::uint8_t sought);

}  // namespace muster::discovery
