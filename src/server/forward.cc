// SPDX-License-Identifier: Apache-2.0
#include "server/forward.h"

#include <algorithm>
#include <array>

#include "core/bytes.h"
#include "core/log.h"
#include "identity/certificate.h"
#include "net/content_length.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;
using core::Code;

constexpr core::Duration kConnectTime = 3s;
constexpr core::Duration kLookAgain = 500ms;
/// As long as a client of the leader would wait; live events come more often.
constexpr net::ClientLimits kLimits{
    .connect_time_max = kConnectTime, .response_time_max = 10min, .stream_idle_max = 10min};
constexpr std::size_t kIdleMax = 64;
/// Bodies up to this size travel whole, on a connection that is kept.
constexpr std::size_t kSmallBytes = 64 * 1024;

/// What belongs to one connection, or is said anew on the next.
constexpr std::array<std::string_view, 14> kOwn{
    "connection",   "content-length", "date",
    "expect",       "host",           "keep-alive",
    "te",           "trailer",        "transfer-encoding",
    "upgrade",      "user-agent",     kForwardedFor,
    kForwardedHost, kForwardedPeer};

/// The request as the leader gets it, without its body.
net::ClientRequest onward_of(const net::Request& request) {
  net::ClientRequest onward{.method = request.method, .target = request.target};
  for (const auto& [name, value] : request.headers)
    if (std::ranges::find(kOwn, name) == kOwn.end()) onward.headers.emplace_back(name, value);
  onward.headers.emplace_back(std::string(kForwardedFor), request.remote_address);
  onward.headers.emplace_back(std::string(kForwardedHost),
                              core::printable(request.header("host").value_or(""), 300));
  // Whether it is believed is the leader's to say; that it holds its key was seen here.
  if (request.alpn == net::kAlpnPeer)
    onward.headers.emplace_back(kForwardedPeer, core::to_hex(request.peer_certificate));
  return onward;
}

core::Status check_leader(std::string_view leaf_der, const std::string& name) {
  MUSTER_ASSIGN(const auto certificate, identity::Certificate::from_der(leaf_der));
  MUSTER_ASSIGN(const auto peer, identity::peer_identity(certificate));
  if (peer.role == identity::Role::kServer && peer.name == name) return {};
  return core::fail(Code::kUnauthorized, "there is " + std::string(identity::name(peer.role)) +
                                             " " + peer.name + ", not the server " + name);
}

}  // namespace

Forwarder::Forwarder(runtime::Loop& loop, net::TlsIdentity identity, std::string ca_pem)
    : loop_(loop),
      identity_(std::move(identity)),
      ca_pem_(std::move(ca_pem)),
      tasks_(loop, "forward") {}

Forwarder::~Forwarder() = default;

runtime::Task<void> Forwarder::stop() {
  return tasks_.stop();
}

void Forwarder::lead_by(const std::string& name, const std::vector<std::string>& addresses) {
  std::vector<net::ServerAddress> parsed;
  for (const auto& text : addresses)
    if (auto address = net::ServerAddress::parse(text)) parsed.push_back(std::move(*address));
  const auto text_of = [](const auto& list) {
    std::string text;
    for (const auto& one : list) text += one.str() + " ";
    return text;
  };
  if (name == name_ && text_of(parsed) == text_of(addresses_)) return;
  name_ = name;
  addresses_ = std::move(parsed);
  idle_.clear();
  tls_.reset();
  look_again();
}

// Where the leader can be reached is found out by trying, not by a client's request.
void Forwarder::look_again() {
  found_.reset();
  ++turn_;
  if (addresses_.empty()) return;
  if (!tls_) {
    auto made = net::TlsClientContext::make(
        {.ca_pem = ca_pem_,
         .identity = identity_,
         .alpn = std::string(net::kAlpnServer),
         .check_peer = [name = name_](std::string_view leaf) { return check_leader(leaf, name); }});
    if (!made) return;  // our own identity is bad: said at the start
    tls_ = std::move(*made);
  }
  tasks_.spawn(find(turn_));
}

runtime::Task<void> Forwarder::find(std::uint64_t turn) {
  std::string told;
  while (turn == turn_) {
    for (const auto& address : std::vector(addresses_)) {
      auto stream = co_await net::connect_tls(loop_, address, tls_, kConnectTime);
      if (turn != turn_) co_return;
      if (stream) {
        core::log(core::Level::kInfo, "server", "the leader is found",
                  {{"server", name_}, {"address", address.str()}});
        found_ = address;
        co_return;
      }
      if (told == stream.error().message) continue;
      told = stream.error().message;
      core::log(core::Level::kWarn, "server", "the leader cannot be reached",
                {{"server", name_}, {"address", address.str()}, {"why", told}});
    }
    if (!co_await runtime::sleep_for(kLookAgain)) co_return;
  }
}

net::Response Forwarder::unavailable(std::string why) {
  return net::Response::error(
      {Code::kUnavailable, std::move(why) + "; nothing of this was done, try again"});
}

Forwarder::Client Forwarder::client() {
  if (idle_.empty()) return std::make_shared<net::HttpClient>(loop_, *found_, tls_, kLimits);
  auto kept = std::move(idle_.back());
  idle_.pop_back();
  return kept;
}

void Forwarder::give_back(net::ClientStream stream, Client client, std::uint64_t turn) {
  client->keep(std::move(stream));
  if (turn == turn_ && idle_.size() < kIdleMax) idle_.push_back(std::move(client));
}

net::Response Forwarder::failed(const net::Request& request, const core::Error& why) {
  ++stats_.broken;
  if (why.code == Code::kLimit || why.code == Code::kInvalid) return net::Response::error(why);
  const bool safe = request.method == "GET" || request.method == "HEAD";
  return net::Response::error(
      {Code::kUnavailable,
       safe ? "the server that leads was lost while it was asked; try again"
            : "the server that leads was lost while it was asked: whether this was done is not "
              "known. Repeat it with the same Idempotency-Key, or look first"});
}

runtime::Task<net::Response> Forwarder::forward(net::Request& request) {
  if (!found_) {
    ++stats_.without;
    co_return unavailable(name_.empty() ? "no server leads the region at this moment"
                                        : "the server that leads, " + name_ +
                                              ", cannot be reached from this one");
  }
  net::ClientRequest onward = onward_of(request);
  const auto length = net::content_length(request.header("content-length"));
  if (length && *length <= kSmallBytes) {
    for (;;) {
      auto part = co_await request.body_stream->read();
      if (!part) co_return net::Response::error(part.error());
      if (part->empty()) break;
      onward.body += *part;
    }
  } else if (length || request.header("transfer-encoding")) {
    onward.body_stream = request.body_stream;
  }
  const std::uint64_t turn = turn_;
  const Client to = client();
  auto opened = co_await to->open(std::move(onward));
  if (!opened) {
    if (opened.error().code == Code::kUnavailable && turn == turn_) look_again();
    co_return failed(request, opened.error());
  }
  const net::ClientResponse& from = opened->response();
  net::Response response;
  response.status = from.status;
  for (const auto& [name, value] : from.headers)
    if (std::ranges::find(kOwn, name) == kOwn.end()) response.headers.emplace_back(name, value);
  const auto size = net::content_length(from.header("content-length"));
  const bool empty = request.method == "HEAD" || from.status == 204 || from.status == 304;
  if (empty || (size && *size <= kSmallBytes)) {
    for (;;) {
      auto part = co_await opened->read();
      if (!part) co_return failed(request, part.error());
      if (part->empty()) break;
      response.body += *part;
    }
    give_back(std::move(*opened), to, turn);
    if (request.method == "HEAD" && size) {  // how long it would be; nothing is produced
      response.content_length = size;
      response.producer = [](net::BodyWriter&) -> runtime::Task<core::Status> {
        co_return core::Status{};
      };
    }
  } else {
    response.content_length = size;
    auto stream = std::make_shared<net::ClientStream>(std::move(*opened));
    response.producer = [this, stream, to,
                         turn](net::BodyWriter& writer) -> runtime::Task<core::Status> {
      for (;;) {
        MUSTER_CO_ASSIGN(std::string part, co_await stream->read());
        if (part.empty()) break;
        MUSTER_CO_TRY(co_await writer.write(std::move(part)));
      }
      give_back(std::move(*stream), to, turn);
      co_return core::Status{};
    };
  }
  ++stats_.forwarded;
  co_return response;
}

}  // namespace muster::server
