// SPDX-License-Identifier: Apache-2.0
//
// Trust in another region, as what lives on it sees it: it ends at once when an administrator
// changes or removes the grant, or its time is over, and streams that were opened under it end
// with it (docs/adr/0027).
//
// Lives on one loop.
#pragma once

#include <functional>
#include <list>
#include <memory>

#include "access/types.h"
#include "net/http_message.h"

namespace muster::server {

class Trust {
 public:
  using Action = std::function<void()>;

  bool ended() const { return ended_; }
  /// Calls all actions that are still there.
  void end();
  /// Calls the action when the trust ends, if it lives then.
  void on_end(const std::shared_ptr<Action>& action);

 private:
  bool ended_ = false;
  std::list<std::weak_ptr<Action>> actions_;
};

/// Who asks, from another region: its user, with what is granted to the region.
struct PeerPrincipal : access::Principal {
  std::shared_ptr<Trust> trust;
};

/// What PeerPrincipal::via begins with; the region's id follows.
inline constexpr std::string_view kViaRegion = "region:";
/// The principal of a request that came from another region; null for any other.
const PeerPrincipal* peer_of(const net::Request& request);

/// From now on a streamed answer breaks when `trust` ends.
void end_with(std::shared_ptr<Trust> trust, net::Response& response);

}  // namespace muster::server
