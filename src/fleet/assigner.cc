// SPDX-License-Identifier: Apache-2.0
#include "fleet/assigner.h"

#include <algorithm>

namespace muster::fleet {
namespace {

using namespace std::chrono_literals;

/// All hosts are looked at this often, and so soon again while a gateway is being drained.
constexpr core::Duration kPlanEvery = 60s;
constexpr core::Duration kDrainEvery = 5s;
/// Hosts looked at in one tick: what takes a few milliseconds.
constexpr std::size_t kLooksPerTick = 10'000;

}  // namespace

Assigner::Assigner(FindHost find_host)
    : find_host_(std::move(find_host)), policy_(std::make_shared<const SitePolicy>()) {
  refresh_all();
}

// --- what there is

void Assigner::set_policy(std::shared_ptr<const SitePolicy> policy, core::MonoTime now) {
  policy_ = std::move(policy);
  refresh_all();
  queue_.clear();
  next_plan_ = now;
}

std::size_t Assigner::place_of(std::string_view name) const {
  const auto found = places_.find(std::string(name));
  return found == places_.end() ? kNone : found->second;
}

std::size_t Assigner::make_place(std::string_view name) {
  if (const std::size_t known = place_of(name); known != kNone) return known;
  if (gateways_.size() >= kGatewaysMax) return kNone;
  places_.emplace(name, gateways_.size());
  gateways_.emplace_back();
  GatewayView view;
  view.name = name;
  view.state = GatewayState::kAway;
  views_.push_back(std::move(view));
  refresh_all();
  return gateways_.size() - 1;
}

void Assigner::refresh(std::size_t place) {
  const Gateway& gateway = gateways_[place];
  GatewayView& view = views_[place];
  view.state = !gateway.present   ? GatewayState::kAway
               : gateway.draining ? GatewayState::kDraining
                                  : GatewayState::kUp;
  const GatewayRule* rule = policy_->rule_of(view.name);
  view.capacity = rule && rule->capacity  ? *rule->capacity
                  : gateway.announced > 0 ? std::min(gateway.announced, kCapacityMax)
                                          : kCapacityDefault;
  view.draining = gateway.draining;
  view.has_address =
      !gateway.addresses || !gateway.addresses->empty() || (rule && !rule->addresses.empty());
}

void Assigner::refresh_all() {
  for (std::size_t place = 0; place < gateways_.size(); ++place) refresh(place);
  steps_.assign(policy_->sites.size() + 1, std::nullopt);
}

void Assigner::gateway_up(std::string_view name, std::uint32_t capacity,
                          std::optional<std::vector<std::string>> addresses, core::MonoTime now) {
  const std::size_t place = make_place(name);
  if (place == kNone) return;
  Gateway& gateway = gateways_[place];
  if (addresses && addresses->size() > kGatewayAddressesMax)
    addresses->resize(kGatewayAddressesMax);
  gateway.addresses = std::move(addresses);
  gateway.announced = capacity;
  if (!gateway.present) gateway.since = now;
  gateway.present = true;
  refresh(place);
}

void Assigner::gateway_down(std::string_view name, core::MonoTime now) {
  const std::size_t place = place_of(name);
  if (place == kNone || !gateways_[place].present) return;
  gateways_[place].present = false;
  gateways_[place].since = now;
  refresh(place);
  // Nobody is there any more, and who was on the way there will ask elsewhere.
  for (auto& [id, host] : hosts_) {
    if (host.sent == place) unsend(host);
    if (host.at == place) left(id);
  }
}

void Assigner::drain(std::string_view name, bool draining, core::MonoTime now) {
  const std::size_t place = make_place(name);
  if (place == kNone || gateways_[place].draining == draining) return;
  gateways_[place].draining = draining;
  // As one that has just come: hosts are not brought back at the same moment.
  if (!draining) gateways_[place].since = now;
  refresh(place);
  queue_.clear();  // those that must leave come first
  next_plan_ = now;
}

const Steps& Assigner::steps_for(std::optional<std::size_t> site) {
  auto& steps = steps_[site.value_or(policy_->sites.size())];
  if (!steps) steps = steps_of(*policy_, site, views_);
  return *steps;
}

// --- a login

Standing Assigner::standing_of(const Host& host, core::MonoTime now) const {
  Standing standing;
  standing.at = host.at;
  standing.counted = host.at != kNone;
  if (now < host.avoid_until) standing.avoid = host.avoid;
  return standing;
}

Picked Assigner::choose(const Host& host, const Subject& subject, core::MonoTime now) {
  return pick(steps_for(site_of(*policy_, subject)), views_, standing_of(host, now));
}

// None: the server's own, or one that does not say.
std::vector<std::string> Assigner::addresses_of(std::size_t place) const {
  const GatewayRule* rule = policy_->rule_of(views_[place].name);
  if (rule && !rule->addresses.empty()) return rule->addresses;
  return gateways_[place].addresses.value_or(std::vector<std::string>());
}

Assigner::Verdict Assigner::send(const core::EndpointId& id, Host& host, std::size_t to,
                                 core::MonoTime now) {
  Gateway& gateway = gateways_[to];
  Verdict verdict;
  verdict.stays = false;
  verdict.gateway = views_[to].name;
  verdict.addresses = addresses_of(to);
  gateway.next_arrival = std::max(gateway.next_arrival, now);
  verdict.delay = gateway.next_arrival - now;
  gateway.next_arrival += core::Duration(1s) / kArrivalsPerSecond;
  unsend(host);
  host.sent = to;
  host.sent_until = now + verdict.delay + kArriveWithin;
  ++views_[to].expected;
  awaited_.emplace_back(host.sent_until, id);
  return verdict;
}

void Assigner::unsend(Host& host) {
  if (host.sent == kNone) return;
  --views_[host.sent].expected;
  host.sent = kNone;
}

Assigner::Verdict Assigner::asks(const core::EndpointId& id, std::string_view at, bool follows,
                                 core::MonoTime now) {
  Verdict stays;
  stays.gateway = at;
  const std::size_t place = place_of(at);
  const Subject* subject = find_host_(id);
  if (place == kNone || !subject) return stays;
  Host& host = hosts_[id];
  host.follows = follows;
  if (now >= host.avoid_until) {
    host.avoid.clear();
    host.sent_on = 0;
  }
  if (host.sent != kNone && host.sent != place && now < host.sent_until) {
    // It was told where to go and asks elsewhere: it could not get there.
    host.avoid.push_back(views_[host.sent].name);
    host.avoid_until = now + std::min<core::Duration>(
                                 kAvoidCeiling, core::Duration(kAvoidFor) *
                                                    (1U << std::min<unsigned>(host.missed, 8)));
    ++host.sent_on;
    if (host.missed < 255) ++host.missed;
  }
  if (host.sent != place) unsend(host);
  if (!follows || host.sent_on >= kSentOnMax || host.sent == place) return stays;
  Standing standing = standing_of(host, now);
  // An earlier link, wherever it was, ends with this login.
  standing.counted = host.at == place;
  standing.at = place;
  const Picked picked = pick(steps_for(site_of(*policy_, *subject)), views_, standing);
  if (picked.gateway == kNone || picked.gateway == place) return stays;
  return send(id, host, picked.gateway, now);
}

void Assigner::arrived(const core::EndpointId& id, std::string_view at, core::MonoTime now) {
  const std::size_t place = make_place(at);
  Host& host = hosts_[id];
  if (host.at != kNone) --views_[host.at].links;
  host.at = place;
  if (place != kNone) ++views_[place].links;
  if (host.sent != kNone) host.rests_until = now + kMoveRest;
  if (host.sent == place) host.missed = 0;
  unsend(host);
}

std::vector<std::string> Assigner::others(const core::EndpointId& id, std::string_view at) {
  std::vector<std::string> list;
  const Subject* subject = find_host_(id);
  if (!subject) return list;
  const Steps& steps = steps_for(site_of(*policy_, *subject));
  for (const std::size_t place :
       stand_ins(steps, views_, place_of(at), std::hash<core::EndpointId>{}(id), kOthersMax + 1))
    if (auto addresses = addresses_of(place); !addresses.empty() && list.size() < kOthersMax)
      list.push_back(std::move(addresses.front()));
  return list;
}

void Assigner::left(const core::EndpointId& id) {
  const auto found = hosts_.find(id);
  if (found == hosts_.end() || found->second.at == kNone) return;
  --views_[found->second.at].links;
  found->second.at = kNone;
}

void Assigner::forget(const core::EndpointId& id) {
  const auto found = hosts_.find(id);
  if (found == hosts_.end()) return;
  left(id);
  unsend(found->second);
  hosts_.erase(found);
}

// --- moves

void Assigner::expire(core::MonoTime now) {
  for (; !awaited_.empty() && awaited_.front().first <= now; awaited_.pop_front()) {
    const auto found = hosts_.find(awaited_.front().second);
    if (found == hosts_.end() || now < found->second.sent_until) continue;
    unsend(found->second);
  }
}

void Assigner::plan(core::MonoTime now) {
  const auto is = [](GatewayState state) {
    return [state](const GatewayView& view) { return view.state == state; };
  };
  const bool draining = std::ranges::any_of(views_, [](const GatewayView& view) {
    return view.state == GatewayState::kDraining && view.links > 0;
  });
  next_plan_ = now + (draining ? kDrainEvery : kPlanEvery);
  const auto ready = std::ranges::count_if(views_, is(GatewayState::kUp));
  const bool useful = ready > 1 || (ready > 0 && draining);
  for (auto entry = hosts_.begin(); entry != hosts_.end();) {
    const Host& host = entry->second;
    const bool idle = host.at == kNone && host.sent == kNone && now >= host.avoid_until &&
                      now >= host.rests_until;
    if (idle) {
      entry = hosts_.erase(entry);
      continue;
    }
    if (useful && host.at != kNone) {
      if (views_[host.at].state == GatewayState::kDraining)
        queue_.push_front(entry->first);
      else
        queue_.push_back(entry->first);
    }
    ++entry;
  }
}

std::optional<Assigner::Move> Assigner::look(const core::EndpointId& id, core::MonoTime now) {
  const auto found = hosts_.find(id);
  if (found == hosts_.end()) return std::nullopt;
  Host& host = found->second;
  const bool free = host.at != kNone && host.sent == kNone && host.follows;
  const Subject* subject = free ? find_host_(id) : nullptr;
  if (!subject) return std::nullopt;
  const Picked picked = choose(host, *subject, now);
  if (picked.gateway == kNone || picked.gateway == host.at) return std::nullopt;
  const bool must = views_[host.at].state != GatewayState::kUp;
  // Tried often enough: it is left in peace until the gateways that it missed may be named again.
  const bool in_peace = now < host.avoid_until && host.sent_on >= kSentOnMax;
  const bool settled = now - gateways_[picked.gateway].since >= kGatewaySettles;
  if (!must && (now < host.rests_until || in_peace || !settled)) return std::nullopt;
  Move move{id, views_[host.at].name, send(id, host, picked.gateway, now)};
  return move;
}

std::vector<Assigner::Move> Assigner::tick(core::MonoTime now) {
  expire(now);
  const double seconds = std::chrono::duration<double>(now - ticked_).count();
  moves_ = std::min<double>(kMovesPerSecond, moves_ + seconds * kMovesPerSecond);
  ticked_ = now;
  if (now >= next_plan_ && queue_.empty()) plan(now);
  std::vector<Move> moves;
  for (std::size_t looks = 0; looks < kLooksPerTick && moves_ >= 1 && !queue_.empty(); ++looks) {
    if (auto move = look(queue_.front(), now)) {
      moves.push_back(std::move(*move));
      moves_ -= 1;
    }
    queue_.pop_front();
  }
  return moves;
}

// --- questions

std::vector<GatewayView> Assigner::gateways() const {
  auto list = views_;
  std::ranges::sort(list, {}, &GatewayView::name);
  return list;
}

Explanation Assigner::explain(const core::EndpointId* id, const Subject& host, std::string_view at,
                              const SitePolicy* instead, core::MonoTime now) const {
  const auto known = id ? hosts_.find(*id) : hosts_.end();
  Standing standing;
  if (known != hosts_.end()) standing = standing_of(known->second, now);
  if (standing.at == kNone) standing.at = place_of(at);
  auto views = views_;
  if (instead)
    for (GatewayView& view : views)
      if (const GatewayRule* rule = instead->rule_of(view.name); rule && rule->capacity)
        view.capacity = *rule->capacity;
  return fleet::explain(instead ? *instead : *policy_, host, views, standing);
}

}  // namespace muster::fleet
