// SPDX-License-Identifier: Apache-2.0
#include "server/gateway_hub.h"

#include "core/bytes.h"
#include "core/log.h"
#include "server/method_upcalls.h"
#include "server/pack_requests.h"

namespace muster::server {

using core::Code;
using core::fail;
using core::Level;

/// One gateway's place at the table. Everything it says is handled in a turn of the loop
/// of its own, so that neither side finds itself half-way through a change.
class GatewayHub::Seat final : public link::RegionServer,
                               public std::enable_shared_from_this<GatewayHub::Seat> {
 public:
  Seat(GatewayHub& hub, std::string name, link::RegionGateway& gateway, Visitor visitor)
      : hub_(&hub),
        name_(std::move(name)),
        gateway_(gateway),
        visitor_(std::move(visitor)),
        content_(hub.content_),
        content_client_(content_ ? content_->join(gateway) : 0) {}

  const std::string& name() const { return name_; }
  link::RegionGateway& gateway() { return gateway_; }
  const Visitor& visitor() const { return visitor_; }

  // The chunks that it reported: heard, being written, taken.
  void heard_chunks(std::uint64_t bytes) { heard_bytes_ += bytes; }
  void write_chunks() { writing_bytes_ += std::exchange(heard_bytes_, 0); }
  void took_chunks() {
    if (writing_bytes_ == 0) return;
    wire::ChunksTaken message;
    message.set_bytes(std::exchange(writing_bytes_, 0));
    gateway_.chunks_taken(message);
  }

  void leave() {
    hub_ = nullptr;
    if (content_) std::exchange(content_, nullptr)->leave(content_client_);
  }

  void link_up(wire::LinkUp message) override {
    later(std::move(message),
          [](GatewayHub& hub, Seat& seat, wire::LinkUp& m) { hub.link_up(seat, m); });
  }
  void link_down(wire::LinkDown message) override {
    later(std::move(message),
          [](GatewayHub& hub, Seat& seat, wire::LinkDown& m) { hub.link_down(seat, m); });
  }
  void reports(wire::Reports message) override {
    later(std::move(message),
          [](GatewayHub& hub, Seat& seat, wire::Reports& m) { hub.reports(seat, m); });
  }
  void notice(wire::Notice message) override {
    later(std::move(message), [](GatewayHub& hub, Seat&, wire::Notice& m) { hub.notice(m); });
  }
  void content_request(wire::ContentRequestUp message) override {
    later(std::move(message), [](GatewayHub&, Seat& seat, wire::ContentRequestUp& m) {
      if (seat.content_) seat.content_->request(seat.content_client_, m);
    });
  }
  void intake(wire::IntakeUp message) override {
    // A gateway has one batch under way; a second one is its own fault, and comes again.
    if (!hub_ || !hub_->intake_ || std::exchange(taking_in_, true)) return;
    later(std::move(message), [](GatewayHub& hub, Seat& seat, wire::IntakeUp& m) {
      hub.tasks_.spawn(hub.intake(seat.shared_from_this(), std::move(m)));
    });
  }
  void took_in(core::Result<wire::IntakeTaken> taken) {
    taking_in_ = false;
    if (hub_ && taken) gateway_.intake_taken(std::move(*taken));
  }
  void drained() override {
    if (content_) content_->drained(content_client_);
  }
  void upcall(wire::UpcallUp message) override {
    later(std::move(message), [](GatewayHub& hub, Seat& seat, wire::UpcallUp& m) {
      hub.tasks_.spawn(hub.upcall(seat.name(), std::move(m)));
    });
  }

 private:
  template <typename Message, typename Handle>
  void later(Message message, Handle handle) {
    if (!hub_) return;
    hub_->loop_.post([self = shared_from_this(), message = std::move(message), handle]() mutable {
      if (self->hub_) handle(*self->hub_, *self, message);
    });
  }

  GatewayHub* hub_;
  const std::string name_;
  link::RegionGateway& gateway_;
  const Visitor visitor_;
  Content* content_;
  const content::ClientId content_client_;
  bool taking_in_ = false;
  std::uint64_t heard_bytes_ = 0;
  std::uint64_t writing_bytes_ = 0;
};

GatewayHub::GatewayHub(runtime::Loop& loop, fleet::Registry& registry, RunService& runs,
                       access::Enrolment& enrolment, access::Revocations& revocations,
                       const orders::Signer& signer, std::string region)
    : loop_(loop),
      registry_(registry),
      runs_(runs),
      enrolment_(enrolment),
      revocations_(revocations),
      signer_(signer),
      region_(std::move(region)),
      tasks_(loop, "server") {
  runs_.watch_writes([this] { write_begun(); }, [this] { write_done(); });
}

GatewayHub::~GatewayHub() {
  runs_.watch_writes([] {}, [] {});
  for (auto& [name, seat] : seats_) seat->leave();
}

link::RegionServer& GatewayHub::connect(std::string name, link::RegionGateway& gateway,
                                        Visitor visitor) {
  if (const auto old = seats_.find(name); old != seats_.end()) {
    const auto seat = old->second;
    core::log(Level::kWarn, "server", "a newer gateway takes the place of one of the same name",
              {{"gateway", name}});
    disconnect(name, seat->gateway());
    if (seat->visitor().replaced) seat->visitor().replaced();
  }
  auto seat = std::make_shared<Seat>(*this, name, gateway, std::move(visitor));
  link::RegionServer& port = *seat;
  if (placement_) placement_->gateway_up(name, seat->visitor().capacity, seat->visitor().addresses);
  seats_[std::move(name)] = std::move(seat);
  return port;
}

void GatewayHub::disconnect(const std::string& name, const link::RegionGateway& gateway) {
  const auto found = seats_.find(name);
  if (found == seats_.end() || &found->second->gateway() != &gateway) return;
  found->second->leave();
  seats_.erase(found);
  registry_.gateway_down(name, core::wall_now());
  if (placement_) placement_->gateway_down(name);
  runs_.ledger().gateway_down(name, RunService::now());
  runs_.changed();
}

const GatewayHub::Visitor* GatewayHub::visitor(const std::string& name) const {
  const auto at = seats_.find(name);
  return at == seats_.end() ? nullptr : &at->second->visitor();
}

link::RegionGateway* GatewayHub::find(const std::string& name) {
  const auto found = seats_.find(name);
  return found == seats_.end() ? nullptr : &found->second->gateway();
}

void GatewayHub::kick(const core::EndpointId& endpoint, wire::GoodbyeCode code,
                      std::string_view reason, std::uint32_t retry_after_ms) {
  const fleet::Endpoint* known = registry_.find(endpoint);
  link::RegionGateway* gateway =
      known && known->online() ? find(known->connection->gateway) : nullptr;
  if (!gateway) return;
  wire::Kick kick;
  kick.set_endpoint(std::string(endpoint.bytes()));
  kick.mutable_goodbye()->set_code(code);
  kick.mutable_goodbye()->set_reason(std::string(reason));
  kick.mutable_goodbye()->set_retry_after_ms(retry_after_ms);
  gateway->kick(std::move(kick));
}

std::optional<wire::Goodbye> GatewayHub::refusal(const core::EndpointId& endpoint,
                                                 const std::string& gateway,
                                                 const wire::LinkUp& message) {
  wire::Goodbye goodbye;
  if (revocations_.revoked(endpoint)) {
    goodbye.set_code(wire::GOODBYE_REVOKED);
    goodbye.set_reason("this endpoint's certificate is revoked");
    return goodbye;
  }
  if (placement_)
    if (auto moved = placement_->elsewhere(endpoint, gateway, message)) return moved;
  fleet::Connection connection{gateway, message.link(), message.address(),
                               message.hello().instance()};
  auto outcome =
      registry_.link_up(endpoint, std::move(connection), message.hello(), core::wall_now());
  if (outcome) {
    // The same gateway has settled it by itself; another one holds a link that is dead.
    if (outcome->replaced && outcome->previous.gateway != gateway)
      if (auto* other = find(outcome->previous.gateway)) {
        wire::Kick kick;
        kick.set_endpoint(std::string(endpoint.bytes()));
        kick.mutable_goodbye()->set_code(wire::GOODBYE_REPLACED);
        kick.mutable_goodbye()->set_reason("the endpoint has logged in elsewhere");
        other->kick(std::move(kick));
      }
    return std::nullopt;
  }
  const Code code = outcome.error().code;
  goodbye.set_code(code == Code::kNotFound ? wire::GOODBYE_UNKNOWN_ENDPOINT
                   : code == Code::kDenied ? wire::GOODBYE_REVOKED
                                           : wire::GOODBYE_BUSY);
  goodbye.set_reason(outcome.error().message);
  return goodbye;
}

void GatewayHub::link_up(Seat& seat, const wire::LinkUp& message) {
  wire::Admit admit;
  admit.set_endpoint(message.endpoint());
  admit.set_link(message.link());
  const auto id = core::EndpointId::from_bytes(message.endpoint());
  if (!id) return;
  const auto refused = refusal(*id, seat.name(), message);
  admit.set_admitted(!refused);
  if (refused) {
    const bool moved = refused->code() == wire::GOODBYE_MOVED;
    core::log(moved ? Level::kDebug : Level::kWarn, "server",
              moved ? "sent an endpoint to its place" : "refused a login",
              {{"endpoint", *id}, {"address", message.address()}, {"why", refused->reason()}});
    *admit.mutable_goodbye() = *refused;
    return seat.gateway().admit(std::move(admit));
  }
  *admit.mutable_ticket() = signer_.ticket(id->bytes(), message.hello().nonce(), core::mono_now());
  if (placement_)
    for (auto& other : placement_->others(*id, seat.name())) admit.add_others(std::move(other));
  core::log(Level::kDebug, "server", "endpoint up",
            {{"endpoint", *id}, {"gateway", seat.name()}, {"address", message.address()}});
  seat.gateway().admit(std::move(admit));
  if (placement_) placement_->arrived(*id, seat.name());
  // To the ledger, who waits for approval is not there: nothing is sent to it.
  const fleet::Endpoint* endpoint = registry_.find(*id);
  if (!endpoint || endpoint->state == fleet::EndpointState::kHeld) return;
  std::vector<const wire::HeldRun*> held;
  for (const auto& run : message.hello().held()) held.push_back(&run);
  runs_.ledger().endpoint_up(*id, seat.name(), message.link(), message.hello().instance(), held,
                             RunService::now());
  runs_.changed();
  if (login_seen_) login_seen_(*id, message.hello());
}

void GatewayHub::link_down(Seat& seat, const wire::LinkDown& message) {
  const auto id = core::EndpointId::from_bytes(message.endpoint());
  if (!id) return;
  if (!registry_.link_down(*id, seat.name(), message.link(), core::wall_now())) return;
  if (placement_) placement_->left(*id);
  runs_.ledger().endpoint_down(*id, seat.name(), message.link(), RunService::now());
  runs_.changed();
}

void GatewayHub::reports(Seat& seat, wire::Reports& message) {
  const auto now = RunService::now();
  for (auto& report : *message.mutable_reports()) {
    seat.heard_chunks(report.chunk().data().size());
    runs_.ledger().report(seat.name(), report, now);
  }
  runs_.changed();
  if (runs_.ledger().stats().storing_bytes > 0) return;
  seat.write_chunks();  // nothing of them waits for the disk: of no run, or no whole block yet
  seat.took_chunks();
}

void GatewayHub::write_begun() {
  for (auto& [name, seat] : seats_) seat->write_chunks();
}

void GatewayHub::write_done() {
  for (auto& [name, seat] : seats_) seat->took_chunks();
}

void GatewayHub::notice(const wire::Notice& message) {
  const auto id = core::EndpointId::from_bytes(message.endpoint());
  if (!id) return;
  core::log(Level::kWarn, "server", message.text(), {{"endpoint", *id}});
  registry_.set_warning(*id, core::printable(message.text(), 512));
}

runtime::Task<core::Result<std::string>> GatewayHub::renew_endpoint(core::EndpointId endpoint,
                                                                    std::string csr_pem) {
  identity::PeerIdentity peer;
  peer.role = identity::Role::kEndpoint;
  peer.region = region_;
  peer.name = endpoint.str();
  peer.endpoint = endpoint;
  MUSTER_CO_ASSIGN(auto certificate,
                   co_await enrolment_.renew(std::move(peer), std::move(csr_pem)));
  co_return certificate.pem();
}

runtime::Task<core::Result<std::string>> GatewayHub::ticket(core::EndpointId endpoint,
                                                            std::string nonce) {
  if (nonce.size() != orders::kNonceBytes) co_return fail(Code::kInvalid, "a nonce has 16 bytes");
  co_return signer_.ticket(endpoint.bytes(), nonce, core::mono_now()).SerializeAsString();
}

runtime::Task<core::Result<std::string>> GatewayHub::renew_gateway(
    identity::Certificate certificate, std::string csr_pem) {
  MUSTER_CO_ASSIGN(auto peer, identity::peer_identity(certificate));
  auto names = identity::host_names(certificate);  // it keeps those that its token gave it
  MUSTER_CO_ASSIGN(auto renewed, co_await enrolment_.renew(std::move(peer), std::move(csr_pem),
                                                           std::move(names.dns_names),
                                                           std::move(names.ip_addresses)));
  co_return renewed.pem();
}

std::optional<runtime::Task<core::Result<std::string>>> GatewayHub::answer(
    const std::string& gateway, const wire::UpcallUp& message) {
  const wire::Upcall& upcall = message.upcall();
  const bool renewal = upcall.name() == "certificate.renew";
  if (message.endpoint().empty()) {
    const auto seat = seats_.find(gateway);
    if (seat == seats_.end() || !seat->second->visitor().certificate || !renewal)
      return std::nullopt;
    return renew_gateway(*seat->second->visitor().certificate, upcall.body());
  }
  const auto id = core::EndpointId::from_bytes(message.endpoint());
  const fleet::Endpoint* known = id ? registry_.find(*id) : nullptr;
  if (!known || !known->online() || known->connection->gateway != gateway ||
      known->connection->link != message.link())
    return std::nullopt;  // a gateway speaks only for the links that it holds
  if (packs_ && PackRequests::knows(upcall.name()) &&
      (upcall.run() == 0 || runs_.ledger().is_running(core::RunId(upcall.run()), *id)))
    return packs_->answer(*id, core::RunId(upcall.run()), upcall.name(), upcall.body());
  if (upcall.run() != 0)
    return answer_method(runs_, chains_, *id, core::RunId(upcall.run()), upcall.name(),
                         upcall.body());
  if (renewal) return renew_endpoint(*id, upcall.body());
  if (upcall.name() == orders::kTicketUpcall) return ticket(*id, upcall.body());
  return [](std::string name) -> runtime::Task<core::Result<std::string>> {
    co_return fail(Code::kNotFound, "this server answers no upcall '" + name + "'");
  }(core::printable(upcall.name(), 64));
}

runtime::Task<void> GatewayHub::intake(std::shared_ptr<Seat> seat, wire::IntakeUp message) {
  auto taken = co_await intake_->take(seat->name(), std::move(message));
  if (!taken)
    core::log(Level::kWarn, "server", "what methods told could not be kept; it comes again",
              {{"gateway", seat->name()}, {"why", taken.error().message}});
  seat->took_in(std::move(taken));
}

runtime::Task<void> GatewayHub::upcall(std::string gateway, wire::UpcallUp message) {
  auto answered = answer(gateway, message);
  if (!answered) co_return;
  core::Result<std::string> result =
      fail(Code::kLimit, "the server answers too many questions just now; ask again later");
  if (tasks_.size() <= kUpcallsMax) result = co_await std::move(*answered);
  link::RegionGateway* port = find(gateway);
  if (!port) co_return;
  wire::UpcallReplyDown reply;
  reply.set_endpoint(message.endpoint());
  reply.set_link(message.link());
  reply.mutable_reply()->set_id(message.upcall().id());
  if (result) {
    reply.mutable_reply()->set_body(std::move(*result));
  } else {
    reply.mutable_reply()->set_error_code(std::string(core::name(result.error().code)));
    reply.mutable_reply()->set_error(result.error().message);
  }
  port->upcall_reply(std::move(reply));
}

}  // namespace muster::server
