// SPDX-License-Identifier: Apache-2.0
//
// What two gateways say to each other, from either end: one byte chooses who is spoken to (0: the
// gateway below hears the one above, else the other way round), then two bytes give the length of
// a frame, and so on. Whatever comes, the link ends with a reason or goes on.
#include <cstdint>

#include "core/assert.h"
#include "core/log.h"
#include "gateway/content_relay.h"
#include "gateway/repeating.h"
#include "identity/authority.h"
#include "wire/frame.h"

namespace {

using namespace muster;

struct Line {
  net::WebSocketHandler* handler = nullptr;
  bool closed = false;
};

class Socket final : public net::MessageSocket {
 public:
  Socket(Line& line, x509_st* certificate) : line_(line), certificate_(certificate) {}
  ~Socket() override { line_.handler = nullptr; }
  void start(net::WebSocketHandler& handler) override { line_.handler = &handler; }
  bool send(std::string_view message) override {
    MUSTER_ASSERT(wire::split_region_frame(message));
    return !line_.closed;
  }
  void close(net::CloseCode, std::string_view reason) override {
    MUSTER_ASSERT(!reason.empty());
    line_.closed = true;
  }
  void notify_below(std::uint32_t) override {}
  void pause_reading(bool) override {}
  std::size_t queued_bytes() const override { return 0; }
  x509_st* peer_certificate_native() const override { return certificate_; }

 private:
  Line& line_;
  x509_st* certificate_;
};

struct Upstream final : gateway::Upstream {
  runtime::Loop& loop;
  explicit Upstream(runtime::Loop& on) : loop(on) {}
  gateway::Standing standing() const override { return {.has_server = true}; }
  runtime::Task<core::Result<gateway::Tunnel>> tunnel(core::Duration) override {
    MUSTER_CO_ASSIGN(auto ends, net::RawStream::pair(loop));
    co_return gateway::Tunnel{nullptr, std::make_unique<net::RawStream>(std::move(ends.first))};
  }
};

void settle(runtime::Loop& loop) {
  loop.context().restart();
  while (loop.context().poll() > 0) {
  }
}

void feed(runtime::Loop& loop, Line& line, std::string_view rest) {
  while (rest.size() >= 2 && line.handler && !line.closed) {
    const std::size_t length =
        static_cast<std::uint8_t>(rest[0]) * 256U + static_cast<std::uint8_t>(rest[1]);
    rest.remove_prefix(2);
    const std::string frame(rest.substr(0, length));
    rest.remove_prefix(frame.size());
    line.handler->on_message(frame);
    settle(loop);
  }
  if (line.handler) line.handler->on_closed({core::Code::kUnavailable, "it broke"});
  settle(loop);
}

void feed_lower(std::string_view input) {
  runtime::Loop loop;
  Line line;
  gateway::Upper upper(loop, "far", std::make_unique<Socket>(line, nullptr));
  bool tunnel = false;
  upper.on_content([&](const auto&) { tunnel = true; });
  const auto end = upper.open_tunnel();
  feed(loop, line, input);
  MUSTER_ASSERT(upper.above().size() <= gateway::kTiersMax);
  MUSTER_ASSERT(!tunnel || !upper.above().empty());
}

void feed_upper(std::string_view input) {
  static const auto authority =
      identity::Authority::create(core::wall_now(), std::chrono::hours(24));
  static const auto certificate = [] {
    identity::LeafSpec spec;
    spec.role = identity::Role::kGateway;
    spec.name = "far";
    spec.validity = std::chrono::hours(12);
    return authority
        .issue(identity::PrivateKey::generate().public_key_der(), spec, core::wall_now())
        .value();
  }();
  runtime::Loop loop;
  Line line;
  Upstream upstream(loop);
  gateway::Repeating repeating(loop, {.region = authority.region(), .name = "hub", .allowed = true},
                               upstream);
  repeating.accept({}, std::make_unique<Socket>(line, certificate.native()));
  feed(loop, line, input);
  MUSTER_ASSERT(repeating.gateways() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  core::set_log_level(core::Level::kError);
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  data[0] == 0 ? feed_lower(input) : feed_upper(input);
  return 0;
}
