// SPDX-License-Identifier: Apache-2.0
//
// GatewayHub is where gateways report: it decides who may log in, tells the registry and
// the ledger who is there, and passes reports on.
//
// A gateway is believed only about links that it holds itself: registry and ledger check
// the gateway's name and the link's number on everything.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "access/enrolment.h"
#include "access/revocations.h"
#include "fleet/registry.h"
#include "link/region_ports.h"
#include "orders/signer.h"
#include "runtime/loop.h"
#include "runtime/task_group.h"
#include "server/chain_service.h"
#include "server/content.h"
#include "server/intake_service.h"
#include "server/placement.h"
#include "server/run_service.h"

namespace muster::server {

/// What there is to know of a gateway in another process.
struct GatewayVisitor {
  std::optional<identity::Certificate> certificate;  ///< Verified; none: in this process.
  std::function<void()> replaced;  ///< Another one has its place; its port is no more.
  std::uint32_t capacity;          ///< Links that it takes; 0: it does not say.
  /// Where endpoints reach it; nothing: it is the server's own, whose address they have.
  std::optional<std::vector<std::string>> addresses;
  // What it says about itself, for showing only.
  std::vector<std::string> behind = {};  ///< gateways up to the server, its upper one first
  std::vector<std::string> limits = {};  ///< how fast it delivers content, in sentences
};
class PackRequests;

class GatewayHub {
 public:
  /// Upcalls being answered, of all gateways together; further ones are refused.
  static constexpr std::size_t kUpcallsMax = 1000;

  GatewayHub(runtime::Loop& loop, fleet::Registry& registry, RunService& runs,
             access::Enrolment& enrolment, access::Revocations& revocations,
             const orders::Signer& signer, std::string region);
  ~GatewayHub();

  using Visitor = GatewayVisitor;

  /// A gateway is there; what it reports goes to the returned port, which lives until
  /// disconnect(). A second one of the same name replaces the first.
  link::RegionServer& connect(std::string name, link::RegionGateway& gateway, Visitor visitor = {});
  /// The gateway is gone, with all its links. Only where it is still this one.
  void disconnect(const std::string& name, const link::RegionGateway& gateway);
  link::RegionGateway* find(const std::string& name);
  /// What the gateway of that name said when it came; null where it is away.
  const Visitor* visitor(const std::string& name) const;

  /// Gateways that connect from now on get content from here. It outlives this.
  void serve(Content& content) { content_ = &content; }

  /// Asks there where endpoints belong, from now on. It outlives this.
  void place_by(Placement& placement) { placement_ = &placement; }

  /// What methods tell is kept there, from now on. It outlives this.
  void take_in_by(IntakeService& intake) { intake_ = &intake; }

  /// Methods may start runs by it, from now on. It outlives this.
  void chain_by(ChainService& chains) { chains_ = &chains; }

  /// Answers what hosts ask about file packs, from now on. It outlives this.
  void packs_by(PackRequests& packs) { packs_ = &packs; }

  /// Called for each login that was admitted, after the registry knows of it.
  using LoginSeen = std::function<void(const core::EndpointId&, const wire::Hello&)>;
  void on_login(LoginSeen seen) { login_seen_ = std::move(seen); }

  /// Breaks the link of an endpoint, if it has one.
  void kick(const core::EndpointId& endpoint, wire::GoodbyeCode code, std::string_view reason,
            std::uint32_t retry_after_ms = 0);

  /// Ends what upcalls are under way.
  runtime::Task<void> stop() { return tasks_.stop(); }

 private:
  class Seat;

  void link_up(Seat& seat, const wire::LinkUp& message);
  void link_down(Seat& seat, const wire::LinkDown& message);
  void reports(Seat& seat, wire::Reports& message);
  void write_begun();
  void write_done();
  void notice(const wire::Notice& message);
  runtime::Task<void> upcall(std::string gateway, wire::UpcallUp message);
  runtime::Task<void> intake(std::shared_ptr<Seat> seat, wire::IntakeUp message);
  /// nullopt: the gateway has no business to ask; nobody is answered.
  std::optional<runtime::Task<core::Result<std::string>>> answer(const std::string& gateway,
                                                                 const wire::UpcallUp& message);
  runtime::Task<core::Result<std::string>> renew_endpoint(core::EndpointId endpoint,
                                                          std::string csr_pem);
  runtime::Task<core::Result<std::string>> ticket(core::EndpointId endpoint, std::string nonce);
  runtime::Task<core::Result<std::string>> renew_gateway(identity::Certificate certificate,
                                                         std::string csr_pem);
  std::optional<wire::Goodbye> refusal(const core::EndpointId& endpoint, const std::string& gateway,
                                       const wire::LinkUp& message);

  runtime::Loop& loop_;
  fleet::Registry& registry_;
  RunService& runs_;
  access::Enrolment& enrolment_;
  access::Revocations& revocations_;
  const orders::Signer& signer_;
  const std::string region_;
  std::map<std::string, std::shared_ptr<Seat>> seats_;
  runtime::TaskGroup tasks_;
  Content* content_ = nullptr;
  Placement* placement_ = nullptr;
  ChainService* chains_ = nullptr;
  IntakeService* intake_ = nullptr;
  PackRequests* packs_ = nullptr;
  LoginSeen login_seen_;
};

}  // namespace muster::server
