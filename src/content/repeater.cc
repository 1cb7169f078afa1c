// SPDX-License-Identifier: Apache-2.0
#include "content/repeater.h"

#include <algorithm>
#include <limits>

#include "core/assert.h"
#include "core/bytes.h"

namespace muster::content {
namespace {

using core::Code;

/// A frame around a piece, or around an error, beyond the piece's bytes.
constexpr std::size_t kFrameOverhead = 2 * 1024;
/// Four times as many where all of them have to be escaped: still less than kFrameOverhead.
constexpr std::size_t kErrorBytesMax = 400;
constexpr std::chrono::seconds kSweepInterval{1};

std::uint64_t add_saturated(std::uint64_t a, std::uint64_t b) {
  return a > std::numeric_limits<std::uint64_t>::max() - b
             ? std::numeric_limits<std::uint64_t>::max()
             : a + b;
}

/// What the client is told. What may pass is `unavailable`, whatever it was here.
std::string_view code_for_client(Code code) {
  switch (code) {
    case Code::kNotFound:
    case Code::kCorrupt:
    case Code::kInvalid:
    case Code::kLimit:
      return core::name(code);
    default:
      return core::name(Code::kUnavailable);
  }
}

wire::ContentData error_message(const ContentId& id, const core::Error& error) {
  wire::ContentData data;
  data.set_digest(std::string(id.bytes()));
  data.set_error(error.message.empty() ? "no reason is known"
                                       : core::printable(error.message, kErrorBytesMax));
  data.set_error_code(std::string(code_for_client(error.code)));
  if (data.error_code() == core::name(Code::kUnavailable) || error.code == Code::kLimit)
    data.set_retry_after_ms(static_cast<std::uint32_t>(kBusyRetry.count()));
  return data;
}

TokenBucket bucket_for(std::uint64_t rate, core::MonoTime now) {
  return {rate, std::max<std::uint64_t>(rate / 10, kPieceBytes), now};
}

}  // namespace

Repeater::Repeater(RepeaterPort& port, RepeaterOptions options, core::MonoTime now)
    : port_(port),
      options_(options),
      each_rate_(options.rates.each),
      bucket_(bucket_for(options.rates.together, now)),
      now_(now),
      next_sweep_(now + kSweepInterval) {
  MUSTER_ASSERT(options_.client_bytes >= kPieceBytes + kFrameOverhead);
  MUSTER_ASSERT(options_.budget_bytes >= options_.client_bytes);
}

Repeater::~Repeater() = default;

void Repeater::set_rates(RepeaterRates rates, core::MonoTime now) {
  now_ = std::max(now_, now);
  bucket_ = bucket_for(rates.together, now_);
  each_rate_ = rates.each;
  own_buckets_.clear();
  for (const auto& [when, number] : std::exchange(parked_, {})) ring_.push_back(number);
  pump();
}

/// Takes the bytes from both buckets, or from neither; `turn` says what to do then.
bool Repeater::may_send(ClientId number, std::size_t bytes, Turn& turn) {
  TokenBucket* own = nullptr;
  if (each_rate_ != 0) {
    own = &own_buckets_.try_emplace(number, bucket_for(each_rate_, now_)).first->second;
    if (!own->take(bytes, now_)) {
      parked_.emplace(own->ready_at(bytes, now_), number);
      turn = Turn::kParked;
      return false;
    }
  }
  if (bucket_.take(bytes, now_)) return true;
  if (own != nullptr) own->give_back(bytes);
  turn = Turn::kTooFast;
  return false;
}

/// Who has waited long enough gets in line again.
void Repeater::unpark() {
  while (!parked_.empty() && parked_.begin()->first <= now_) {
    ring_.push_back(parked_.begin()->second);
    parked_.erase(parked_.begin());
  }
}

void Repeater::request(ClientId client, const wire::ContentRequest& request, core::MonoTime now) {
  now_ = std::max(now_, now);
  const auto id = ContentId::from_bytes(request.digest());
  if (!id) return;
  ++stats_.requests;
  if (request.damaged()) suspect(*id);
  const std::uint64_t bytes = request.bytes_max() == 0
                                  ? kRangeBytesMax
                                  : std::min<std::uint64_t>(request.bytes_max(), kRangeBytesMax);
  const std::uint64_t end = add_saturated(request.offset(), bytes);
  Client& known = clients_[client];
  const auto same = std::ranges::find(known.requests, *id, &Request::id);
  if (same != known.requests.end()) {
    if (request.offset() != same->end) same->next = request.offset();
    same->end = end;
  } else if (attach(client, *id) != nullptr) {
    if (known.requests.empty() && known.in_flight == 0) known.moved = now_;
    known.requests.push_back({.id = *id, .next = request.offset(), .end = end});
    ++requests_;
  }
  if (!known.requests.empty()) enter_ring(client, known);
  drop_if_idle(client);
  pump();
}

/// The entry that a new request of this client shall use; null: it was refused.
Repeater::Entry* Repeater::attach(ClientId number, const ContentId& id) {
  const auto no = [&](Code code, std::string why) -> Entry* {
    refuse(number, id, {code, std::move(why)});
    return nullptr;
  };
  if (clients_[number].requests.size() >= kRequestsPerClientMax)
    return no(Code::kLimit, "more than " + std::to_string(kRequestsPerClientMax) +
                                " objects are asked for at the same time");
  if (requests_ >= kRequestsMax) return no(Code::kUnavailable, "too many ask for content");
  auto at = entries_.find(id);
  if (at == entries_.end()) {
    if (loading_ >= kFetchesMax)
      return no(Code::kUnavailable, "too many objects are being fetched");
    at = entries_.try_emplace(id).first;
    load(id, at->second);
  }
  ++at->second.users;
  if (at->second.state != State::kReady) at->second.waiting.push_back(number);
  return &at->second;
}

void Repeater::detach(const ContentId& id) {
  Entry& entry = entries_.at(id);
  if (--entry.users == 0) entry.idle_since = now_;
  --requests_;
}

void Repeater::load(const ContentId& id, Entry& entry) {
  entry.state = State::kLoading;
  entry.object.reset();
  ++loading_;
  ++stats_.loads;
  port_.load(id);
}

void Repeater::suspect(const ContentId& id) {
  const auto at = entries_.find(id);
  if (at == entries_.end() || at->second.state != State::kReady) return;
  if (now_ < at->second.recheck_after) return;
  at->second.recheck_after = now_ + kRecheckPause;
  --ready_;
  forget_pieces(id);
  load(id, at->second);
}

void Repeater::loaded(const ContentId& id, core::Result<ObjectPtr> object, core::MonoTime now) {
  now_ = std::max(now_, now);
  const auto at = entries_.find(id);
  MUSTER_ASSERT(at != entries_.end() && at->second.state == State::kLoading);
  Entry& entry = at->second;
  --loading_;
  if (object && !make_seat())
    object = core::fail(Code::kUnavailable, "too many objects are asked for at the same time");
  if (object) {
    entry.state = State::kReady;
    entry.object = std::move(*object);
    entry.idle_since = now_;
    ++ready_;
    for (const ClientId number : std::exchange(entry.waiting, {}))
      if (const auto client = clients_.find(number); client != clients_.end())
        enter_ring(number, client->second);
  } else {
    fail(id, entry, std::move(object.error()));
  }
  pump();
}

void Repeater::fail(const ContentId& id, Entry& entry, core::Error error) {
  entry.state = State::kFailed;
  entry.object.reset();
  entry.error = std::move(error);
  failed_.emplace_back(now_ + kMissPause, id);
}

/// Room for one more open object, by closing the one that was idle for longest.
bool Repeater::make_seat() {
  if (ready_ < options_.open_objects_max) return true;
  auto oldest = entries_.end();
  for (auto at = entries_.begin(); at != entries_.end(); ++at)
    if (at->second.state == State::kReady && at->second.users == 0 &&
        (oldest == entries_.end() || at->second.idle_since < oldest->second.idle_since))
      oldest = at;
  if (oldest == entries_.end()) return false;
  entries_.erase(oldest);
  --ready_;
  return true;
}

void Repeater::gone(ClientId client) {
  own_buckets_.erase(client);
  const auto at = clients_.find(client);
  if (at == clients_.end()) return;
  for (const Request& request : at->second.requests) detach(request.id);
  in_flight_ -= at->second.in_flight;
  clients_.erase(at);
  pump();
}

void Repeater::taken(ClientId client, std::size_t bytes_left, core::MonoTime now) {
  now_ = std::max(now_, now);
  const auto at = clients_.find(client);
  if (at == clients_.end()) return;
  Client& known = at->second;
  if (bytes_left < known.in_flight) {
    in_flight_ -= known.in_flight - bytes_left;
    known.in_flight = bytes_left;
    known.moved = now_;
  }
  if (!known.requests.empty()) enter_ring(client, known);
  drop_if_idle(client);
  pump();
}

void Repeater::drop_if_idle(ClientId number) {
  const auto at = clients_.find(number);
  if (at != clients_.end() && at->second.requests.empty() && at->second.in_flight == 0)
    clients_.erase(at);
}

void Repeater::refuse(ClientId number, const ContentId& id, const core::Error& error) {
  ++stats_.refused;
  answer(number, id, error);
}

void Repeater::answer(ClientId number, const ContentId& id, const core::Error& error) {
  Client& client = clients_[number];
  // Who does not read is not answered; it asks again when it misses an answer.
  if (client.in_flight + kFrameOverhead > options_.client_bytes || !has_budget()) return;
  hand_over(number, client, port_.encode(error_message(id, error)));
}

void Repeater::hand_over(ClientId number, Client& client, std::string_view frame) {
  if (client.in_flight == 0) client.moved = now_;
  client.in_flight += frame.size();
  in_flight_ += frame.size();
  port_.send(number, frame);
}

/// This client will not get this object: its request ends with the reason.
void Repeater::fail_request(ClientId number, const ContentId& id) {
  const auto at = clients_.find(number);
  if (at == clients_.end()) return;
  auto& requests = at->second.requests;
  const auto request = std::ranges::find(requests, id, &Request::id);
  if (request == requests.end()) return;
  requests.erase(request);
  detach(id);
  answer(number, id, entries_.at(id).error);
  drop_if_idle(number);
}

void Repeater::answer_failed() {
  while (!failed_.empty() && failed_.front().first <= now_) {
    const ContentId id = failed_.front().second;
    failed_.pop_front();
    Entry& entry = entries_.at(id);
    for (const ClientId number : std::exchange(entry.waiting, {})) fail_request(number, id);
    if (entry.users > 0) {  // who was in the middle of it and waits for its socket
      std::vector<ClientId> others;
      for (const auto& [number, client] : clients_)
        if (std::ranges::count(client.requests, id, &Request::id) > 0) others.push_back(number);
      for (const ClientId number : others) fail_request(number, id);
    }
    entries_.erase(id);
  }
}

void Repeater::sweep() {
  if (now_ < next_sweep_) return;
  next_sweep_ = now_ + kSweepInterval;
  std::erase_if(entries_, [&](const auto& item) {
    const Entry& entry = item.second;
    const bool close =
        entry.state == State::kReady && entry.users == 0 && entry.idle_since + kIdleHold <= now_;
    if (close) --ready_;
    return close;
  });
  std::erase_if(own_buckets_, [&](const auto& item) { return item.second.full(now_); });
  std::vector<ClientId> stalled;
  for (const auto& [number, client] : clients_)
    if (client.in_flight > 0 && client.moved + kServeStall <= now_) stalled.push_back(number);
  for (const ClientId number : stalled) {
    ++stats_.stalled;
    gone(number);
    port_.stalled(number);
  }
}

void Repeater::tick(core::MonoTime now) {
  now_ = std::max(now_, now);
  answer_failed();
  sweep();
  pump();
}

core::MonoTime Repeater::deadline() const {
  core::MonoTime at = core::MonoTime::max();
  if (!failed_.empty()) at = failed_.front().first;
  if (!clients_.empty() || ready_ > 0 || !own_buckets_.empty()) at = std::min(at, next_sweep_);
  if (!parked_.empty()) at = std::min(at, parked_.begin()->first);
  if (!ring_.empty() && has_budget()) at = std::min(at, bucket_.ready_at(kPieceBytes, now_));
  return at;
}

RepeaterStats Repeater::stats() const {
  RepeaterStats stats = stats_;
  stats.open_objects = ready_;
  stats.waiting = requests_;
  stats.in_flight_bytes = in_flight_;
  return stats;
}

}  // namespace muster::content
