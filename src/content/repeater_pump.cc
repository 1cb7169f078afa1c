// SPDX-License-Identifier: Apache-2.0
//
// Repeater, the sending half: whose turn it is, and what goes out.
#include <algorithm>

#include "content/repeater.h"

namespace muster::content {
namespace {

constexpr std::size_t kFrameOverhead = 2 * 1024;

}  // namespace

bool Repeater::has_budget() const {
  return in_flight_ + kPieceBytes + kFrameOverhead <= options_.budget_bytes;
}

void Repeater::enter_ring(ClientId number, Client& client) {
  if (client.in_ring) return;
  if (client.in_flight + kPieceBytes + kFrameOverhead > options_.client_bytes) return;
  client.in_ring = true;
  ring_.push_back(number);
}

void Repeater::pump() {
  unpark();
  const std::uint64_t stop_at = stats_.bytes + kPumpBytesMax;
  while (!ring_.empty() && has_budget() && stats_.bytes < stop_at) {
    const ClientId number = ring_.front();
    ring_.pop_front();
    const auto at = clients_.find(number);
    if (at == clients_.end()) continue;
    at->second.in_ring = false;
    switch (serve(number, at->second)) {
      case Turn::kServed:
        if (!at->second.requests.empty()) enter_ring(number, at->second);
        break;
      case Turn::kNothing:
        break;
      case Turn::kParked:
        at->second.in_ring = true;  // as good as: it comes back by itself
        break;
      case Turn::kTooFast:
        at->second.in_ring = true;
        ring_.push_front(number);
        return;
    }
  }
}

/// One piece of the first of its objects that is there.
Repeater::Turn Repeater::serve(ClientId number, Client& client) {
  for (std::size_t tries = client.requests.size(); tries > 0; --tries) {
    Entry& entry = entries_.at(client.requests.front().id);
    if (entry.state == State::kReady) {
      const Turn turn = serve_piece(number, client, entry);
      if (turn != Turn::kNothing) return turn;
      continue;
    }
    // It is being loaded, perhaps again: then this client waits once more.
    if (entry.waiting.empty() || entry.waiting.back() != number) entry.waiting.push_back(number);
    std::ranges::rotate(client.requests, client.requests.begin() + 1);
  }
  return Turn::kNothing;
}

/// kNothing: the request is answered otherwise, or is gone to the back.
Repeater::Turn Repeater::serve_piece(ClientId number, Client& client, Entry& entry) {
  Request& request = client.requests.front();
  const ObjectPtr object = entry.object;
  if (request.next > object->size() || (request.next == object->size() && object->size() != 0)) {
    const ContentId id = request.id;
    finish_request(client);
    refuse(number, id,
           {core::Code::kInvalid,
            "object " + id.brief() + " has " + std::to_string(object->size()) + " bytes only"});
    return Turn::kServed;
  }
  const std::uint64_t end = std::min(request.end, object->size());
  const auto bytes = static_cast<std::size_t>(
      std::min<std::uint64_t>(kPieceBytes, end > request.next ? end - request.next : 0));
  if (Turn turn{}; !may_send(number, bytes, turn)) return turn;
  const auto frame = piece(*object, request.next, bytes);
  if (!frame) {
    bucket_.give_back(bytes);
    if (const auto own = own_buckets_.find(number); own != own_buckets_.end())
      own->second.give_back(bytes);
    reload(request.id, entry, frame.error());
    entry.waiting.push_back(number);
    std::ranges::rotate(client.requests, client.requests.begin() + 1);
    return Turn::kNothing;
  }
  request.next += bytes;
  ++stats_.pieces;
  stats_.bytes += bytes;
  hand_over(number, client, **frame);
  if (request.next >= end)
    finish_request(client);
  else
    std::ranges::rotate(client.requests, client.requests.begin() + 1);
  return Turn::kServed;
}

/// The file was damaged while it is open: load it anew, unless that was just done.
void Repeater::reload(const ContentId& id, Entry& entry, const core::Error& why) {
  --ready_;
  forget_pieces(id);
  if (now_ < entry.recheck_after) return fail(id, entry, {core::Code::kUnavailable, why.message});
  entry.recheck_after = now_ + kRecheckPause;
  load(id, entry);
}

void Repeater::finish_request(Client& client) {
  detach(client.requests.front().id);
  client.requests.pop_front();
}

core::Result<const std::string*> Repeater::piece(const Object& object, std::uint64_t offset,
                                                 std::size_t bytes) {
  const auto known = std::ranges::find_if(pieces_, [&](const Piece& each) {
    return each.offset == offset && each.bytes == bytes && each.id == object.id();
  });
  if (known != pieces_.end()) return &known->frame;
  MUSTER_ASSIGN(std::string data, object.read(offset, bytes));
  wire::ContentData message;
  message.set_digest(std::string(object.id().bytes()));
  message.set_offset(offset);
  message.set_total_bytes(object.size());
  message.set_data(std::move(data));
  pieces_.push_back({object.id(), offset, bytes, port_.encode(message)});
  piece_bytes_ += pieces_.back().frame.size();
  while (pieces_.size() > 1 &&
         (piece_bytes_ > kPieceCacheBytes || pieces_.size() > kPieceCacheMax)) {
    piece_bytes_ -= pieces_.front().frame.size();
    pieces_.pop_front();
  }
  return &pieces_.back().frame;
}

void Repeater::forget_pieces(const ContentId& id) {
  std::erase_if(pieces_, [&](const Piece& each) {
    if (each.id != id) return false;
    piece_bytes_ -= each.frame.size();
    return true;
  });
}

}  // namespace muster::content
