// SPDX-License-Identifier: Apache-2.0
#include "server/gateway_link.h"

#include "core/log.h"
#include "wire/frame.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;
using core::Code;
using core::fail;

/// A gateway sends a ping every 10 s; after so long a silence it is gone.
constexpr core::Duration kSilenceMax = 35s;
/// Logins that one gateway shall let through: what a server admits with ease.
constexpr std::uint32_t kLoginsPerSecond = 2'000;

}  // namespace

GatewayLink::GatewayLink(runtime::Loop& loop, GatewayHub& hub, std::string region,
                         identity::Certificate certificate, std::string name,
                         std::unique_ptr<net::WebSocket> socket, Gone gone)
    : hub_(hub),
      region_(std::move(region)),
      certificate_(std::move(certificate)),
      name_(std::move(name)),
      socket_(std::move(socket)),
      gone_(std::move(gone)),
      silence_(loop) {}

GatewayLink::~GatewayLink() {
  hub_.disconnect(name_, *this);
}

void GatewayLink::start() {
  socket_->start(*this);
  watch_silence();
}

void GatewayLink::close(std::string_view reason) {
  if (std::exchange(closing_, true)) return;
  silence_.cancel();
  server_ = nullptr;
  socket_->close(net::CloseCode::kPolicy, reason);
  hub_.disconnect(name_, *this);
}

void GatewayLink::watch_silence() {
  silence_.start(kSilenceMax, [this] { close("the gateway was silent for too long"); });
}

void GatewayLink::on_message(std::string_view message) {
  if (closing_) return;
  watch_silence();
  if (const auto received = receive(message); !received) {
    core::log(core::Level::kWarn, "server", "a gateway broke the protocol",
              {{"gateway", name_}, {"why", received.error().message}});
    close(received.error().message);
  }
}

void GatewayLink::on_closed(core::Error why) {
  core::log(core::Level::kInfo, "server", "a gateway is gone",
            {{"gateway", name_}, {"why", why.message}});
  const Gone gone = std::move(gone_);
  gone(*this);  // destroys this
}

core::Status GatewayLink::hello(std::string_view body) {
  wire::GatewayHello hello;
  MUSTER_TRY(wire::decode(body, hello));
  if (server_) return fail(Code::kInvalid, "a second GatewayHello");
  if (hello.version() < wire::kVersionOldest || hello.version_oldest() > wire::kVersion)
    return fail(Code::kInvalid, "no common protocol version; update the older of the two");
  wire::GatewayWelcome welcome;
  welcome.set_version(std::min(hello.version(), wire::kVersion));
  welcome.set_region(region_);
  welcome.set_admit_per_second(kLoginsPerSecond);
  send(welcome);
  server_ = &hub_.connect(name_, *this,
                          {certificate_, [this] { close("a newer gateway of this name"); }});
  core::log(core::Level::kInfo, "server", "a gateway has joined", {{"gateway", name_}});
  return {};
}

core::Status GatewayLink::receive(std::string_view bytes) {
  MUSTER_ASSIGN(const auto frame, wire::split_region_frame(bytes));
  if (frame.kind == wire::REGION_GATEWAY_HELLO) return hello(frame.body);
  if (!server_) return fail(Code::kInvalid, "a frame before GatewayHello");
  switch (frame.kind) {
    case wire::REGION_LINK_UP:
      return wire::decoded<wire::LinkUp>(frame.body,
                                         [&](auto m) { server_->link_up(std::move(m)); });
    case wire::REGION_LINK_DOWN:
      return wire::decoded<wire::LinkDown>(frame.body,
                                           [&](auto m) { server_->link_down(std::move(m)); });
    case wire::REGION_REPORTS:
      return wire::decoded<wire::Reports>(frame.body,
                                          [&](auto m) { server_->reports(std::move(m)); });
    case wire::REGION_UPCALL:
      return wire::decoded<wire::UpcallUp>(frame.body,
                                           [&](auto m) { server_->upcall(std::move(m)); });
    case wire::REGION_NOTICE:
      return wire::decoded<wire::Notice>(frame.body,
                                         [&](auto m) { server_->notice(std::move(m)); });
    case wire::REGION_CONTENT_REQUEST:
      return wire::decoded<wire::ContentRequestUp>(
          frame.body, [&](auto m) { server_->content_request(std::move(m)); });
    case wire::REGION_PING:
      return wire::decoded<wire::RegionPing>(frame.body, [&](auto m) {
        std::string pong;
        wire::append_frame(wire::REGION_PONG, wire::body_bytes_max(wire::REGION_PONG), m, pong);
        (void)socket_->send(pong);
      });
    default:
      return fail(Code::kInvalid,
                  "frame of kind " + std::to_string(frame.kind) + " is not a gateway's");
  }
}

template <typename Message>
void GatewayLink::send(const Message& message) {
  // A queue that is full ends the link: the endpoints log in again and tell what they hold.
  if (closing_ || socket_->send(wire::encode(message))) return;
  // Not from inside a call of the hub, which may be in the middle of a change.
  core::log(core::Level::kWarn, "server", "a gateway does not read its link", {{"gateway", name_}});
  closing_ = true;
  silence_.start(core::Duration{1}, [this] {
    closing_ = false;
    close("the gateway does not read its link");
  });
}

void GatewayLink::admit(wire::Admit message) {
  send(message);
}
void GatewayLink::dispatch(wire::Dispatch message) {
  send(message);
}
void GatewayLink::cancel_run(wire::CancelRun message) {
  send(message);
}
void GatewayLink::acks(wire::Acks message) {
  send(message);
}
void GatewayLink::kick(wire::Kick message) {
  send(message);
}
void GatewayLink::upcall_reply(wire::UpcallReplyDown message) {
  send(message);
}
void GatewayLink::content_data(wire::ContentDataDown message) {
  send(message);
  socket_->notify_below(wire::kChunkBytesMax / 2);
}

void GatewayLink::on_drained() {
  if (server_) server_->drained();
}

}  // namespace muster::server
