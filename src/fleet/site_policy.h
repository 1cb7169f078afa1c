// SPDX-License-Identifier: Apache-2.0
//
// SitePolicy says which gateways serve which hosts, and who is let into the region: what an
// administrator writes as TOML (docs/sites.md).
//
// Data only: placement.h decides by it. Immutable after parse().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "fleet/selector.h"
#include "fleet/subnet.h"

namespace muster::fleet {

/// Bytes of a policy's text, and how many of each there may be.
inline constexpr std::size_t kPolicyBytesMax = 256 * 1024;
inline constexpr std::size_t kSitesMax = 1'000;
inline constexpr std::size_t kSiteSubnetsMax = 256;
inline constexpr std::size_t kSiteGatewaysMax = 64;
inline constexpr std::size_t kSiteFallbacksMax = 16;
inline constexpr std::size_t kGatewayRulesMax = 1'000;
inline constexpr std::size_t kGatewayAddressesMax = 8;
inline constexpr std::size_t kAdmissionsMax = 256;
inline constexpr std::size_t kDiscoverMax = 256;
/// Links that a gateway may be given.
inline constexpr std::uint32_t kCapacityMax = 1'000'000;

/// What happens to a host that enrols.
enum class NewHosts : std::uint8_t { kAdd, kHold, kRefuse };
std::string_view name(NewHosts what);

/// A host belongs to the first site that has its address in a subnet or whose selector it
/// matches; a site with neither takes every host.
struct Site {
  std::string name;
  std::vector<Subnet> subnets;
  std::optional<Selector> selector;
  std::vector<std::string> gateways;  ///< names or patterns, the best first
  std::vector<std::size_t> fallback;  ///< sites, by their place in the policy
  std::optional<NewHosts> new_hosts;
};

/// What is known of the gateways whose names fit.
struct GatewayRule {
  std::string pattern;
  std::optional<std::uint32_t> capacity;
  std::vector<std::string> addresses;  ///< host:port; empty: as the gateway itself says
};

/// Goes before the sites' word about new hosts.
struct Admission {
  Selector selector;
  NewHosts new_hosts = NewHosts::kAdd;
};

/// Why a text is no policy. The message begins with "line L, column C: ".
struct PolicyError {
  std::size_t line = 0;    ///< from 1
  std::size_t column = 0;  ///< from 1
  std::string message;
};

struct SitePolicy {
  NewHosts new_hosts = NewHosts::kAdd;
  std::vector<Admission> admissions;  ///< the first that fits decides
  std::vector<GatewayRule> gateways;  ///< the first that fits counts
  std::vector<Site> sites;
  std::vector<Subnet> discover;  ///< networks that may be looked through for machines

  static std::expected<SitePolicy, PolicyError> parse(std::string_view text);

  /// Null where none fits.
  const GatewayRule* rule_of(std::string_view gateway) const;
};

}  // namespace muster::fleet
