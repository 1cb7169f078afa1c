// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway.h"

#include <algorithm>

#include "core/log.h"
#include "identity/certificate.h"
#include "orders/order_frames.h"
#include "wire/frame.h"

namespace muster::gateway {
namespace {

using namespace std::chrono_literals;
using core::Level;

constexpr core::Duration kSweepInterval = 1s;
/// The old owner of a key has so long to show that it lives.
constexpr core::Duration kProbePatience = 3s;
/// So many acknowledgements of one endpoint do not wait for GatewayOptions::ack_delay.
constexpr std::size_t kAcksTogether = 32;
constexpr std::uint32_t kDuplicateRetryMs = 60'000;
constexpr std::uint32_t kNoServerRetryMs = 5'000;

/// Calls `each` with every 16-byte id of a concatenated list.
template <typename Each>
void for_each_target(std::string_view targets, Each each) {
  constexpr std::size_t kBytes = core::EndpointId::kBytes;
  for (; targets.size() >= kBytes; targets.remove_prefix(kBytes)) each(targets.substr(0, kBytes));
}

}  // namespace

Gateway::Gateway(runtime::Loop& loop, GatewayOptions options)
    : loop_(loop),
      options_(std::move(options)),
      shared_(options_.region, options_.name),
      sweep_timer_(loop),
      ack_timer_(loop),
      logins_(options_.logins_per_second),
      self_(std::make_shared<Gateway*>(this)) {}

Gateway::~Gateway() {
  *self_ = nullptr;
  stopping_ = true;
}

core::Status Gateway::open_content(ContentOptions options) {
  MUSTER_ASSIGN(content_, ContentRelay::open(loop_, *this, std::move(options)));
  return {};
}

core::Status Gateway::open_intake(std::filesystem::path file) {
  MUSTER_ASSIGN(intake_, Intake::open(loop_, std::move(file)));
  return {};
}

core::Status Gateway::open_handlers(const std::filesystem::path& folder) {
  MUSTER_ASSIGN(handlers_, Handlers::open(loop_, folder, options_.name));
  return {};
}

void Gateway::start() {
  if (intake_ && server_reachable_) intake_->server_found(*server_);
  if (content_ && server_reachable_) content_->server_found(*server_);
  sweep();
}

void Gateway::stop(core::Duration spread) {
  stopping_ = true;
  sweep_timer_.cancel();
  ack_timer_.cancel();
  flush_acks();
  flush_reports();
  const auto spread_ms = std::max<std::int64_t>(
      1, std::chrono::duration_cast<std::chrono::milliseconds>(spread).count());
  core::Random random = core::random_seeded();
  connections_.each([&](LinkConnection& connection) {
    connection.session().goodbye(
        wire::GOODBYE_STOPPING, "the gateway stops",
        static_cast<std::uint32_t>(1 + random.below(static_cast<std::uint64_t>(spread_ms))));
  });
}

void Gateway::accept(const net::Request& request, std::unique_ptr<net::MessageSocket> socket) {
  const auto peer = [&]() -> core::Result<identity::PeerIdentity> {
    x509_st* native = socket->peer_certificate_native();
    if (!native) return core::fail(core::Code::kUnauthorized, "it showed no certificate");
    return identity::peer_identity(identity::Certificate::of(native));
  }();
  const bool ours =
      peer && peer->role == identity::Role::kEndpoint && peer->region == options_.region;
  if (!ours || stopping_) {
    ++stats_.logins_refused;
    core::log(Level::kWarn, "gateway", "refused a link",
              {{"address", request.remote_address},
               {"why", stopping_ ? "stopping"
                       : !peer   ? peer.error().message
                                 : "not an endpoint of this region"}});
    return;  // dropping the socket closes it
  }
  socket->forget_peer_certificate();
  auto connection = std::make_unique<LinkConnection>(
      *this, connections_.next_number(), peer->endpoint, std::move(socket),
      LinkConnection::Login{request.remote_address, peer->serial, {}}, core::mono_now());
  connections_.put(std::move(connection)).start();
}

void Gateway::hello(LinkConnection& connection, wire::Hello&& hello) {
  const auto now = core::mono_now();
  note_held(connection, hello);
  connection.login()->hello = std::move(hello);
  if (!server_reachable_)
    return connection.session().goodbye(wire::GOODBYE_BUSY, "the gateway has no server just now",
                                        kNoServerRetryMs);
  if (open_.size() >= options_.links_max)
    return connection.session().goodbye(wire::GOODBYE_BUSY, "the gateway is full", 30'000);
  if (const auto wait_ms = logins_.next_ms(now); wait_ms > 0) {
    ++stats_.logins_paced;
    return connection.session().goodbye(wire::GOODBYE_BUSY, "logins are paced", wait_ms);
  }
  const auto old = open_.find(connection.endpoint());
  if (old != open_.end() && old->second->instance() != connection.instance()) {
    probes_.push_back({old->second->number(), connection.number(), now});
    (void)old->second->session().send_message(wire::Heartbeat{});
    return;
  }
  if (old != open_.end())
    old->second->session().goodbye(wire::GOODBYE_REPLACED, "a newer link of this agent took over");
  ask_server(connection);
}

void Gateway::ask_server(LinkConnection& connection) {
  auto& login = *connection.login();
  wire::LinkUp up;
  up.set_endpoint(std::string(connection.endpoint().bytes()));
  up.set_link(connection.number());
  *up.mutable_hello() = std::move(login.hello);
  up.set_address(login.address);
  up.set_certificate_serial(login.serial);
  connection.set_reported(true);
  server_->link_up(std::move(up));
}

void Gateway::admit(wire::Admit message) {
  LinkConnection* connection = link_of(message.endpoint(), message.link());
  if (!connection) return;
  auto& session = connection->session();
  if (session.state() != link::GatewaySession::State::kAsking) return;
  connection->login().reset();
  if (!message.admitted()) {
    ++stats_.logins_refused;
    connection->set_reported(false);
    return session.goodbye(std::move(*message.mutable_goodbye()));
  }
  ++stats_.logins;
  open_[connection->endpoint()] = connection;
  shared_.links = open_.size();
  session.admit(std::move(*message.mutable_ticket()), core::wall_now(), core::mono_now(),
                {message.others().begin(), message.others().end()});
}

void Gateway::ended(LinkConnection& connection, const link::Ending& ending) {
  if (ending.code == wire::GOODBYE_PROTOCOL && !ending.by_peer) ++stats_.protocol_errors;
  const bool loud = ending.code == wire::GOODBYE_PROTOCOL || ending.code == wire::GOODBYE_DUPLICATE;
  core::log(loud ? Level::kWarn : Level::kDebug, "gateway", "link ended",
            {{"endpoint", connection.endpoint()},
             {"code", link::name(ending.code)},
             {"reason", ending.reason}});
  const auto open = open_.find(connection.endpoint());
  if (open != open_.end() && open->second == &connection) open_.erase(open);
  shared_.links = open_.size();
  if (content_) content_->gone(connection.number());
  shared_.credit.returned(chunks_.drop(connection.number()));
  if (!connection.reported()) return;
  connection.set_reported(false);
  flush_reports();  // what it said before it ended comes first
  wire::LinkDown down;
  down.set_endpoint(std::string(connection.endpoint().bytes()));
  down.set_link(connection.number());
  down.set_reason(ending.reason);
  server_->link_down(std::move(down));
}

void Gateway::gone(LinkConnection& connection) {
  connections_.erase(connection.number());
}

LinkConnection* Gateway::open_link(std::string_view endpoint_bytes) {
  const auto id = core::EndpointId::from_bytes(endpoint_bytes);
  if (!id) return nullptr;
  const auto found = open_.find(*id);
  return found == open_.end() ? nullptr : found->second;
}

LinkConnection* Gateway::link_of(std::string_view endpoint_bytes, std::uint64_t number) {
  LinkConnection* connection = by_number(number);
  return connection && connection->endpoint().bytes() == endpoint_bytes ? connection : nullptr;
}

LinkConnection* Gateway::by_number(std::uint64_t number) {
  return connections_.find(number);
}

void Gateway::dispatch(wire::Dispatch message) {
  wire::Invoke invoke;  // only methods ask for anything
  const bool is_method = invoke.ParseFromString(message.invoke()) && invoke.has_method();
  auto frames = orders::OrderFrames::of(message);  // takes the work out of it
  for_each_target(message.targets(), [&, i = 0](std::string_view target) mutable {
    const int index = i++;
    // On the link that it was meant for: another one may lead to another process.
    LinkConnection* connection = frames ? link_of(target, message.links(index)) : nullptr;
    if (connection && connection->session().open()) {
      send_due_acks(*connection);  // travels in the same record
      if (connection->session().pass(frames->frame(static_cast<std::size_t>(index)))) {
        if (is_method) connection->begins(message.run());
        return;
      }
    }
    wire::NotSent& not_sent = *add_report(target).mutable_not_sent();
    not_sent.set_run(message.run());
    not_sent.set_reason(frames ? "the endpoint's link is no more" : frames.error().message);
  });
}

void Gateway::cancel_run(wire::CancelRun message) {
  wire::Cancel cancel;
  cancel.set_run(message.run());
  cancel.set_reason(message.reason());
  const std::string frame = wire::encode(cancel);
  for_each_target(message.targets(), [&](std::string_view target) {
    if (LinkConnection* connection = open_link(target)) connection->session().pass(frame);
  });
}

void Gateway::acks(wire::Acks message) {
  for (const auto& ack : message.acks())
    for_each_target(ack.targets(), [&, i = 0](std::string_view target) mutable {
      const int index = i++;
      LinkConnection* connection =
          index < ack.links_size() ? link_of(target, ack.links(index)) : open_link(target);
      if (!connection) return;  // it announces again at its next login
      std::vector<std::uint64_t>& runs = connection->acks();
      if (runs.empty()) links_with_acks_.push_back(connection->number());
      runs.push_back(ack.run());
      // A large result holds memory at both ends until then; many fill the endpoint's table.
      if (connection->session().transfers() > 0 || runs.size() >= kAcksTogether)
        send_due_acks(*connection);
    });
  if (ack_timer_armed_ || links_with_acks_.empty() || stopping_) return;
  ack_timer_armed_ = true;
  ack_timer_.start(options_.ack_delay, [this] { flush_acks(); });
}

void Gateway::flush_acks() {
  ack_timer_armed_ = false;
  for (const std::uint64_t number : std::exchange(links_with_acks_, {}))
    if (LinkConnection* connection = by_number(number)) send_due_acks(*connection);
}

void Gateway::send_due_acks(LinkConnection& connection) {
  if (connection.acks().empty()) return;
  wire::ResultAck ack;
  for (const std::uint64_t run : std::exchange(connection.acks(), {})) ack.add_runs(run);
  (void)connection.session().send_message(ack);
}

void Gateway::kick(wire::Kick message) {
  if (LinkConnection* connection = open_link(message.endpoint()))
    connection->session().goodbye(std::move(*message.mutable_goodbye()));
}

void Gateway::upcall_reply(wire::UpcallReplyDown message) {
  LinkConnection* connection = link_of(message.endpoint(), message.link());
  if (!connection) return;
  const wire::UpcallReply& reply = message.reply();
  if (reply.error_code().empty())
    pack_lists_.answered(connection->endpoint(), message.link(), reply.id(), reply.body(),
                         core::mono_now());
  else
    pack_lists_.refused(message.link(), reply.id());
  (void)connection->session().send_message(reply);
}

void Gateway::content_request(LinkConnection& connection, wire::ContentRequest&& request) {
  if (content_) return content_->request(connection.number(), request);
  wire::ContentData reply;
  reply.set_digest(std::move(*request.mutable_digest()));
  reply.set_error("this gateway keeps no content");
  reply.set_error_code(std::string(core::name(core::Code::kNotFound)));
  (void)connection.session().send_message(reply);
}

void Gateway::content_taken(const LinkConnection& connection, std::size_t bytes_left) {
  if (content_) content_->taken(connection.number(), bytes_left);
}

void Gateway::content_data(wire::ContentDataDown message) {
  if (content_) content_->receive(message.data());
}

void Gateway::intake_taken(wire::IntakeTaken message) {
  if (intake_) intake_->taken(message);
}

void Gateway::pass_content(content::ClientId link, std::string_view frame) {
  if (LinkConnection* connection = by_number(link)) connection->pass_content(frame);
}

void Gateway::end_stalled(content::ClientId link) {
  if (LinkConnection* connection = by_number(link))
    connection->session().goodbye(wire::GOODBYE_SILENT,
                                  "the content that was asked for is not read");
}

void Gateway::server_lost() {
  server_reachable_ = false;
  shared_.credit.returned(chunks_.taken(chunks_.ahead_bytes()));  // nobody will say so any more
  if (content_) content_->server_lost();
  if (intake_) intake_->server_lost();
}

void Gateway::sweep() {
  const auto now = core::mono_now();
  settle_probes(now);
  std::vector<LinkConnection*> due;
  connections_.each([&](LinkConnection& connection) {
    if (connection.session().deadline() <= now) due.push_back(&connection);
  });
  for (LinkConnection* connection : due) connection->session().tick(now);
  if (!stopping_) sweep_timer_.start(kSweepInterval, [this] { sweep(); });
}

void Gateway::settle_probes(core::MonoTime now) {
  auto probes = std::exchange(probes_, {});
  for (const Probe& probe : probes) {
    LinkConnection* newcomer = by_number(probe.newcomer);
    if (!newcomer || newcomer->session().state() != link::GatewaySession::State::kAsking) continue;
    LinkConnection* old = by_number(probe.old_link);
    const bool old_open = old && old->session().open();
    if (old_open && old->session().last_heard() > probe.asked) {
      ++stats_.duplicates;
      wire::Notice notice;
      notice.set_endpoint(std::string(newcomer->endpoint().bytes()));
      notice.set_text("another agent at " + newcomer->login()->address +
                      " uses the same key: give one of them a new state folder and enrol it");
      server_->notice(std::move(notice));
      newcomer->session().goodbye(wire::GOODBYE_DUPLICATE, "another live agent uses this key",
                                  kDuplicateRetryMs);
    } else if (old_open && now - probe.asked < kProbePatience) {
      probes_.push_back(probe);
    } else {
      if (old_open)
        old->session().goodbye(wire::GOODBYE_REPLACED, "a newer agent with this key took over");
      ask_server(*newcomer);
    }
  }
}

void Gateway::server_found(std::uint32_t logins_per_second) {
  if (logins_per_second > 0) logins_ = Pace(logins_per_second);
  server_reachable_ = true;
  if (content_) content_->server_found(*server_);
  if (intake_) intake_->server_found(*server_);
  // Only a new Hello says what each endpoint holds now.
  send_away("the gateway has found its server again");
}

void Gateway::send_away(std::string_view reason) {
  std::vector<LinkConnection*> known;  // a goodbye changes the tables
  connections_.each([&](LinkConnection& connection) {
    if (connection.reported()) known.push_back(&connection);
  });
  for (std::size_t i = 0; i < known.size(); ++i)
    known[i]->session().goodbye(wire::GOODBYE_BUSY, reason, logins_.spread_ms(i));
}

GatewayStats Gateway::stats() const {
  GatewayStats stats = stats_;
  stats.links = open_.size();
  stats.result_bytes = shared_.credit.in_flight_bytes();
  if (intake_) stats.intake = intake_->stats();
  if (handlers_) stats.handlers = handlers_->stats();
  return stats;
}

}  // namespace muster::gateway
