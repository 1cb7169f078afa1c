// SPDX-License-Identifier: Apache-2.0
//
// A gateway without a network: agents that log in with certificates of the region, and
// a server that writes down what it is told.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway/gateway.h"
#include "identity/authority.h"
#include "net/tests/fake_socket.h"

namespace muster::gateway::testing {

using namespace std::chrono_literals;

struct FakeServer final : link::RegionServer {
  std::vector<wire::LinkUp> ups;
  std::vector<wire::ContentRequestUp> content_requests;
  std::vector<wire::LinkDown> downs;
  std::vector<wire::Reports> batches;
  std::vector<wire::UpcallUp> upcalls;
  std::vector<wire::Notice> notices;
  std::vector<wire::IntakeUp> intakes;
  std::vector<std::string> order;  ///< of everything

  void link_up(wire::LinkUp message) override {
    order.emplace_back("up");
    ups.push_back(std::move(message));
  }
  void link_down(wire::LinkDown message) override {
    order.emplace_back("down");
    downs.push_back(std::move(message));
  }
  void reports(wire::Reports message) override {
    order.emplace_back("reports");
    batches.push_back(std::move(message));
  }
  void upcall(wire::UpcallUp message) override { upcalls.push_back(std::move(message)); }
  void intake(wire::IntakeUp message) override { intakes.push_back(std::move(message)); }
  void notice(wire::Notice message) override { notices.push_back(std::move(message)); }
  void content_request(wire::ContentRequestUp message) override {
    content_requests.push_back(std::move(message));
  }
};

/// One machine: its certificate, and its newest link as it sees it.
struct Agent {
  Agent(const identity::Authority& authority, core::Duration validity = 12h)
      : certificate([&] {
          identity::LeafSpec spec;
          spec.name = id.str();
          spec.validity = validity;
          return authority.issue(key.public_key_der(), spec, core::wall_now()).value();
        }()) {}

  identity::PrivateKey key = identity::PrivateKey::generate();
  core::EndpointId id = key.endpoint_id();
  identity::Certificate certificate;
  std::shared_ptr<net::testing::SocketRecord> socket;

  std::string bytes() const { return std::string(id.bytes()); }

  template <std::derived_from<google::protobuf::MessageLite> Message>
  void say(const Message& message) {
    socket->deliver(message);
  }
  void hello(std::vector<std::uint64_t> finished = {}, std::string instance = "0123456789abcdef") {
    wire::Hello hello;
    hello.set_version(wire::kVersion);
    hello.set_version_oldest(wire::kVersionOldest);
    hello.set_instance(std::move(instance));
    hello.set_nonce("a nonce of bytes");
    for (const std::uint64_t run : finished) {
      hello.add_held()->set_run(run);
      hello.mutable_held()->rbegin()->set_state(wire::HELD_FINISHED);
    }
    say(hello);
  }
  void started(std::uint64_t run) {
    wire::Started message;
    message.set_run(run);
    say(message);
  }
  void announce(std::uint64_t run, std::string out = "hi\n") {
    wire::Announce message;
    message.set_run(run);
    message.set_outcome(wire::OUTCOME_SUCCEEDED);
    message.set_is_inline(true);
    message.set_stdout_bytes(out.size());
    message.set_stdout_inline(std::move(out));
    say(message);
  }
  /// A large result, in pieces of 64 KiB for which there is credit.
  void announce_large(std::uint64_t run, std::uint64_t bytes) {
    wire::Announce message;
    message.set_run(run);
    message.set_outcome(wire::OUTCOME_SUCCEEDED);
    message.set_stdout_bytes(bytes);
    say(message);
  }
  void piece(std::uint64_t run, std::uint64_t offset) {
    wire::Chunk message;
    message.set_run(run);
    message.set_stream(wire::STREAM_STDOUT);
    message.set_offset(offset);
    message.set_data(std::string(wire::kChunkBytesMax, 'x'));
    say(message);
  }
  std::uint64_t granted() const {
    std::uint64_t bytes = 0;
    for (const auto& grant : socket->all<wire::Grant>()) bytes += grant.bytes();
    return bytes;
  }
  std::vector<std::uint64_t> acked() const {
    std::vector<std::uint64_t> runs;
    for (const auto& ack : socket->all<wire::ResultAck>())
      runs.insert(runs.end(), ack.runs().begin(), ack.runs().end());
    return runs;
  }
};

class GatewayFixture : public ::testing::Test {
 protected:
  /// What is ready now.
  void settle() {
    loop.context().restart();
    loop.context().poll();
  }
  template <typename Condition>
  void run_until(Condition condition, int line = __builtin_LINE()) {
    const auto guard = boost::asio::make_work_guard(loop.context());
    const auto deadline = core::mono_now() + 30s;
    while (!condition()) {
      ASSERT_LT(core::mono_now(), deadline) << "it hangs at line " << line;
      loop.context().restart();
      loop.context().run_one_for(1s);
    }
  }
  /// The agent opens /link.
  static void dial(runtime::Loop& loop, Gateway& gateway, Agent& agent) {
    agent.socket = std::make_shared<net::testing::SocketRecord>();
    net::Request request;
    request.remote_address = "192.0.2.7";
    gateway.accept(request, std::make_unique<net::testing::FakeSocket>(loop, agent.socket,
                                                                       agent.certificate.native()));
  }
  static wire::Admit admit(const wire::LinkUp& up) {
    wire::Admit message;
    message.set_endpoint(up.endpoint());
    message.set_link(up.link());
    message.set_admitted(true);
    return message;
  }
  static wire::Acks acks(std::uint64_t run, std::string targets) {
    wire::Acks message;
    message.add_acks()->set_run(run);
    message.mutable_acks(0)->set_targets(std::move(targets));
    return message;
  }

  runtime::Loop loop;
  identity::Authority authority = identity::Authority::create(core::wall_now(), 24h);
};

}  // namespace muster::gateway::testing
