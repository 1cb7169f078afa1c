// SPDX-License-Identifier: Apache-2.0
//
// Sweep looks through networks for machines: who answers there, what is it, and does the region
// have it already. One sweep at a time, paced, over networks that the site policy opens
// (`discover`).
//
// Lives on the server's loop. What machines say is foreign.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "discovery/message.h"
#include "fleet/registry.h"
#include "fleet/subnet.h"
#include "net/datagram.h"
#include "net/probe.h"
#include "runtime/loop.h"
#include "runtime/task_group.h"

namespace muster::server {

/// Addresses of one sweep.
inline constexpr std::uint64_t kSweepAddressesMax = 65'536;
inline constexpr std::size_t kSweepNetworksMax = 64;
inline constexpr std::size_t kSweepPortsMax = 8;
/// Addresses begun in a second: a switch or a router's table of neighbours takes it, and a
/// thousand are through in a few seconds.
inline constexpr unsigned kSweepPerSecond = 300;
/// An address that is silent for so long is taken for empty.
inline constexpr std::chrono::milliseconds kSweepPatience{1'500};
/// Finished sweeps that are kept to be looked at.
inline constexpr std::size_t kSweepsKept = 8;

/// One machine that answered.
struct Found {
  fleet::IpAddress address;
  std::vector<std::uint16_t> open;           ///< of the ports that were tried
  std::string ssh;                           ///< what its SSH service calls itself, cleaned
  std::optional<core::EndpointId> endpoint;  ///< an agent of this region says so, or the registry
  bool answers = false;                      ///< its agent does
  bool link_open = false;                    ///< says its agent

  std::string_view kind() const;  ///< "endpoint", "ssh" or "other"
};

struct Sweep {
  std::uint64_t id = 0;
  std::vector<fleet::Subnet> networks;
  std::vector<std::uint16_t> ports;
  core::WallTime started_at{};
  std::uint64_t addresses = 0;
  std::uint64_t looked_at = 0;
  bool running = true;
  bool stopped = false;
  std::map<fleet::IpAddress, Found> found;
};

class Sweeper {
 public:
  Sweeper(runtime::Loop& loop, fleet::Registry& registry, discovery::RegionKey key);
  ~Sweeper();

  /// kLimit with too many addresses, kConflict while another one runs.
  core::Result<std::shared_ptr<const Sweep>> start(std::vector<fleet::Subnet> networks,
                                                   std::vector<std::uint16_t> ports);
  std::shared_ptr<const Sweep> find(std::uint64_t id) const;
  /// Newest first.
  const std::deque<std::shared_ptr<Sweep>>& all() const { return sweeps_; }
  void stop(std::uint64_t id);
  runtime::Task<void> end();

 private:
  using Known = std::map<fleet::IpAddress, core::EndpointId>;

  /// One address while its ports are tried.
  struct Look {
    fleet::IpAddress address;
    std::optional<core::EndpointId> known;
    std::size_t pending = 0;
    bool answered = false;
    std::vector<std::uint16_t> open;
    std::string ssh;
  };

  runtime::Task<void> run(std::shared_ptr<Sweep> sweep);
  void look_at(const std::shared_ptr<Sweep>& sweep, const fleet::IpAddress& address,
               std::optional<core::EndpointId> known);
  static void settle(Sweep& sweep, const Look& look);
  Known known_in(const Sweep& sweep) const;
  void hear(Sweep& sweep, const std::string& nonce, std::string_view datagram,
            const net::DatagramAddress& from);

  runtime::Loop& loop_;
  fleet::Registry& registry_;
  const discovery::RegionKey key_;
  std::deque<std::shared_ptr<Sweep>> sweeps_;
  std::uint64_t last_id_ = 0;
  runtime::TaskGroup tasks_;
};

}  // namespace muster::server
