// SPDX-License-Identifier: Apache-2.0
#include "swarm/endpoint.h"

#include "orders/signer.h"

namespace muster::swarm {
namespace {

using namespace std::chrono_literals;

constexpr core::Duration kConnectTime = 60s;

wire::Facts facts_of(const std::string& name) {
  wire::Facts facts;
  facts.set_hostname(name);
  facts.set_os("linux");
  facts.set_distribution("simulated");
  facts.set_machine("x86_64");
  facts.set_cpus(1);
  facts.set_agent_version("swarm");
  facts.add_features("linux");
  return facts;
}

}  // namespace

SimulatedEndpoint::SimulatedEndpoint(runtime::Loop& loop, const Script& script, SwarmStats& stats,
                                     std::string name, core::EndpointId id,
                                     std::shared_ptr<const net::TlsClientContext> tls,
                                     std::shared_ptr<orders::Verifier> verifier, std::uint64_t seed)
    : loop_(loop),
      script_(script),
      stats_(stats),
      name_(std::move(name)),
      instance_(core::random_bytes(16)),
      tls_(std::move(tls)),
      seed_(seed),
      guard_(std::move(verifier), id, instance_),
      runs_(*this),
      reconnect_({script.server.str()}, "", seed) {}

SimulatedEndpoint::~SimulatedEndpoint() = default;

runtime::Task<core::Status> SimulatedEndpoint::connect() {
  dial_at_.reset();
  session_.reset();
  socket_.reset();
  auto socket = co_await net::connect_websocket(loop_, script_.server, tls_, "/link",
                                                {wire::kFrameBytesMax, 4 * wire::kFrameBytesMax},
                                                kConnectTime);
  if (!socket) {
    dial_at_ =
        core::mono_now() +
        reconnect_.ended({wire::GOODBYE_NONE, socket.error().message, 0, false}, core::mono_now());
    co_return std::unexpected(std::move(socket.error()));
  }
  socket_ = std::move(*socket);
  session_.emplace(*this, runs_, guard_, seed_);
  socket_->start(*this);
  session_->start({.instance = instance_,
                   .nonce = core::random_bytes(orders::kNonceBytes),
                   .facts = facts_of(name_),
                   .wall_clock_unix_ms = core::unix_ms(core::wall_now())},
                  core::mono_now());
  co_return core::Status{};
}

void SimulatedEndpoint::say_goodbye() {
  if (session_ && !session_->is_closed())
    session_->goodbye(wire::GOODBYE_STOPPING, "the swarm stops");
}

void SimulatedEndpoint::tick(core::MonoTime now) {
  runs_.tick(now);
  if (fetch_) fetch_->tick(now);
  if (session_ && !session_->is_closed() && session_->deadline() <= now) session_->tick(now);
  for (std::size_t i = 0; i < pending_.size();) {
    if (pending_[i].at > now) {
      ++i;
      continue;
    }
    Pending due = std::move(pending_[i]);
    pending_[i] = std::move(pending_.back());
    pending_.pop_back();
    runs_.finished(due.run, std::move(due.result), now);
  }
}

void SimulatedEndpoint::on_message(std::string_view message) {
  session_->receive(message, core::mono_now());
}

void SimulatedEndpoint::on_drained() {
  session_->drained(core::mono_now());
}

void SimulatedEndpoint::on_closed(core::Error why) {
  if (!session_->is_closed()) session_->broken(std::move(why.message));
  if (fetch_) fetch_->disconnected();
  if (counted_) --stats_.open;
  counted_ = false;
  ++stats_.ended;
  const auto now = core::mono_now();
  if (script_.reconnect) dial_at_ = now + reconnect_.ended(ending_, now);
}

void SimulatedEndpoint::send(std::string_view frame) {
  if (!socket_->send(frame)) socket_->close(net::CloseCode::kPolicy, "the gateway does not read");
}

std::size_t SimulatedEndpoint::backlog_bytes() const {
  return socket_->queued_bytes();
}

void SimulatedEndpoint::notify_below(std::size_t bytes) {
  socket_->notify_below(static_cast<std::uint32_t>(bytes));
}

void SimulatedEndpoint::closed(const link::Ending& ending) {
  ending_ = ending;
  socket_->close(net::CloseCode::kNormal, "");
}

void SimulatedEndpoint::welcomed(const wire::Welcome&) {
  reconnect_.connected(core::mono_now());
  counted_ = true;
  ++stats_.open;
  ++stats_.opened;
  if (fetch_) fetch_->connected(core::mono_now());
}

void SimulatedEndpoint::content(const wire::ContentData& data) {
  if (fetch_) fetch_->receive(data, core::mono_now());
}

void SimulatedEndpoint::start_work(const wire::Invoke& invoke) {
  ++stats_.commands;
  const core::RunId run{invoke.run()};
  if (invoke.has_method() && !script_.recorded) return fetch(invoke);
  runs_.started(run);
  work(run, result_of(invoke));
}

void SimulatedEndpoint::work(core::RunId run, link::RunResult result) {
  const core::MonoTime now = core::mono_now();
  if (script_.work_time == core::Duration{}) return runs_.finished(run, std::move(result), now);
  pending_.push_back({run, now + script_.work_time, std::move(result)});
}

void SimulatedEndpoint::fetch(const wire::Invoke& invoke) {
  const auto now = core::mono_now();
  if (!fetch_) {
    const auto facts = facts_of(name_);
    fetch_ = std::make_unique<MethodFetch>(
        std::vector<std::string>(facts.features().begin(), facts.features().end()),
        [this](const wire::ContentRequest& request) { (void)session_->request_content(request); },
        [this](core::RunId run, core::Status fetched) {
          link::RunResult result;
          result.announce.set_outcome(fetched ? wire::OUTCOME_SUCCEEDED : wire::OUTCOME_REFUSED);
          if (fetched) result.stdout_bytes = script_.output;
          if (!fetched) result.announce.set_reason(fetched.error().message);
          if (fetched) runs_.started(run);
          work(run, std::move(result));
        },
        now);
    if (open()) fetch_->connected(now);
  }
  fetch_->begin(invoke, now);
}

void SimulatedEndpoint::cancel_work(core::RunId run, const std::string&) {
  std::erase_if(pending_, [run](const Pending& pending) { return pending.run == run; });
  if (fetch_) fetch_->cancel(run);
  link::RunResult result;
  result.announce.set_outcome(wire::OUTCOME_CANCELLED);
  runs_.finished(run, std::move(result), core::mono_now());
}

link::RunResult SimulatedEndpoint::result_of(const wire::Invoke& invoke) const {
  if (script_.recorded) return script_.recorded->answer(invoke, seed_);
  link::RunResult result;
  result.announce.set_outcome(wire::OUTCOME_SUCCEEDED);
  result.stdout_bytes = script_.output;
  return result;
}

}  // namespace muster::swarm
