// SPDX-License-Identifier: Apache-2.0
#include "server/neighbour_link.h"

#include <algorithm>

#include "core/bytes.h"
#include "core/log.h"
#include "identity/certificate.h"
#include "server/json.h"

namespace muster::server {
namespace {

using namespace std::chrono_literals;
using core::Code;
using core::fail;
using regions::Health;

constexpr core::Duration kTlsLasts = 1h;
constexpr core::Duration kLookSoon = 500ms;
constexpr core::Duration kLookLate = 10s;
/// A run that has gone on for longer is looked at more rarely.
constexpr auto kYoung = 1min;
constexpr std::size_t kSmallAnswerBytes = 256 * 1024;
constexpr std::size_t kTextBytesMax = 4096;

std::string text_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value && value->is_string() ? core::printable(value->get_string(), kTextBytesMax) : "";
}

net::ClientLimits limits_of(std::optional<core::Duration> within) {
  net::ClientLimits limits;
  limits.connect_time_max = NeighbourLink::kConnectTime;
  limits.response_time_max = within.value_or(NeighbourLink::kAskTime);
  limits.stream_idle_max = NeighbourLink::kStreamIdle;
  if (within) limits.body_bytes_max = kSmallAnswerBytes * 16;
  return limits;
}

}  // namespace

NeighbourLink::NeighbourLink(runtime::Loop& loop, store::Database& database,
                             regions::Neighbour neighbour, Identity identity)
    : loop_(loop),
      database_(database),
      neighbour_(std::move(neighbour)),
      identity_(std::move(identity)),
      health_(core::mono_now(), core::wall_now(), core::random_seeded().next()),
      tasks_(loop, "region " + neighbour_.name) {}

void NeighbourLink::start() {
  tasks_.spawn(watch());
}

runtime::Task<void> NeighbourLink::stop() {
  trust_->end();
  idle_.clear();
  changed_.notify();
  co_await tasks_.stop();
}

void NeighbourLink::change(regions::Neighbour neighbour) {
  neighbour_ = std::move(neighbour);
  trust_->end();
  trust_ = std::make_shared<Trust>();
  address_ = 0;
  idle_.clear();
  health_.probe_soon(core::mono_now());
  changed_.notify();
}

std::string_view NeighbourLink::state() const {
  const bool there =
      health_.state() == Health::State::kUp || health_.state() == Health::State::kSlow;
  return there && !refusal_.empty() ? "refused" : regions::name(health_.state());
}

core::Error NeighbourLink::unavailable() const {
  return {Code::kUnavailable, "the region " + neighbour_.name + " is down since " +
                                  core::to_rfc3339(health_.since()) + ": " + health_.why() +
                                  "; it is tried again by itself"};
}

core::Status NeighbourLink::check_server(std::string_view leaf_der) const {
  MUSTER_ASSIGN(const auto certificate, identity::Certificate::from_der(leaf_der));
  MUSTER_ASSIGN(const auto peer, identity::peer_identity(certificate));
  if (peer.role == identity::Role::kServer && peer.region == neighbour_.region) return {};
  return fail(Code::kUnauthorized, "there is " + std::string(identity::name(peer.role)) + " " +
                                       peer.name + " of the region " + peer.region +
                                       ", not a server of " + neighbour_.region);
}

core::Result<NeighbourLink::Client> NeighbourLink::client(std::optional<core::Duration> within) {
  if (!within && !idle_.empty()) {
    auto kept = std::move(idle_.back());
    idle_.pop_back();
    return kept;
  }
  if (!tls_ || core::mono_now() - tls_made_ > kTlsLasts) {
    MUSTER_ASSIGN(auto own, identity_());
    MUSTER_ASSIGN(
        tls_, net::TlsClientContext::make(
                  {.ca_pem = neighbour_.ca_pem,
                   .identity = std::move(own),
                   .alpn = std::string(net::kAlpnPeer),
                   .check_peer = [weak = weak_from_this()](std::string_view leaf) {
                     const auto self = weak.lock();
                     return self ? self->check_server(leaf)
                                 : core::Status(fail(Code::kCancelled, "the region was removed"));
                   }}));
    tls_made_ = core::mono_now();
  }
  MUSTER_ASSIGN(auto address, net::ServerAddress::parse(
                                  neighbour_.addresses[address_ % neighbour_.addresses.size()]));
  return std::make_shared<net::HttpClient>(loop_, std::move(address), tls_, limits_of(within));
}

void NeighbourLink::heard(core::MonoTime begun) {
  const bool was_down = health_.state() == Health::State::kDown;
  const auto now = core::mono_now();
  health_.answered(now, core::wall_now(), now - begun);
  if (!was_down) return;
  core::log(core::Level::kInfo, "regions", "a region is back", {{"region", neighbour_.name}});
  changed_.notify();
}

// What was begun before the last failure, or before the region came back, says nothing new.
void NeighbourLink::lost(std::uint64_t generation, const core::Error& why) {
  if (generation != health_.generation() || why.code == Code::kLimit ||
      why.code == Code::kInvalid || why.code == Code::kCancelled)
    return;
  ++address_;
  idle_.clear();
  const auto before = health_.state();
  health_.failed(core::mono_now(), core::wall_now(), why.message);
  changed_.notify();
  if (before != health_.state())
    core::log(core::Level::kWarn, "regions", "a region is down",
              {{"region", neighbour_.name}, {"why", why.message}});
}

runtime::Task<core::Result<NeighbourLink::Opened>> NeighbourLink::open(net::ClientRequest request,
                                                                       Asker by) {
  const auto self = shared_from_this();
  if (!health_.may_ask()) co_return fail(unavailable());
  if (requests_ >= kRequestsMax)
    co_return fail(Code::kLimit, "too much is asked of the region " + neighbour_.name +
                                     " at this moment; try again");
  MUSTER_CO_ASSIGN(auto to, client(std::nullopt));
  request.headers.emplace_back(kPeerUser, by.user);
  request.headers.emplace_back(kPeerRole, by.role);
  const auto generation = health_.generation();
  const auto begun = core::mono_now();
  ++requests_;
  auto stream = co_await to->open(std::move(request));
  --requests_;
  if (!stream) {
    lost(generation, stream.error());
    co_return fail(std::move(stream.error()));
  }
  heard(begun);
  co_return Opened{std::move(*stream), std::move(to)};
}

void NeighbourLink::keep(Opened opened) {
  opened.client->keep(std::move(opened.stream));
  if (idle_.size() < kIdleMax && !trust_->ended()) idle_.push_back(std::move(opened.client));
}

runtime::Task<core::Result<net::ClientResponse>> NeighbourLink::ask(net::ClientRequest request,
                                                                    Asker by,
                                                                    core::Duration within) {
  const auto self = shared_from_this();
  if (!health_.may_ask()) co_return fail(unavailable());
  MUSTER_CO_ASSIGN(const auto to, client(within));
  request.headers.emplace_back(kPeerUser, by.user);
  request.headers.emplace_back(kPeerRole, by.role);
  const auto generation = health_.generation();
  const auto begun = core::mono_now();
  auto answer = co_await to->request(std::move(request));
  if (answer)
    heard(begun);
  else
    lost(generation, answer.error());
  co_return answer;
}

// All its addresses in turn: it is down when nobody answers at any of them.
runtime::Task<void> NeighbourLink::probe() {
  const auto generation = health_.generation();
  core::Error why{Code::kUnavailable, "it has no address"};
  for (std::size_t i = 0; i < neighbour_.addresses.size() && !tasks_.stopping(); ++i) {
    const auto begun = core::mono_now();
    auto to = client(kProbeTime);
    if (!to) {
      why = to.error();
      break;
    }
    auto answer = co_await (*to)->request({.target = "/v1/peer"});
    if (tasks_.stopping()) co_return;
    if (answer) {
      note_granted(*answer);
      co_return heard(begun);
    }
    why = answer.error();
    if (i + 1 < neighbour_.addresses.size()) ++address_;
  }
  lost(generation, why);
}

void NeighbourLink::note_granted(const net::ClientResponse& answer) {
  if (answer.status != 200) {
    granted_.reset();
    refusal_ = core::printable(net::error_of(answer).message, kTextBytesMax);
    return;
  }
  const auto body = parse_object(answer.body);
  if (!body) {
    granted_.reset();
    refusal_ = "its answer cannot be read; is there another version of Muster?";
    return;
  }
  refusal_.clear();
  Granted granted{
      {}, text_of(*body, "selector"), text_of(*body, "expires_at"), text_of(*body, "version")};
  if (const auto* may = body->if_contains("may"); may && may->is_array())
    for (const auto& word : may->get_array())
      if (word.is_string() && granted.may.size() < 16)
        granted.may.push_back(core::printable(word.get_string(), 40));
  granted_ = std::move(granted);
}

void NeighbourLink::follow(regions::RemoteRun run) {
  std::erase_if(followed_, [&](const auto& known) { return known.id == run.id; });
  if (!run.open()) return;
  if (followed_.size() >= kFollowedMax) followed_.erase(followed_.begin());
  followed_.push_back(std::move(run));
  look_at_ = std::min(look_at_, core::mono_now() + kLookSoon);
  changed_.notify();
}

// True: something has changed.
runtime::Task<bool> NeighbourLink::look_at(regions::RemoteRun& run) {
  auto answer = co_await ask({.target = "/v1/runs/" + net::percent_encode(run.run)},
                             {run.user, "viewer"}, kProbeTime);
  if (!answer) co_return false;
  const regions::RemoteRun before = run;
  if (answer->status == 404) run.state = "gone";
  if (answer->status == 200)
    if (const auto body = parse_object(answer->body)) {
      if (const auto state = text_of(*body, "state"); !state.empty())
        run.state = core::printable(state, 40);
      if (const auto* counts = body->if_contains("counts"); counts && counts->is_object())
        if (auto text = json::serialize(*counts); text.size() <= kTextBytesMax)
          run.counts = std::move(text);
    }
  run.looked_at = core::wall_now();
  co_return run.state != before.state || run.counts != before.counts;
}

runtime::Task<void> NeighbourLink::look_at_runs() {
  auto runs = followed_;
  for (auto& run : runs) {
    if (tasks_.stopping() || !health_.may_ask()) break;
    if (!co_await look_at(run)) continue;
    if (auto noted = co_await database_.write(
            [run](store::Connection& c) { return regions::Store::note_run(c, run); });
        !noted)
      continue;
    std::erase_if(followed_, [&](const auto& known) { return known.id == run.id; });
    if (run.open()) followed_.push_back(run);
  }
  const bool young = std::ranges::any_of(
      followed_, [](const auto& run) { return core::wall_now() - run.asked_at < kYoung; });
  look_at_ = followed_.empty() ? core::MonoTime::max()
                               : core::mono_now() + (young ? kLookSoon : kLookLate);
}

void NeighbourLink::check_expiry() {
  if (trust_->ended() || !neighbour_.grant.expired(core::wall_now())) return;
  core::log(core::Level::kInfo, "regions", "what a region may do here has expired",
            {{"region", neighbour_.name}});
  trust_->end();
}

core::Duration NeighbourLink::until_next() const {
  constexpr core::Duration kMost = 30s, kLeast = 10ms;
  const auto now = core::mono_now();
  core::Duration wait = kMost;
  if (health_.probe_at() != core::MonoTime::max()) wait = std::min(wait, health_.probe_at() - now);
  if (look_at_ != core::MonoTime::max() && health_.may_ask()) wait = std::min(wait, look_at_ - now);
  if (const auto& end = neighbour_.grant.expires_at; end && !trust_->ended())
    wait = std::min<core::Duration>(wait, *end - core::wall_now());
  return std::max(wait, kLeast);
}

runtime::Task<void> NeighbourLink::watch() {
  const auto self = shared_from_this();
  while (!tasks_.stopping()) {
    check_expiry();
    if (health_.begin_probe(core::mono_now())) {
      co_await probe();
      health_.end_probe();
      if (tasks_.stopping()) co_return;
    }
    if (health_.may_ask() && core::mono_now() >= look_at_) co_await look_at_runs();
    if (tasks_.stopping()) co_return;
    const auto seen = changed_.count();
    co_await changed_.wait(seen, until_next());
  }
}

}  // namespace muster::server
