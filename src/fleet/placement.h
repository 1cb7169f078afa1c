// SPDX-License-Identifier: Apache-2.0
//
// Which gateway shall hold a host's link: the policy, the host and the gateways' state go in,
// a gateway and the reasons come out.
//
// A site's gateways are asked in steps: each entry of its list is one, best first, then those
// of the sites that it falls back to. Within a step the emptiest one takes the host, unless
// the one where the host is already is not much fuller. Where no step has a place, the host
// stays where it is or goes to whichever gateway has one: a host that can be reached beats a
// rule.
//
// Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/site_policy.h"

namespace muster::fleet {

/// A host leaves a gateway for one of the same step only where that is emptier by more than
/// this share of its capacity.
inline constexpr double kImbalance = 0.2;
/// Links of a gateway of which nothing is said.
inline constexpr std::uint32_t kCapacityDefault = 50'000;

enum class GatewayState : std::uint8_t { kUp, kDraining, kAway };

/// A gateway as placement sees it.
struct GatewayView {
  std::string name;
  GatewayState state = GatewayState::kUp;
  std::uint32_t capacity = kCapacityDefault;
  std::size_t links = 0;     ///< held now
  std::size_t expected = 0;  ///< hosts that were sent there and have not arrived
  bool has_address = true;   ///< hosts can be told where it is
  bool draining = false;     ///< also while it is away

  double load() const { return static_cast<double>(links + expected) / capacity; }
  bool has_room() const { return links + expected < capacity; }
};

/// Gateways of one entry of one site's list, as places in the list of gateways.
struct Step {
  static constexpr std::size_t kAny = static_cast<std::size_t>(-1);
  std::size_t site = kAny;  ///< kAny: whichever has a place, when no site's gateway has one
  std::size_t entry = 0;
  std::vector<std::size_t> gateways;
};
using Steps = std::vector<Step>;

/// The site of a host; nothing where none fits. `address` is the host's, foreign.
std::optional<std::size_t> site_of(const SitePolicy& policy, const Subject& host);

/// What becomes of a host of that address and labels that enrols; `why` is a sentence.
struct AdmissionWord {
  NewHosts what = NewHosts::kAdd;
  std::string why;
};
AdmissionWord admission_of(const SitePolicy& policy, const Subject& host);

/// The steps for a site's hosts, or for those of none; the last one is kAny.
Steps steps_of(const SitePolicy& policy, std::optional<std::size_t> site,
               std::span<const GatewayView> gateways);

/// Where the host asks or is, and who it may not be given to.
struct Standing {
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);
  std::size_t at = kNowhere;  ///< place in the list of gateways
  bool counted = false;       ///< `at` counts it among its links
  std::span<const std::string> avoid = {};
};
struct Picked {
  std::size_t gateway = Standing::kNowhere;  ///< kNowhere: there is none at all
  std::size_t step = 0;
};
Picked pick(const Steps& steps, std::span<const GatewayView> gateways, const Standing& standing);

/// Who would take a host in place of the gateway `at`, by the same steps, `count_max` at most.
/// Within a step they are gone through from a place that `salt` gives, so that many hosts do
/// not all go to the same one.
std::vector<std::size_t> stand_ins(const Steps& steps, std::span<const GatewayView> gateways,
                                   std::size_t at, std::size_t salt, std::size_t count_max);

/// The same with every reason told, for `muster policy explain`.
struct Explanation {
  std::string site;              ///< empty: none
  std::string gateway;           ///< empty: there is none
  std::vector<std::string> why;  ///< sentences in the order in which it was decided
};
Explanation explain(const SitePolicy& policy, const Subject& host,
                    std::span<const GatewayView> gateways, const Standing& standing);

}  // namespace muster::fleet
