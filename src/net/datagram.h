// SPDX-License-Identifier: Apache-2.0
//
// DatagramSocket is a UDP socket of one address family, for discovery: it hears what is sent to
// its port, to this machine, to all of a network or to a group, and sends to one or to all near.
//
// Lives on one loop. Whoever sent a datagram may have put in any source address.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/result.h"
#include "runtime/watch.h"

namespace muster::net {

/// Where a datagram came from or goes to.
class DatagramAddress {
 public:
  DatagramAddress() = default;
  /// `host`: an IP address; kInvalid where it is none.
  static core::Result<DatagramAddress> parse(const std::string& host, std::uint16_t port);
  /// The address without its port; an IPv6 address of one link with its interface: fe80::1%eth0.
  std::string host() const;

 private:
  friend class DatagramSocket;
  sockaddr_storage bytes_{};
  socklen_t size_ = 0;
  /// Of this machine, where the datagram from there arrived: the answer leaves from it, else
  /// whoever asked one of several addresses would not know the answer for its own.
  std::optional<std::variant<in_addr, in6_addr>> here_;
};

class DatagramSocket {
 public:
  enum class Family { kIpv4, kIpv6 };
  /// Administratively scoped (RFC 2365), and of one link.
  static constexpr const char* kGroupIpv4 = "239.255.77.83";
  static constexpr const char* kGroupIpv6 = "ff02::6d75:7374";
  /// Bytes of a datagram that are looked at.
  static constexpr std::size_t kBytesMax = 2'048;
  /// Datagrams read at a time, before others have their turn.
  static constexpr unsigned kReadsInARow = 64;

  /// True: there may be more. False: leave the rest where it is, until resume().
  using Receive = std::function<bool(std::string_view bytes, const DatagramAddress& from)>;

  /// `port` 0: any. A given port is shared with other programs: what is sent to all reaches
  /// each of them.
  static core::Result<std::unique_ptr<DatagramSocket>> open(runtime::Loop& loop, Family family,
                                                            std::uint16_t port, Receive receive);
  ~DatagramSocket();
  DatagramSocket(const DatagramSocket&) = delete;
  DatagramSocket& operator=(const DatagramSocket&) = delete;

  /// Hears the group on all interfaces that there are now; again when there may be new ones.
  void join_groups();
  void resume();
  /// Best effort, as datagrams are.
  core::Status send(std::string_view bytes, const DatagramAddress& to);
  /// To everybody near, through each interface: broadcast and group. Returns how many were sent.
  std::size_t send_around(std::string_view bytes, std::uint16_t port);

 private:
  DatagramSocket(runtime::Loop& loop, Family family, int descriptor, Receive receive);
  void read();

  runtime::Loop& loop_;
  const Family family_;
  const int descriptor_;
  Receive receive_;
  std::unique_ptr<runtime::ReadWatch> watch_;  ///< null: paused
};

}  // namespace muster::net
