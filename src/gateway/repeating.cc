// SPDX-License-Identifier: Apache-2.0
#include "gateway/repeating.h"

#include <algorithm>
#include <vector>

#include "core/log.h"
#include "gateway/content_relay.h"
#include "identity/certificate.h"
#include "wire/frame.h"

namespace muster::gateway {

using core::Code;
using core::fail;
using core::Level;

/// One gateway behind this one: its connection, and its tunnel once there is one.
class Repeating::Session final : public net::WebSocketHandler, private net::RawStreamHandler {
 public:
  Session(Repeating& owner, content::ClientId number, std::string name,
          std::unique_ptr<net::MessageSocket> socket)
      : owner_(owner),
        number_(number),
        name_(std::move(name)),
        socket_(std::move(socket)),
        silence_(owner.loop_) {}

  void start() {
    silence_.start(wire::kHelloDeadline, [this] { close("no hello in time"); });
    socket_->start(*this);
  }
  const std::string& name() const { return name_; }
  bool joined() const { return tunnel_.bytes != nullptr; }
  const wire::RepeatHello& said() const { return hello_; }

  /// The answer to its hello; `tunnel` where it is welcome.
  void join(const wire::RepeatWelcome& welcome, Tunnel tunnel) {
    if (closing_) return;
    if (!socket_->send(wire::encode(welcome))) return close("the link is not read");
    if (!welcome.refused().empty()) return close(welcome.refused());
    tunnel_ = std::move(tunnel);
    tunnel_.bytes->start(*this);
    core::log(Level::kInfo, "gateway", "a gateway stands behind this one", {{"gateway", name_}});
  }
  void send(std::string_view frame) {
    if (closing_) return;
    if (!socket_->send(frame))  // not from inside the content's call
      return silence_.start(core::Duration{1}, [this] { close("the link is not read"); });
    socket_->notify_below(kTunnelResumeBytes);
  }
  void close(std::string_view reason, net::CloseCode code = net::CloseCode::kGoingAway) {
    if (closing_) return;
    why_ = reason;  // a copy: what it points to may end here
    end();
    socket_->pause_reading(false);
    socket_->close(code, why_);
  }

  void on_message(std::string_view message) override {
    if (closing_) return;
    if (said_hello_) watch_silence();
    if (const auto received = receive(message); !received) {
      core::log(Level::kWarn, "gateway", "a gateway behind this one broke the protocol",
                {{"gateway", name_}, {"why", received.error().message}});
      close(received.error().message, net::CloseCode::kPolicy);
    }
  }
  void on_closed(core::Error why) override {
    core::log(Level::kInfo, "gateway", "a gateway behind this one is gone",
              {{"gateway", name_}, {"why", why_.empty() ? why.message : why_}});
    end();
    owner_.gone(number_);
  }
  void on_drained() override {
    if (closing_) return;
    if (tunnel_.bytes) tunnel_.bytes->pause_reading(false);
    if (owner_.content_) owner_.content_->taken(number_, socket_->queued_bytes());
  }

 private:
  void end() {
    if (std::exchange(closing_, true)) return;
    silence_.cancel();
    tunnel_.bytes.reset();
    tunnel_.upper.reset();
    owner_.content_gone(number_);
  }
  void watch_silence() {
    silence_.start(owner_.options_.silence_max, [this] { close("it was silent for too long"); });
  }

  core::Status receive(std::string_view bytes) {
    MUSTER_ASSIGN(const auto frame, wire::split_region_frame(bytes));
    if (frame.kind == wire::REGION_REPEAT_HELLO)
      return wire::decoded<wire::RepeatHello>(frame.body, [&](auto m) { hello(std::move(m)); });
    if (!joined()) return fail(Code::kInvalid, "a frame before RepeatWelcome");
    switch (frame.kind) {
      case wire::REGION_TUNNEL_UP:
        return take(frame.body);
      case wire::REGION_CONTENT_REQUEST:
        return request(frame.body);
      default:
        return fail(Code::kInvalid, "frame of kind " + std::to_string(frame.kind) +
                                        " is not a gateway's to the one above");
    }
  }

  void hello(wire::RepeatHello message) {
    if (std::exchange(said_hello_, true))
      return close("a second RepeatHello", net::CloseCode::kPolicy);
    hello_ = std::move(message);
    watch_silence();
    const auto& options = owner_.options_;
    const auto answer = answer_to(hello_, options.name, owner_.upstream_.standing(),
                                  options.allowed, owner_.gateways(), name_);
    if (answer.refused().empty())
      return owner_.tasks_.spawn(owner_.open(owner_.sessions_.at(number_)));
    core::log(Level::kWarn, "gateway", "refused a gateway behind this one",
              {{"gateway", name_}, {"why", answer.refused()}});
    join(answer, {});
  }

  core::Status take(std::string_view body) {
    wire::TunnelUp message;
    MUSTER_TRY(wire::decode(body, message));
    if (!tunnel_.bytes->send(message.data()))
      return fail(Code::kLimit, "the server does not read the tunnel");
    if (tunnel_.bytes->queued_bytes() <= kTunnelAheadBytes) return {};
    socket_->pause_reading(true);
    tunnel_.bytes->notify_below(kTunnelResumeBytes);
    return {};
  }

  core::Status request(std::string_view body) {
    wire::ContentRequestUp message;
    MUSTER_TRY(wire::decode(body, message));
    if (message.request().digest().size() != core::ContentId::kBytes)
      return fail(Code::kInvalid, "a content digest has 32 bytes");
    if (owner_.content_) owner_.content_->request(number_, message.request());
    return {};
  }

  void on_bytes(std::string_view bytes) override {
    wire::TunnelDown message;
    message.set_data(std::string(bytes));
    if (!socket_->send(wire::encode(message))) return close("the link is not read");
    if (socket_->queued_bytes() <= kTunnelAheadBytes) return;
    tunnel_.bytes->pause_reading(true);
    socket_->notify_below(kTunnelResumeBytes);
  }
  void on_room() override { socket_->pause_reading(false); }
  void on_ended(core::Error why) override {
    const bool by_upper = tunnel_.upper && !tunnel_.upper->why().empty();
    close(by_upper ? tunnel_.upper->why() : "the server has ended the tunnel: " + why.message);
  }

  Repeating& owner_;
  const content::ClientId number_;
  const std::string name_;
  std::unique_ptr<net::MessageSocket> socket_;
  Tunnel tunnel_;
  runtime::Timer silence_;
  std::string why_;
  wire::RepeatHello hello_;
  bool said_hello_ = false;
  bool closing_ = false;
};

Repeating::Repeating(runtime::Loop& loop, Options options, Upstream& upstream)
    : loop_(loop),
      options_(std::move(options)),
      upstream_(upstream),
      tasks_(loop, "repeating"),
      self_(std::make_shared<Repeating*>(this)) {}

Repeating::~Repeating() {
  *self_ = nullptr;
}

void Repeating::serve(ContentRelay& content) {
  content_ = &content.serve_gateways(*this);
}

std::size_t Repeating::gateways() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(sessions_, [](const auto& item) { return item.second->joined(); }));
}

void Repeating::accept(const net::Request& request, std::unique_ptr<net::MessageSocket> socket) {
  const auto peer = [&]() -> core::Result<identity::PeerIdentity> {
    x509_st* native = socket->peer_certificate_native();
    if (!native) return fail(Code::kUnauthorized, "it showed no certificate");
    return identity::peer_identity(identity::Certificate::of(native));
  }();
  const bool ours =
      peer && peer->role == identity::Role::kGateway && peer->region == options_.region;
  if (!ours || tasks_.stopping() || sessions_.size() >= 2 * kBehindMax) {
    core::log(Level::kWarn, "gateway", "refused a link of a gateway",
              {{"address", request.remote_address},
               {"why", !peer   ? peer.error().message
                       : !ours ? "not a gateway of this region"
                               : "too many, or stopping"}});
    return;  // dropping the socket closes it
  }
  socket->forget_peer_certificate();
  const content::ClientId number = ++last_;
  auto session = std::make_shared<Session>(*this, number, peer->name, std::move(socket));
  sessions_.emplace(number, session);
  session->start();
}

runtime::Task<void> Repeating::open(std::shared_ptr<Session> session) {
  auto tunnel = co_await upstream_.tunnel(kTunnelTime);
  // What has changed meanwhile counts: also the names above may be others.
  auto welcome = answer_to(session->said(), options_.name, upstream_.standing(), options_.allowed,
                           gateways(), session->name());
  if (!tunnel && welcome.refused().empty())
    welcome.set_refused("the gateway " + options_.name +
                        " cannot reach its server: " + tunnel.error().message);
  session->join(welcome, tunnel ? std::move(*tunnel) : Tunnel{});
}

Repeating::Session* Repeating::find(content::ClientId number) {
  const auto at = sessions_.find(number);
  return at == sessions_.end() ? nullptr : at->second.get();
}

void Repeating::content_gone(content::ClientId number) {
  if (content_) content_->gone(number);
}

// Not from within its own callback.
void Repeating::gone(content::ClientId number) {
  loop_.post([self = self_, number] {
    if (*self) (*self)->sessions_.erase(number);
  });
}

std::string Repeating::encode(const wire::ContentData& data) {
  wire::ContentDataDown message;
  *message.mutable_data() = data;
  return wire::encode(message);
}

void Repeating::send(content::ClientId gateway, std::string_view frame) {
  if (Session* session = find(gateway)) session->send(frame);
}

void Repeating::stalled(content::ClientId gateway) {
  if (Session* session = find(gateway))
    session->close("the content that was asked for is not read");
}

void Repeating::close(std::string_view reason) {
  std::vector<std::shared_ptr<Session>> all;
  for (const auto& [number, session] : sessions_) all.push_back(session);
  for (const auto& session : all) session->close(reason);
}

runtime::Task<void> Repeating::stop() {
  close("the gateway above stops");
  co_await tasks_.stop();
}

}  // namespace muster::gateway
