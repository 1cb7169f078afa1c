// SPDX-License-Identifier: Apache-2.0
//
// Feeds frames to both ends. Input: one byte says which end and how far the time moves,
// two bytes give the length of the frame that follows, and so on.
#include <chrono>
#include <cstdint>

#include "core/assert.h"
#include "link/endpoint_session.h"
#include "link/gateway_session.h"

namespace {

using namespace muster;

struct NoWork : link::WorkPort {
  link::EndpointRuns* runs = nullptr;
  void start_work(const wire::Invoke& invoke) override {
    link::RunResult result;
    result.announce.set_outcome(wire::OUTCOME_SUCCEEDED);
    result.stdout_bytes.assign(invoke.run() % 100'000, 'x');
    if (invoke.run() % 3 != 0) runs->finished(core::RunId{invoke.run()}, std::move(result), {});
  }
  void cancel_work(core::RunId run, const std::string&) override { runs->finished(run, {}, {}); }
};

/// Takes two of three orders, so that what lies behind is reached.
struct AnyOrder : link::OrderPort {
  core::Status take_ticket(const wire::SignedTicket&, std::string_view, core::MonoTime,
                           core::MonoTime) override {
    return {};
  }
  core::Result<core::MonoTime> check(const wire::SignedInvoke&, const wire::Invoke& invoke,
                                     core::MonoTime now) override {
    if (invoke.run() % 3 == 2) return core::fail(core::Code::kUnauthorized, "not signed");
    return now + std::chrono::seconds(60);
  }
};

struct Up : link::EndpointPort {
  bool ended = false;
  void send(std::string_view) override { MUSTER_ASSERT(!ended); }
  std::size_t backlog_bytes() const override { return 0; }
  void notify_below(std::size_t) override {}
  void closed(const link::Ending&) override { MUSTER_ASSERT(!std::exchange(ended, true)); }
};

struct Down : link::GatewayPort {
  link::GatewaySession* session = nullptr;
  bool ended = false;
  void send(std::string_view) override { MUSTER_ASSERT(!ended); }
  void closed(const link::Ending&) override { MUSTER_ASSERT(!std::exchange(ended, true)); }
  void hello(wire::Hello&&) override { session->admit({}, {}, {}); }
  void started(wire::Started&&) override {}
  void output(wire::Output&&) override {}
  void announced(wire::Announce&&) override {}
  void chunk(wire::Chunk&&, bool) override {}
  void upcall(wire::Upcall&&) override {}
  void content_request(wire::ContentRequest&&) override {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  NoWork work;
  link::EndpointRuns runs(work, 2);
  work.runs = &runs;
  Up up;
  AnyOrder orders;
  link::EndpointSession endpoint(up, runs, orders, 1);
  link::GatewayShared shared("region", "gateway");
  Down down;
  core::MonoTime now{};
  link::GatewaySession gateway(down, shared, now);
  down.session = &gateway;
  endpoint.start({.instance = std::string(16, 'i'), .nonce = std::string(16, 'n'), .facts = {}},
                 now);
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (rest.size() >= 3) {
    const auto control = static_cast<std::uint8_t>(rest[0]);
    const std::size_t length =
        static_cast<std::uint8_t>(rest[1]) * 256U + static_cast<std::uint8_t>(rest[2]);
    rest.remove_prefix(3);
    const std::string_view frame = rest.substr(0, length);
    rest.remove_prefix(frame.size());
    now += std::chrono::seconds(control >> 1);
    if (control & 1)
      endpoint.receive(frame, now);
    else
      gateway.receive(frame, now);
    runs.tick(now);
    endpoint.tick(now);
    gateway.tick(now);
    MUSTER_ASSERT(runs.all().size() <= 256);
  }
  return 0;
}
