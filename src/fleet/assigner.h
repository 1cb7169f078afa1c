// SPDX-License-Identifier: Apache-2.0
//
// Assigner keeps the map of which host is at which gateway, and decides who is sent where:
// at a login, when a gateway is drained, and when another gateway suits a host better.
//
// So that nothing becomes a storm: moves have a pace, so have the arrivals that one gateway
// is sent; who was moved rests; a gateway that is back is trusted after a while; and a host
// that did not arrive where it was sent is taken where it asks, because not every gateway can
// be reached from everywhere. Draining does not wait for a host's rest.
//
// Pure logic: no I/O, no clock. Reads hosts by a function that the program gives. Owned by
// one loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/clock.h"
#include "core/ids.h"
#include "fleet/placement.h"
#include "fleet/site_policy.h"

namespace muster::fleet {

/// Hosts that are told to leave in a second, of all gateways together.
inline constexpr unsigned kMovesPerSecond = 100;
/// Hosts that are sent to one gateway in a second; further ones are told to come later.
inline constexpr unsigned kArrivalsPerSecond = 500;
/// Who was moved for its own good is not moved again so soon.
inline constexpr std::chrono::minutes kMoveRest{10};
/// A gateway must be there so long before hosts are brought back to it.
inline constexpr std::chrono::seconds kGatewaySettles{60};
/// Who was sent arrives within this, or is taken where it asks.
inline constexpr std::chrono::seconds kArriveWithin{60};
/// A gateway at which a host did not arrive is not named to it again so soon; twice as long
/// each further time, up to the ceiling.
inline constexpr std::chrono::minutes kAvoidFor{10};
inline constexpr std::chrono::hours kAvoidCeiling{24};
/// Times that a host is sent on before it is taken where it asks.
inline constexpr unsigned kSentOnMax = 3;
/// Gateways beside its own that a host is told of.
inline constexpr std::size_t kOthersMax = 2;
/// Gateways whose names are remembered.
inline constexpr std::size_t kGatewaysMax = 4'096;

class Assigner {
 public:
  /// What is known of a host; null: it is no more. Valid until the next call.
  using FindHost = std::function<const Subject*(const core::EndpointId&)>;

  explicit Assigner(FindHost find_host);

  void set_policy(std::shared_ptr<const SitePolicy> policy, core::MonoTime now);
  const SitePolicy& policy() const { return *policy_; }

  /// Its connection is there. `capacity` 0: it does not say. No `addresses`: hosts know it, it
  /// is the server's own. The policy's word goes first for both. A gateway beyond kGatewaysMax
  /// is not given hosts.
  void gateway_up(std::string_view name, std::uint32_t capacity,
                  std::optional<std::vector<std::string>> addresses, core::MonoTime now);
  /// Its connection broke, or it was silent for too long.
  void gateway_down(std::string_view name, core::MonoTime now);
  /// Also of a gateway that is away, or not known yet.
  void drain(std::string_view name, bool draining, core::MonoTime now);

  /// Where a host goes.
  struct Verdict {
    bool stays = true;
    std::string gateway;                 ///< its name
    std::vector<std::string> addresses;  ///< host:port, best first; empty: the server's own
    core::Duration delay{};              ///< to come there so much later
  };
  /// It asks at gateway `at` to be let in. `follows`: it goes where it is sent.
  Verdict asks(const core::EndpointId& id, std::string_view at, bool follows, core::MonoTime now);
  /// It was let in there; its earlier link, if any, is over.
  void arrived(const core::EndpointId& id, std::string_view at, core::MonoTime now);
  /// host:port of those that would take it if the gateway where it is were gone, kOthersMax at
  /// most; hosts of one gateway get different ones.
  std::vector<std::string> others(const core::EndpointId& id, std::string_view at);
  void left(const core::EndpointId& id);
  void forget(const core::EndpointId& id);

  struct Move {
    core::EndpointId host;
    std::string from;
    Verdict to;
  };
  /// Who is to leave now. Call it about once a second.
  std::vector<Move> tick(core::MonoTime now);

  /// By name, with what their links are now.
  std::vector<GatewayView> gateways() const;
  /// What would be decided now about a host that is (or asks) at `at`; empty: nowhere.
  Explanation explain(const core::EndpointId* id, const Subject& host, std::string_view at,
                      const SitePolicy* instead, core::MonoTime now) const;

 private:
  static constexpr std::size_t kNone = Standing::kNowhere;

  struct Gateway {
    std::optional<std::vector<std::string>> addresses;
    std::uint32_t announced = 0;
    bool present = false;
    bool draining = false;
    core::MonoTime since{};         ///< present or away since
    core::MonoTime next_arrival{};  ///< the pace of those who are sent there
  };
  struct Host {
    std::size_t at = kNone;
    std::size_t sent = kNone;
    core::MonoTime sent_until{};
    core::MonoTime rests_until{};
    core::MonoTime avoid_until{};
    std::vector<std::string> avoid;
    std::uint8_t sent_on = 0;  ///< in vain, since avoid_until passed
    std::uint8_t missed = 0;   ///< in vain, since it last arrived where it was sent
    bool follows = false;
  };

  std::size_t place_of(std::string_view name) const;
  std::size_t make_place(std::string_view name);
  void refresh(std::size_t place);
  void refresh_all();
  std::vector<std::string> addresses_of(std::size_t place) const;
  const Steps& steps_for(std::optional<std::size_t> site);
  Standing standing_of(const Host& host, core::MonoTime now) const;
  Picked choose(const Host& host, const Subject& subject, core::MonoTime now);
  Verdict send(const core::EndpointId& id, Host& host, std::size_t to, core::MonoTime now);
  void unsend(Host& host);
  void expire(core::MonoTime now);
  void plan(core::MonoTime now);
  std::optional<Move> look(const core::EndpointId& id, core::MonoTime now);

  FindHost find_host_;
  std::shared_ptr<const SitePolicy> policy_;
  std::vector<GatewayView> views_;  ///< with gateways_, by place
  std::vector<Gateway> gateways_;
  std::unordered_map<std::string, std::size_t> places_;
  std::vector<std::optional<Steps>> steps_;  ///< by site, the last one for hosts of none
  std::unordered_map<core::EndpointId, Host> hosts_;
  std::deque<std::pair<core::MonoTime, core::EndpointId>> awaited_;
  std::deque<core::EndpointId> queue_;  ///< to look at
  core::MonoTime next_plan_{};
  core::MonoTime ticked_{};
  double moves_ = 0;  ///< that the pace allows now
};

}  // namespace muster::fleet
