// SPDX-License-Identifier: Apache-2.0
#include "agent/gateway_link.h"

#include <algorithm>

namespace muster::agent {
namespace {

/// How soon chunks that wait for the socket try again.
constexpr std::chrono::milliseconds kDrainPoll{20};

}  // namespace

GatewayLink::GatewayLink(runtime::Loop& loop, std::unique_ptr<net::WebSocket> socket,
                         link::EndpointRuns& runs, link::OrderPort& orders,
                         GatewayLinkObserver& observer)
    : socket_(std::move(socket)),
      runs_(runs),
      observer_(observer),
      session_(*this, runs, orders, core::random_seeded().next()),
      timer_(loop) {}

GatewayLink::~GatewayLink() = default;

void GatewayLink::start(link::EndpointSession::Identity identity) {
  socket_->start(*this);
  session_.start(std::move(identity), core::mono_now());
  arm();
}

void GatewayLink::send(std::string_view frame) {
  if (!socket_->send(frame)) overflowed_ = true;  // arm() ends the link
}

std::size_t GatewayLink::backlog_bytes() const {
  return socket_->queued_bytes();
}

void GatewayLink::notify_below(std::size_t bytes) {
  socket_->notify_below(static_cast<std::uint32_t>(bytes));
}

void GatewayLink::closed(const link::Ending& ending) {
  ending_ = ending;
  timer_.cancel();
  socket_->close(net::CloseCode::kNormal, ending.reason);
}

void GatewayLink::welcomed(const wire::Welcome& welcome) {
  observer_.link_open(welcome);
}

void GatewayLink::on_message(std::string_view message) {
  session_.receive(message, core::mono_now());
  if (session_.open()) observer_.link_alive();
  arm();
}

void GatewayLink::on_closed(core::Error why) {
  timer_.cancel();
  if (!session_.is_closed()) {
    session_.broken(why.message);
    ending_.reason = std::move(why.message);
  }
  observer_.link_ended(ending_);
}

void GatewayLink::on_drained() {
  session_.drained(core::mono_now());
  arm();
}

void GatewayLink::expired() {
  armed_for_ = core::MonoTime::max();
  const core::MonoTime now = core::mono_now();
  runs_.tick(now);
  session_.drained(now);
  session_.tick(now);
  arm();
}

// The timer is left alone where it fires early enough: a link at rest wakes up for its
// heartbeats only.
void GatewayLink::arm() {
  if (session_.is_closed()) return;
  if (overflowed_) return session_.broken("the gateway takes no more bytes");
  const core::MonoTime now = core::mono_now();
  core::MonoTime next = std::min(session_.deadline(), runs_.deadline());
  if (socket_->queued_bytes() > link::kChunkBacklogBytesMax)
    next = std::min(next, now + kDrainPoll);
  if (next >= armed_for_) return;
  armed_for_ = next;
  timer_.start(std::max<core::Duration>(next - now, core::Duration{1}), [this] { expired(); });
}

}  // namespace muster::agent
