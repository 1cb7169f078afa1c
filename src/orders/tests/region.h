// SPDX-License-Identifier: Apache-2.0
//
// A region's signer, and what a gateway would make of its orders.
#pragma once

#include <gtest/gtest.h>

#include "identity/authority.h"
#include "orders/guard.h"
#include "orders/order_frames.h"
#include "orders/signer.h"
#include "wire/frame.h"

namespace muster::orders::testing {

using namespace std::chrono_literals;

inline const core::WallTime kWall = core::wall_from_unix_ms(1'800'000'000'000);
inline core::MonoTime at(core::Duration since_start) {
  return core::MonoTime{} + 100h + since_start;
}

struct Region {
  identity::Authority authority = identity::Authority::create(kWall, 24h * 30);
  identity::PrivateKey key = identity::PrivateKey::generate();
  identity::Certificate certificate = certify(identity::Role::kSigner, "orders");
  /// The server's wall clock is the endpoints' here; nothing may hang on that.
  Signer signer{authority.region(), key, certificate, kWall, at(0s)};

  identity::Certificate certify(identity::Role role, std::string name) {
    identity::LeafSpec spec;
    spec.role = role;
    spec.name = std::move(name);
    spec.validity = 24h;
    return *authority.issue(key.public_key_der(), spec, kWall);
  }
  std::shared_ptr<Verifier> verifier() {
    return std::make_shared<Verifier>(authority.certificate(), authority.region(),
                                      [] { return kWall; });
  }
};

/// One endpoint's agent process.
struct Endpoint {
  Endpoint(Region& in, std::string name, char instance_letter = 'a')
      : region(in),
        id(core::EndpointId::of_public_key(name)),
        instance(16, instance_letter),
        guard(in.verifier(), id, instance) {}
  core::Status log_in(core::Duration hello = 0s, core::Duration welcome = 1s) {
    return guard.take_ticket(region.signer.ticket(id.bytes(), nonce, at(welcome)), nonce, at(hello),
                             at(welcome));
  }
  Region& region;
  core::EndpointId id;
  std::string instance;
  std::string nonce = std::string(16, 'n');
  Guard guard;
};

inline wire::Invoke command(std::uint64_t run, std::string word = "true") {
  wire::Invoke invoke;
  invoke.set_run(run);
  invoke.mutable_command()->add_argv(std::move(word));
  return invoke;
}

/// The server's message to the gateway of these endpoints.
inline wire::Dispatch dispatch(const Region& region, const wire::Invoke& invoke,
                               const std::vector<const Endpoint*>& endpoints, core::MonoTime now) {
  wire::Dispatch message;
  std::string instances;
  for (const Endpoint* endpoint : endpoints) {
    *message.mutable_targets() += endpoint->id.bytes();
    instances += endpoint->instance;
    message.add_links(1);
  }
  message.set_run(invoke.run());
  message.set_invoke(invoke.SerializeAsString());
  auto order = region.signer.order(core::RunId(invoke.run()), message.invoke(), message.targets(),
                                   instances, now);
  message.set_order(order.order);
  message.set_signature(order.signature);
  message.set_leaves(order.leaves);
  return message;
}

inline wire::SignedInvoke at_place(OrderFrames& frames, std::size_t index) {
  wire::SignedInvoke message;
  const auto frame = wire::split_link_frame(frames.frame(index));
  EXPECT_TRUE(frame && frame->kind == wire::FRAME_INVOKE);
  EXPECT_TRUE(wire::decode(frame->body, message));
  return message;
}

/// What the last of `endpoints` gets.
inline wire::SignedInvoke order_for(const Region& region, const wire::Invoke& invoke,
                                    const std::vector<const Endpoint*>& endpoints,
                                    core::MonoTime now) {
  auto message = dispatch(region, invoke, endpoints, now);
  auto frames = OrderFrames::of(message).value();
  return at_place(frames, endpoints.size() - 1);
}

}  // namespace muster::orders::testing
