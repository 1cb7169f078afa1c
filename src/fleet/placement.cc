// SPDX-License-Identifier: Apache-2.0
#include "fleet/placement.h"

#include <algorithm>
#include <cmath>

#include "core/bytes.h"
#include "fleet/detail/selector_program.h"

namespace muster::fleet {
namespace {

struct SiteFound {
  std::optional<std::size_t> site;
  std::string why;
};

SiteFound find_site(const SitePolicy& policy, const Subject& host) {
  const auto address = IpAddress::parse(host.address);
  for (std::size_t i = 0; i < policy.sites.size(); ++i) {
    const Site& site = policy.sites[i];
    if (address)
      for (const Subnet& subnet : site.subnets)
        if (subnet.contains(*address))
          return {i, "site " + site.name + ": its address " + core::printable(host.address, 64) +
                         " is in " + subnet.str()};
    if (site.selector && site.selector->matches(host))
      return {i, "site " + site.name + ": it matches the selector " + site.selector->text()};
    if (site.subnets.empty() && !site.selector)
      return {i, "site " + site.name + ": it takes every host that no site above it takes"};
  }
  return {std::nullopt, policy.sites.empty() ? "the policy has no sites"
                                             : "it belongs to no site: no subnet has its address " +
                                                   core::printable(host.address, 64) +
                                                   " and no selector matches it"};
}

void add_steps(const SitePolicy& policy, std::size_t site, std::span<const GatewayView> gateways,
               Steps& steps) {
  const Site& of = policy.sites[site];
  for (std::size_t entry = 0; entry < of.gateways.size(); ++entry) {
    Step step{site, entry, {}};
    for (std::size_t i = 0; i < gateways.size(); ++i)
      if (detail::glob_fits(of.gateways[entry], gateways[i].name)) step.gateways.push_back(i);
    steps.push_back(std::move(step));
  }
}

bool may_take(const GatewayView& gateway, std::size_t place, const Standing& standing) {
  if (gateway.state != GatewayState::kUp) return false;
  if (place == standing.at && standing.counted) return gateway.links <= gateway.capacity;
  return gateway.has_room() && (gateway.has_address || place == standing.at) &&
         std::ranges::find(standing.avoid, gateway.name) == standing.avoid.end();
}

std::string percent(double share) {
  return std::to_string(std::lround(share * 100)) + " %";
}

/// Why a gateway of a step is not taken; empty: it may be.
std::string obstacle(const GatewayView& gateway, std::size_t place, const Standing& standing) {
  if (may_take(gateway, place, standing)) return {};
  if (gateway.state == GatewayState::kAway) return "is away";
  if (gateway.state == GatewayState::kDraining) return "is being drained";
  if (!gateway.has_room())
    return "is full (" + std::to_string(gateway.links + gateway.expected) + " of " +
           std::to_string(gateway.capacity) + " links)";
  if (!gateway.has_address) return "has no address that hosts could be told";
  return "could not be reached by this host a short time ago";
}

std::string title(const SitePolicy& policy, const Step& step) {
  if (step.site == Step::kAny) return "any gateway";
  const Site& site = policy.sites[step.site];
  return "'" + site.gateways[step.entry] + "' of site " + site.name;
}

/// Of a step: which were passed over and why. At most a few by name.
void tell_obstacles(const SitePolicy& policy, const Step& step,
                    std::span<const GatewayView> gateways, const Standing& standing,
                    std::vector<std::string>& why) {
  constexpr std::size_t kNamed = 5;
  if (step.gateways.empty()) {
    why.push_back(title(policy, step) + ": no gateway of that name is known");
    return;
  }
  std::string list;
  std::size_t named = 0;
  for (const std::size_t place : step.gateways) {
    const std::string reason = obstacle(gateways[place], place, standing);
    if (reason.empty() || ++named > kNamed) continue;
    list += (list.empty() ? "" : ", ") + gateways[place].name + " " + reason;
  }
  if (named > kNamed) list += ", and " + std::to_string(named - kNamed) + " more";
  if (named > 0) why.push_back(title(policy, step) + ": " + list);
}

}  // namespace

std::optional<std::size_t> site_of(const SitePolicy& policy, const Subject& host) {
  return find_site(policy, host).site;
}

AdmissionWord admission_of(const SitePolicy& policy, const Subject& host) {
  for (const Admission& admission : policy.admissions)
    if (admission.selector.matches(host))
      return {admission.new_hosts, "the admission with the selector " + admission.selector.text() +
                                       " says " + std::string(name(admission.new_hosts))};
  if (const auto site = site_of(policy, host); site && policy.sites[*site].new_hosts) {
    const Site& of = policy.sites[*site];
    return {*of.new_hosts, "site " + of.name + " says " + std::string(name(*of.new_hosts))};
  }
  return {policy.new_hosts, "new_hosts is " + std::string(name(policy.new_hosts))};
}

Steps steps_of(const SitePolicy& policy, std::optional<std::size_t> site,
               std::span<const GatewayView> gateways) {
  Steps steps;
  if (site) {
    add_steps(policy, *site, gateways, steps);
    for (const std::size_t other : policy.sites[*site].fallback)
      add_steps(policy, other, gateways, steps);
  }
  Step any;
  for (std::size_t i = 0; i < gateways.size(); ++i) any.gateways.push_back(i);
  steps.push_back(std::move(any));
  return steps;
}

std::vector<std::size_t> stand_ins(const Steps& steps, std::span<const GatewayView> gateways,
                                   std::size_t at, std::size_t salt, std::size_t count_max) {
  std::vector<std::size_t> list;
  for (const Step& step : steps)
    for (std::size_t i = 0; i < step.gateways.size() && list.size() < count_max; ++i) {
      const std::size_t place = step.gateways[(i + salt) % step.gateways.size()];
      if (place == at || !may_take(gateways[place], place, {}) ||
          std::ranges::find(list, place) != list.end())
        continue;
      list.push_back(place);
    }
  return list;
}

Picked pick(const Steps& steps, std::span<const GatewayView> gateways, const Standing& standing) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    std::size_t best = Standing::kNowhere;
    bool at_is_one = false;
    for (const std::size_t place : steps[i].gateways) {
      if (!may_take(gateways[place], place, standing)) continue;
      at_is_one |= place == standing.at;
      if (best == Standing::kNowhere || gateways[place].load() < gateways[best].load())
        best = place;
    }
    if (best == Standing::kNowhere) continue;
    // Where no site says anything, being there is reason enough.
    const bool stays =
        at_is_one && (steps[i].site == Step::kAny ||
                      gateways[standing.at].load() <= gateways[best].load() + kImbalance);
    return {stays ? standing.at : best, i};
  }
  return {Standing::kNowhere, steps.size()};
}

Explanation explain(const SitePolicy& policy, const Subject& host,
                    std::span<const GatewayView> gateways, const Standing& standing) {
  Explanation explanation;
  const SiteFound found = find_site(policy, host);
  explanation.why.push_back(found.why);
  if (found.site) explanation.site = policy.sites[*found.site].name;
  const Steps steps = steps_of(policy, found.site, gateways);
  const Picked picked = pick(steps, gateways, standing);
  for (std::size_t i = 0; i < std::min(picked.step + 1, steps.size()); ++i)
    if (steps[i].site != Step::kAny || picked.gateway == Standing::kNowhere)
      tell_obstacles(policy, steps[i], gateways, standing, explanation.why);
  if (picked.gateway == Standing::kNowhere) {
    explanation.why.emplace_back(
        "no gateway has a place: it logs in again and again until one has");
    return explanation;
  }
  const GatewayView& gateway = gateways[picked.gateway];
  const Step& step = steps[picked.step];
  explanation.gateway = gateway.name;
  std::string why = gateway.name + ": " + title(policy, step);
  if (picked.gateway == standing.at)
    why += standing.counted ? ", and the host is there already" : ", and the host asks there";
  else if (step.gateways.size() > 1)
    why += ", the emptiest of those that may take it";
  explanation.why.push_back(why + " (" + std::to_string(gateway.links + gateway.expected) + " of " +
                            std::to_string(gateway.capacity) + " links, " +
                            percent(gateway.load()) + ")");
  return explanation;
}

}  // namespace muster::fleet
