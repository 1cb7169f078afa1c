// SPDX-License-Identifier: Apache-2.0
#include "gateway/server_link.h"

#include <optional>

#include "core/bytes.h"
#include "core/log.h"
#include "wire/frame.h"

namespace muster::gateway {
namespace {

using namespace std::chrono_literals;
using core::Code;
using core::fail;
using core::Level;

constexpr core::Duration kConnectTime = 15s;
/// Reports are cut into messages of at most about this size.
constexpr std::size_t kReportsBytes = wire::kRegionFrameBytesMax / 2;

}  // namespace

ServerLink::ServerLink(runtime::Loop& loop, std::vector<net::ServerAddress> servers,
                       std::shared_ptr<const net::TlsClientContext> tls, Gateway& gateway)
    : ServerLink(loop, std::move(servers), std::move(tls), gateway, Times{}) {}

ServerLink::ServerLink(runtime::Loop& loop, std::vector<net::ServerAddress> servers,
                       std::shared_ptr<const net::TlsClientContext> tls, Gateway& gateway,
                       Times times)
    : loop_(loop),
      servers_(std::move(servers)),
      server_(servers_.front()),
      tls_(std::move(tls)),
      gateway_(gateway),
      times_(times),
      instance_(core::random_bytes(16)),
      reconnect_({"the server"}, "", core::random_seeded().next()),
      heartbeat_(loop),
      patience_(loop) {
  gateway_.server_lost();
}

ServerLink::~ServerLink() = default;

runtime::Task<void> ServerLink::keep_connected() {
  while (!stopping_) {
    server_ = servers_[next_];
    auto dialled = co_await dial(loop_, server_, tls_, gateway_.options().name, kConnectTime);
    if (stopping_) co_return;
    waiting_ = std::move(dialled.waiting);
    if (dialled.way) {
      for (std::optional<WayUp> way = std::move(*dialled.way); way;) {
        take(std::move(*way));
        way = co_await until_lost();
        if (stopping_) co_return;
      }
    } else {
      why_ = std::move(dialled.way.error().message);
    }
    next_ = (next_ + 1) % servers_.size();
    // Each is tried at once; who has tried them all waits.
    const auto pause =
        next_ != 0 ? core::Duration(0)
                   : reconnect_.ended({wire::GOODBYE_NONE, why_, 0, false}, core::mono_now());
    core::log(
        Level::kWarn, "gateway",
        next_ != 0 ? "no way to the server; trying the next" : "no way to the server; trying again",
        {{"server", server_.str()}, {"why", why_}, {"in", core::to_text(pause)}});
    if (!co_await runtime::sleep_for(pause)) co_return;
  }
}

// A connection's life. A better way that was found meanwhile is returned: the one to a gateway
// above, where this one had been given up for the server itself. It saves the line between.
runtime::Task<std::optional<WayUp>> ServerLink::until_lost() {
  const std::uint64_t seen = ended_.count();
  std::optional<WayUp> better;
  while (socket_) {
    const bool may_return = next_ != 0 && !upper_ && !better;
    (void)co_await ended_.wait(seen, may_return ? times_.look_back : core::Duration(24h));
    if (stopping_) co_return std::nullopt;
    if (!socket_ || !may_return) continue;
    const net::ServerAddress first = servers_.front();
    auto dialled = co_await dial(loop_, first, tls_, gateway_.options().name, kConnectTime);
    if (stopping_) co_return std::nullopt;
    if (!dialled.way || !dialled.way->upper || first.str() != servers_.front().str()) continue;
    better = std::move(*dialled.way);
    if (socket_) socket_->close(net::CloseCode::kGoingAway, "it stands behind its gateway again");
  }
  if (!better) co_return std::nullopt;
  next_ = 0;
  server_ = servers_.front();
  co_return better;
}

void ServerLink::take(WayUp way) {
  upper_ = std::move(way.upper);
  if (upper_)
    upper_->on_content([this](auto message) { gateway_.content_data(std::move(message)); });
  socket_ = std::move(way.server);
  socket_->start(*this);
  say_hello();
}

Standing ServerLink::standing() const {
  return {welcomed_, welcomed_ && upper_ ? upper_->above() : std::vector<std::string>{}, waiting_};
}

runtime::Task<core::Result<Tunnel>> ServerLink::tunnel(core::Duration at_most) {
  if (!welcomed_) co_return fail(Code::kUnavailable, "it has none just now");
  co_return co_await open_tunnel(loop_, server_, upper_ != nullptr, tls_, gateway_.options().name,
                                 at_most);
}

void ServerLink::set_servers(std::vector<net::ServerAddress> servers) {
  servers_ = std::move(servers);
  next_ = servers_.size() - 1;  // the first comes after it
  if (socket_) socket_->close(net::CloseCode::kGoingAway, "another server leads the region");
}

void ServerLink::close() {
  stopping_ = true;
  ended_.notify();
  if (socket_) socket_->close(net::CloseCode::kGoingAway, "the gateway stops");
}

void ServerLink::renew(std::string csr_pem, std::function<void(core::Result<std::string>)> answer) {
  renewal_ = std::move(answer);
  wire::UpcallUp message;  // without an endpoint: the gateway asks for itself
  message.mutable_upcall()->set_id(1);
  message.mutable_upcall()->set_name("certificate.renew");
  message.mutable_upcall()->set_body(std::move(csr_pem));
  send(message);
}

void ServerLink::renewed(core::Result<std::string> answer) {
  if (const auto told = std::exchange(renewal_, {})) told(std::move(answer));
}

void ServerLink::say_hello() {
  wire::GatewayHello hello;
  hello.set_version(wire::kVersion);
  hello.set_version_oldest(wire::kVersionOldest);
  hello.set_name(gateway_.options().name);
  hello.set_instance(instance_);
  for (const std::string& address : gateway_.options().addresses) hello.add_addresses(address);
  hello.set_capacity(static_cast<std::uint32_t>(gateway_.options().links_max));
  if (upper_)
    for (const std::string& name : upper_->above()) hello.add_behind(name);
  for (const std::string& limit : gateway_.options().limits) hello.add_limits(limit);
  send(hello);
  last_heard_ = core::mono_now();
  beat();
}

void ServerLink::beat() {
  if (!socket_) return;
  if (core::mono_now() - last_heard_ > times_.silence_max)
    return socket_->close(net::CloseCode::kGoingAway, "the server was silent for too long");
  wire::RegionPing ping;
  ping.set_sequence(++sequence_);
  std::string frame;
  wire::append_frame(wire::REGION_PING, wire::body_bytes_max(wire::REGION_PING), ping, frame);
  (void)socket_->send(frame);
  heartbeat_.start(times_.heartbeat, [this] { beat(); });
}

void ServerLink::on_message(std::string_view message) {
  last_heard_ = core::mono_now();
  if (const auto received = receive(message); !received) {
    core::log(Level::kError, "gateway", "the server broke the protocol",
              {{"why", received.error().message}});
    socket_->close(net::CloseCode::kProtocolError, received.error().message);
  }
}

void ServerLink::on_closed(core::Error why) {
  why_ = std::move(why.message);
  if (upper_ && !upper_->why().empty()) why_ = upper_->why();
  heartbeat_.cancel();
  gateway_.server_lost();
  if (std::exchange(welcomed_, false) && !stopping_)
    patience_.start(times_.patience,
                    [this] { gateway_.send_away("the gateway has lost its server"); });
  socket_.reset();
  upper_.reset();
  if (changed_) changed_();
  renewed(fail(Code::kUnavailable, "the connection to the server broke"));
  ended_.notify();
}

core::Status ServerLink::welcome(const wire::GatewayWelcome& message) {
  if (welcomed_) return fail(Code::kInvalid, "a second GatewayWelcome");
  if (message.version() < wire::kVersionOldest || message.version() > wire::kVersion)
    return fail(Code::kInvalid, "no common protocol version; update the older of the two");
  core::log(Level::kInfo, "gateway", "the server has welcomed this gateway",
            {{"server", server_.str()},
             {"behind", upper_ ? upper_->above().front() : ""},
             {"region", message.region()}});
  welcomed_ = true;
  why_.clear();
  patience_.cancel();
  reconnect_.connected(core::mono_now());
  gateway_.server_found(message.admit_per_second());
  if (changed_) changed_();
  return {};
}

void ServerLink::upcall_reply(wire::UpcallReplyDown message) {
  if (!message.endpoint().empty()) return gateway_.upcall_reply(std::move(message));
  if (message.reply().error_code().empty())
    renewed(std::move(*message.mutable_reply()->mutable_body()));
  else
    renewed(fail(Code::kDenied, core::printable(message.reply().error(), 512)));
}

core::Status ServerLink::receive(std::string_view bytes) {
  MUSTER_ASSIGN(const auto frame, wire::split_region_frame(bytes));
  if (!welcomed_ && frame.kind != wire::REGION_GATEWAY_WELCOME && frame.kind != wire::REGION_PONG)
    return fail(Code::kInvalid, "a frame before GatewayWelcome");
  switch (frame.kind) {
    case wire::REGION_GATEWAY_WELCOME: {
      wire::GatewayWelcome message;
      MUSTER_TRY(wire::decode(frame.body, message));
      return welcome(message);
    }
    case wire::REGION_ADMIT:
      return wire::decoded<wire::Admit>(frame.body, [&](auto m) { gateway_.admit(std::move(m)); });
    case wire::REGION_DISPATCH:
      return wire::decoded<wire::Dispatch>(frame.body,
                                           [&](auto m) { gateway_.dispatch(std::move(m)); });
    case wire::REGION_CANCEL_RUN:
      return wire::decoded<wire::CancelRun>(frame.body,
                                            [&](auto m) { gateway_.cancel_run(std::move(m)); });
    case wire::REGION_ACKS:
      return wire::decoded<wire::Acks>(frame.body, [&](auto m) { gateway_.acks(std::move(m)); });
    case wire::REGION_KICK:
      return wire::decoded<wire::Kick>(frame.body, [&](auto m) { gateway_.kick(std::move(m)); });
    case wire::REGION_UPCALL_REPLY:
      return wire::decoded<wire::UpcallReplyDown>(frame.body,
                                                  [&](auto m) { upcall_reply(std::move(m)); });
    case wire::REGION_CONTENT_DATA:
      return wire::decoded<wire::ContentDataDown>(
          frame.body, [&](auto m) { gateway_.content_data(std::move(m)); });
    case wire::REGION_CHUNKS_TAKEN:
      return wire::decoded<wire::ChunksTaken>(frame.body,
                                              [&](auto m) { gateway_.chunks_taken(m); });
    case wire::REGION_INTAKE_TAKEN:
      return wire::decoded<wire::IntakeTaken>(frame.body,
                                              [&](auto m) { gateway_.intake_taken(std::move(m)); });
    case wire::REGION_PONG:
      return {};
    default:
      return fail(Code::kInvalid,
                  "frame of kind " + std::to_string(frame.kind) + " is not a server's");
  }
}

template <typename Message>
void ServerLink::send(const Message& message) {
  // Nobody is admitted before the welcome, so what is dropped here is of older links.
  if (socket_ && !socket_->send(wire::encode(message)))
    socket_->close(net::CloseCode::kPolicy, "the server does not read its link");
}

void ServerLink::link_up(wire::LinkUp message) {
  send(message);
}
void ServerLink::link_down(wire::LinkDown message) {
  send(message);
}
void ServerLink::upcall(wire::UpcallUp message) {
  send(message);
}
void ServerLink::notice(wire::Notice message) {
  send(message);
}
void ServerLink::content_request(wire::ContentRequestUp message) {
  if (upper_) return upper_->request_content(message);
  send(message);
}

void ServerLink::intake(wire::IntakeUp message) {
  if (welcomed_) send(message);  // else it goes with the welcome
}

void ServerLink::reports(wire::Reports message) {
  if (message.ByteSizeLong() <= kReportsBytes) return send(message);
  wire::Reports part;
  std::size_t bytes = 0;
  for (auto& report : *message.mutable_reports()) {
    const std::size_t size = report.ByteSizeLong();
    if (bytes > 0 && bytes + size > kReportsBytes) {
      send(part);
      part.Clear();
      bytes = 0;
    }
    part.add_reports()->Swap(&report);
    bytes += size + 8;
  }
  if (bytes > 0) send(part);
}

}  // namespace muster::gateway
