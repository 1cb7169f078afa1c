// SPDX-License-Identifier: Apache-2.0
#include "gateway/pack_lists.h"

namespace muster::gateway {

std::optional<std::string> PackLists::find(const core::EndpointId& endpoint, bool server_reachable,
                                           core::MonoTime now) const {
  const auto kept = kept_.find(endpoint);
  if (kept == kept_.end()) return std::nullopt;
  const core::Duration age = now - kept->second.at;
  if (age > (server_reachable ? kFresh : kLasts)) return std::nullopt;
  const std::string& text = lists_.at(kept->second.list).text;
  if (server_reachable) return text;
  // answered() took nothing but objects.
  return "{\"age_s\":" +
         std::to_string(std::chrono::duration_cast<std::chrono::seconds>(age).count()) + "," +
         text.substr(1);
}

void PackLists::asked(std::uint64_t link, std::uint64_t question) {
  // Those of links that ended before the answer came.
  while (asked_.size() >= kAskedMax) asked_.erase(asked_.begin());
  asked_.emplace(link, question);
}

void PackLists::answered(const core::EndpointId& endpoint, std::uint64_t link,
                         std::uint64_t question, const std::string& list, core::MonoTime now) {
  if (asked_.erase({link, question}) == 0 || !list.starts_with("{\"")) return;
  const core::ContentId id = core::ContentId::of(list);
  const auto [kept, fresh] = kept_.try_emplace(endpoint);
  if (fresh) order_.push_back(endpoint);
  const core::ContentId before = kept->second.list;
  kept->second = {id, now};
  List& shared = lists_[id];
  if (shared.users++ == 0) {
    shared.text = list;
    bytes_ += list.size();
  }
  if (!fresh) release(before);
  while (kept_.size() > kEndpointsMax || bytes_ > kBytesMax) forget_oldest();
}

void PackLists::release(const core::ContentId& list) {
  const auto found = lists_.find(list);
  if (--found->second.users > 0) return;
  bytes_ -= found->second.text.size();
  lists_.erase(found);
}

void PackLists::forget_oldest() {
  const auto kept = kept_.find(order_.front());
  order_.pop_front();
  release(kept->second.list);
  kept_.erase(kept);
}

}  // namespace muster::gateway
