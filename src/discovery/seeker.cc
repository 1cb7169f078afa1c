// SPDX-License-Identifier: Apache-2.0
#include "discovery/seeker.h"

#include <algorithm>

#include "net/http_client.h"

namespace muster::discovery {

std::optional<std::string> Seeker::send(core::MonoTime now) {
  if (done(now) || now < next_) return std::nullopt;
  const auto pause = core::Duration(kPause) * (1U << sent_);
  if (++sent_ == kQuestions) {
    next_ = core::MonoTime::max();
    until_ = std::min(until_, now + pause);
  } else {
    next_ = now + pause;
  }
  return write_question(key_, question_);
}

void Seeker::hear(std::string_view datagram, std::string_view host, core::MonoTime now) {
  if (++heard_ > kHeardMax) return;
  const auto answer = read_answer(key_, question_.nonce, datagram);
  if (!answer) return;
  for (Place place : answer->places) {
    if ((place.what & question_.sought) == 0 || places_.size() >= kFoundMax) continue;
    if (place.host.empty()) place.host = host;
    if (std::ranges::find(places_, place) != places_.end()) continue;
    places_.push_back(std::move(place));
    until_ = std::min(until_, now + core::Duration(kMore));
  }
}

std::vector<std::string> Seeker::found() const {
  std::vector<std::string> list;
  for (const Sought what : {kGateways, kServers})
    for (const Place& place : places_) {
      if (place.what != what) continue;
      std::string address = net::ServerAddress{place.host, place.port}.str();
      if (std::ranges::find(list, address) == list.end()) list.push_back(std::move(address));
    }
  return list;
}

}  // namespace muster::discovery
