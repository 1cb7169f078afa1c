// SPDX-License-Identifier: Apache-2.0
#include "server/gateway_link.h"

#include "core/bytes.h"
#include "core/log.h"
#include "intake/queue.h"
#include "link/limits.h"
#include "net/http_client.h"
#include "server/intake_service.h"
#include "wire/frame.h"

namespace muster::server {
namespace {

using core::Code;
using core::fail;

/// Logins that one gateway shall let through: what a server admits with ease.
constexpr std::uint32_t kLoginsPerSecond = 2'000;
/// An agent's remote address as text has at most 45.
constexpr std::size_t kAddressBytesMax = 256;
constexpr std::size_t kInstanceBytes = 16;
/// Addresses that a gateway says it has.
constexpr int kAddressesMax = 16;
/// Gateways above it, sentences about its rates, and bytes of one of them.
constexpr int kBehindNamesMax = 8;
constexpr int kLimitsMax = 8;
constexpr std::size_t kLimitBytesMax = 1280;

// What a gateway of ours has made sure of already, and one in foreign hands has not.

core::Status check_endpoint(std::string_view id) {
  if (id.size() == core::EndpointId::kBytes) return {};
  return fail(Code::kInvalid, "an endpoint's id has 16 bytes, not " + std::to_string(id.size()));
}
core::Status check(const wire::GatewayHello& message) {
  if (message.addresses_size() > kAddressesMax)
    return fail(Code::kLimit, std::to_string(message.addresses_size()) +
                                  " addresses of a gateway, " + std::to_string(kAddressesMax) +
                                  " are allowed");
  for (const auto& address : message.addresses())
    if (!net::ServerAddress::parse(address) || address.size() > link::kGatewayAddressBytesMax)
      return fail(Code::kInvalid,
                  "no address of a gateway: " + core::printable(address, kAddressBytesMax));
  if (message.behind_size() > kBehindNamesMax || message.limits_size() > kLimitsMax)
    return fail(Code::kLimit, "it says more about itself than there is to say");
  for (const auto& name : message.behind())
    if (!identity::is_valid_name(name))
      return fail(Code::kInvalid, "no gateway's name: " + core::printable(name, 64));
  for (const auto& limit : message.limits())
    if (limit.size() > kLimitBytesMax || core::printable(limit) != limit)
      return fail(Code::kInvalid, "a limit that is no sentence");
  return {};
}
core::Status check(const wire::LinkUp& message) {
  if (message.hello().instance().size() != kInstanceBytes)
    return fail(Code::kInvalid, "Hello.instance must have 16 bytes");
  if (message.hello().nonce().size() != orders::kNonceBytes)  // it is signed and sent back
    return fail(Code::kInvalid, "Hello.nonce must have 16 bytes");
  if (message.address().size() > kAddressBytesMax)
    return fail(Code::kLimit, "an address of " + std::to_string(message.address().size()) +
                                  " bytes, " + std::to_string(kAddressBytesMax) + " are allowed");
  return check_endpoint(message.endpoint());
}
core::Status check(const wire::LinkDown& message) {
  return check_endpoint(message.endpoint());
}
core::Status check(const wire::Notice& message) {
  return check_endpoint(message.endpoint());
}
core::Status check(const wire::UpcallUp& message) {
  return message.endpoint().empty() ? core::Status() : check_endpoint(message.endpoint());
}
core::Status check(const wire::Reports& message) {
  const auto count = static_cast<std::size_t>(message.reports_size());
  if (count > wire::kReportsPerMessageMax)
    return fail(Code::kLimit, std::to_string(count) + " reports in a message, " +
                                  std::to_string(wire::kReportsPerMessageMax) + " are allowed");
  for (const auto& report : message.reports()) MUSTER_TRY(check_endpoint(report.endpoint()));
  return {};
}
core::Status check(const wire::ContentRequestUp& message) {
  if (message.request().digest().size() == core::ContentId::kBytes) return {};
  return fail(Code::kInvalid, "a content digest of " +
                                  std::to_string(message.request().digest().size()) +
                                  " bytes, 32 are expected");
}
core::Status check(const wire::IntakeUp& message) {
  const auto count = static_cast<std::size_t>(message.items_size());
  if (message.queue().size() != intake::kQueueIdBytes)
    return fail(Code::kInvalid,
                "a queue's name has 16 bytes, not " + std::to_string(message.queue().size()));
  if (count == 0 || count > IntakeService::kIntakeItemsMax)
    return fail(Code::kLimit, std::to_string(count) + " items in a message, 1 to " +
                                  std::to_string(IntakeService::kIntakeItemsMax) + " are allowed");
  std::uint64_t last = 0;
  for (const auto& item : message.items()) {
    MUSTER_TRY(check_endpoint(item.endpoint()));
    if (item.sequence() <= last || item.sequence() > INT64_MAX)
      return fail(Code::kInvalid, "the numbers of items must rise");
    last = item.sequence();
    if (item.body().size() > wire::kUpcallBytesMax || !core::is_utf8(item.body()))
      return fail(Code::kLimit, "an item whose body is too large, or no text");
  }
  return {};
}
core::Status check(const wire::RegionPing&) {
  return {};
}

/// Decodes `body`, checks what it says and hands it to `handle`.
template <typename Message, typename Handle>
core::Status checked(std::string_view body, Handle handle) {
  Message message;
  MUSTER_TRY(wire::decode(body, message));
  MUSTER_TRY(check(message));
  handle(std::move(message));
  return {};
}

}  // namespace

GatewayLink::GatewayLink(runtime::Loop& loop, GatewayHub& hub, std::string region,
                         identity::Certificate certificate, std::string name,
                         std::unique_ptr<net::MessageSocket> socket, Gone gone,
                         core::Duration silence_max)
    : hub_(hub),
      region_(std::move(region)),
      certificate_(std::move(certificate)),
      name_(std::move(name)),
      socket_(std::move(socket)),
      gone_(std::move(gone)),
      silence_max_(silence_max),
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
  silence_.start(silence_max_, [this] { close("the gateway was silent for too long"); });
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
  MUSTER_TRY(check(hello));
  if (hello.version() < wire::kVersionOldest || hello.version_oldest() > wire::kVersion)
    return fail(Code::kInvalid, "no common protocol version; update the older of the two");
  wire::GatewayWelcome welcome;
  welcome.set_version(std::min(hello.version(), wire::kVersion));
  welcome.set_region(region_);
  welcome.set_admit_per_second(kLoginsPerSecond);
  send(welcome);
  server_ = &hub_.connect(
      name_, *this,
      {.certificate = certificate_,
       .replaced = [this] { close("a newer gateway of this name"); },
       .capacity = hello.capacity(),
       .addresses = std::vector<std::string>(hello.addresses().begin(), hello.addresses().end()),
       .behind = {hello.behind().begin(), hello.behind().end()},
       .limits = {hello.limits().begin(), hello.limits().end()}});
  core::log(core::Level::kInfo, "server", "a gateway has joined",
            {{"gateway", name_}, {"behind", hello.behind().empty() ? "" : hello.behind(0)}});
  return {};
}

core::Status GatewayLink::receive(std::string_view bytes) {
  MUSTER_ASSIGN(const auto frame, wire::split_region_frame(bytes));
  if (frame.kind == wire::REGION_GATEWAY_HELLO) return hello(frame.body);
  if (!server_) return fail(Code::kInvalid, "a frame before GatewayHello");
  switch (frame.kind) {
    case wire::REGION_LINK_UP:
      return checked<wire::LinkUp>(frame.body, [&](auto m) { server_->link_up(std::move(m)); });
    case wire::REGION_LINK_DOWN:
      return checked<wire::LinkDown>(frame.body, [&](auto m) { server_->link_down(std::move(m)); });
    case wire::REGION_REPORTS:
      return checked<wire::Reports>(frame.body, [&](auto m) { server_->reports(std::move(m)); });
    case wire::REGION_UPCALL:
      return checked<wire::UpcallUp>(frame.body, [&](auto m) { server_->upcall(std::move(m)); });
    case wire::REGION_NOTICE:
      return checked<wire::Notice>(frame.body, [&](auto m) { server_->notice(std::move(m)); });
    case wire::REGION_CONTENT_REQUEST:
      return checked<wire::ContentRequestUp>(
          frame.body, [&](auto m) { server_->content_request(std::move(m)); });
    case wire::REGION_INTAKE:
      return checked<wire::IntakeUp>(frame.body, [&](auto m) { server_->intake(std::move(m)); });
    case wire::REGION_PING:
      return checked<wire::RegionPing>(frame.body, [&](auto m) {
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
  // After a stall of the disk one commit may acknowledge more than a frame holds.
  constexpr std::size_t kFieldBytes = 8;
  const std::size_t bytes_max = wire::body_bytes_max(wire::REGION_ACKS);
  if (message.ByteSizeLong() <= bytes_max) return send(message);
  wire::Acks part;
  std::size_t bytes = 0;
  for (auto& ack : *message.mutable_acks()) {
    const std::size_t size = ack.ByteSizeLong() + kFieldBytes;
    if (bytes > 0 && bytes + size > bytes_max) {
      send(part);
      part.Clear();
      bytes = 0;
    }
    part.add_acks()->Swap(&ack);
    bytes += size;
  }
  send(part);
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

void GatewayLink::chunks_taken(wire::ChunksTaken message) {
  send(message);
}

void GatewayLink::intake_taken(wire::IntakeTaken message) {
  send(message);
}

void GatewayLink::on_drained() {
  if (server_) server_->drained();
}

}  // namespace muster::server
