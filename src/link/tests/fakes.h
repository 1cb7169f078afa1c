// SPDX-License-Identifier: Apache-2.0
//
// Ports that write down what a session does, for the tests of this module.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "link/endpoint_session.h"
#include "link/gateway_session.h"
#include "wire/frame.h"

namespace muster::link::testing {

using namespace std::chrono_literals;

inline core::MonoTime at(core::Duration since_start) {
  return core::MonoTime{} + 1000h + since_start;
}

/// The frames that went out, and whether the link ended.
struct Wire {
  std::deque<std::string> frames;
  std::vector<Ending> endings;

  template <typename Message>
  std::vector<Message> all() const {
    std::vector<Message> found;
    for (const std::string& frame : frames) {
      const auto split = wire::split_link_frame(frame);
      if (split->kind != wire::KindOf<Message>::kind) continue;
      EXPECT_TRUE(wire::decode(split->body, found.emplace_back()));
    }
    return found;
  }
  template <typename Message>
  Message only() const {
    const std::vector<Message> found = all<Message>();
    EXPECT_EQ(found.size(), 1U) << wire::KindOf<Message>::kind;
    return found.empty() ? Message{} : found.front();
  }
};

struct FakeEndpointPort : EndpointPort, Wire {
  std::size_t backlog = 0;
  std::size_t wants_below = 0;
  std::vector<wire::ContentData> contents;
  void send(std::string_view frame) override { frames.emplace_back(frame); }
  std::size_t backlog_bytes() const override { return backlog; }
  void notify_below(std::size_t bytes) override { wants_below = bytes; }
  void closed(const Ending& ending) override { endings.push_back(ending); }
  void content(const wire::ContentData& data) override { contents.push_back(data); }
};

struct FakeGatewayPort : GatewayPort, Wire {
  std::vector<wire::Hello> hellos;
  std::vector<wire::Started> starts;
  std::vector<wire::Output> outputs;
  std::vector<wire::Announce> announces;
  std::vector<wire::Upcall> upcalls;
  std::string chunks;
  int complete = 0;
  void send(std::string_view frame) override { frames.emplace_back(frame); }
  void closed(const Ending& ending) override { endings.push_back(ending); }
  void hello(wire::Hello&& m) override { hellos.push_back(std::move(m)); }
  void started(wire::Started&& m) override { starts.push_back(std::move(m)); }
  void output(wire::Output&& m) override { outputs.push_back(std::move(m)); }
  void announced(wire::Announce&& m) override {
    announces.push_back(std::move(m));
    chunks.clear();
  }
  void chunk(wire::Chunk&& m, bool last) override {
    chunks += m.data();
    complete += last;
  }
  void upcall(wire::Upcall&& m) override { upcalls.push_back(std::move(m)); }
  void content_request(wire::ContentRequest&&) override {}
};

/// Believes every order but those that `why_not` speaks against.
struct FakeOrders : OrderPort {
  std::string why_not;
  core::Duration accepted_for = 60s;
  std::vector<std::string> nonces;
  core::Status take_ticket(const wire::SignedTicket&, std::string_view nonce, core::MonoTime,
                           core::MonoTime) override {
    nonces.emplace_back(nonce);
    return {};
  }
  core::Result<core::MonoTime> check(const wire::SignedInvoke&, const wire::Invoke&,
                                     core::MonoTime now) override {
    if (!why_not.empty()) return core::fail(core::Code::kUnauthorized, why_not);
    return now + accepted_for;
  }
};

struct FakeWork : WorkPort {
  std::vector<wire::Invoke> started;
  std::vector<core::RunId> cancelled;
  void start_work(const wire::Invoke& invoke) override { started.push_back(invoke); }
  void cancel_work(core::RunId run, const std::string&) override { cancelled.push_back(run); }
};

inline wire::Invoke command(std::uint64_t run) {
  wire::Invoke invoke;
  invoke.set_run(run);
  invoke.mutable_command()->add_argv("true");
  return invoke;
}

inline wire::SignedInvoke unsigned_order(const wire::Invoke& invoke) {
  wire::SignedInvoke message;
  message.set_invoke(invoke.SerializeAsString());
  return message;
}

inline RunResult result(std::string out, std::string err = {}) {
  RunResult r;
  r.announce.set_outcome(wire::OUTCOME_SUCCEEDED);
  r.stdout_bytes = std::move(out);
  r.stderr_bytes = std::move(err);
  return r;
}

inline wire::Hello good_hello() {
  wire::Hello hello;
  hello.set_version(wire::kVersion);
  hello.set_version_oldest(wire::kVersionOldest);
  hello.set_instance("0123456789abcdef");
  hello.set_nonce("fedcba9876543210");
  return hello;
}

}  // namespace muster::link::testing
