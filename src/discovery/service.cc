// SPDX-License-Identifier: Apache-2.0
#include "discovery/service.h"

#include <algorithm>

namespace muster::discovery {
namespace {

using Family = net::DatagramSocket::Family;

/// Interfaces come and go.
constexpr std::chrono::seconds kJoinEvery{60};

}  // namespace

Answering::Answering(runtime::Loop& loop, RegionKey key, std::uint8_t is)
    : loop_(loop), responder_(std::move(key), is), join_timer_(loop), resume_timer_(loop) {}

core::Status Answering::start(std::uint16_t port, bool on_ipv6) {
  MUSTER_TRY(open(Family::kIpv4, port));
  if (on_ipv6) (void)open(Family::kIpv6, port);  // machines without IPv6 are found by IPv4
  keep_joined();
  return {};
}

core::Status Answering::open(Family family, std::uint16_t port) {
  auto place = std::make_shared<net::DatagramSocket*>(nullptr);
  MUSTER_ASSIGN(auto socket,
                net::DatagramSocket::open(
                    loop_, family, port, [this, place](std::string_view bytes, const auto& from) {
                      const auto now = core::mono_now();
                      if (const auto answer = responder_.hear(bytes, from.host(), now))
                        (void)(*place)->send(*answer, from);
                      if (responder_.listens(now)) return true;
                      resume_timer_.start(responder_.resumes_at() - now, [this] {
                        for (auto& each : sockets_) each->resume();
                      });
                      return false;
                    }));
  *place = socket.get();
  sockets_.push_back(std::move(socket));
  return {};
}

void Answering::keep_joined() {
  for (auto& socket : sockets_) socket->join_groups();
  join_timer_.start(kJoinEvery, [this] { keep_joined(); });
}

runtime::Task<std::vector<std::string>> seek(runtime::Loop& loop, RegionKey key,
                                             std::uint8_t sought) {
  Seeker seeker(std::move(key), sought, core::random_bytes(kNonceBytes), core::mono_now());
  std::vector<std::unique_ptr<net::DatagramSocket>> sockets;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    auto socket = net::DatagramSocket::open(loop, family, 0,
                                            [&seeker](std::string_view bytes, const auto& from) {
                                              seeker.hear(bytes, from.host(), core::mono_now());
                                              return true;
                                            });
    if (socket) sockets.push_back(std::move(*socket));
  }
  // Looked at ten times a second: it lasts for seconds, and rarely happens.
  constexpr core::Duration kLook = std::chrono::milliseconds(100);
  while (!seeker.done(core::mono_now())) {
    if (const auto question = seeker.send(core::mono_now()))
      for (auto& socket : sockets) socket->send_around(*question, kPort);
    const core::Duration wait = std::min(seeker.wake_at() - core::mono_now(), kLook);
    if (!co_await runtime::sleep_for(std::max<core::Duration>(wait, std::chrono::milliseconds(1))))
      break;
  }
  co_return seeker.found();
}

}  // namespace muster::discovery
