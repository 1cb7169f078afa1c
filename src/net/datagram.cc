// SPDX-License-Identifier: Apache-2.0
#include "net/datagram.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <set>

#include "core/bytes.h"

namespace muster::net {
namespace {

/// Hops that a question to the IPv4 group may take: routers pass it on only where told to.
constexpr int kGroupHops = 8;

struct Interfaces {
  Interfaces() {
    if (::getifaddrs(&first) != 0) first = nullptr;
  }
  ~Interfaces() {
    if (first) ::freeifaddrs(first);
  }
  Interfaces(const Interfaces&) = delete;
  Interfaces& operator=(const Interfaces&) = delete;

  /// Those that are up and no loopback, with an address of this family.
  template <typename Each>
  void each(int family, Each each) const {
    for (const ifaddrs* at = first; at; at = at->ifa_next)
      if (at->ifa_addr && at->ifa_addr->sa_family == family && (at->ifa_flags & IFF_UP) &&
          !(at->ifa_flags & IFF_LOOPBACK))
        each(*at);
  }

  ifaddrs* first = nullptr;
};

template <typename Value>
bool set(int descriptor, int level, int option, const Value& value) {
  return ::setsockopt(descriptor, level, option, &value, sizeof value) == 0;
}

using Here = std::optional<std::variant<in_addr, in6_addr>>;

/// A datagram with the address of this machine beside it, as the system calls want it.
struct Message {
  Message(char* bytes, std::size_t size, sockaddr_storage& address, socklen_t address_size)
      : part{bytes, size} {
    head.msg_name = &address;
    head.msg_namelen = address_size;
    head.msg_iov = &part;
    head.msg_iovlen = 1;
    head.msg_control = control.data();
    head.msg_controllen = control.size();
  }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  /// Of a datagram that came; nothing where it was sent to a group.
  Here here() {
    for (cmsghdr* at = CMSG_FIRSTHDR(&head); at; at = CMSG_NXTHDR(&head, at)) {
      if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_PKTINFO)
        return Here(read<in_pktinfo>(at).ipi_spec_dst);
      if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_PKTINFO) {
        const in6_addr local = read<in6_pktinfo>(at).ipi6_addr;
        if (!IN6_IS_ADDR_MULTICAST(&local)) return Here(local);
      }
    }
    return std::nullopt;
  }

  /// Of a datagram that goes.
  void set_here(const Here& from) {
    if (!from) {
      head.msg_control = nullptr;
      head.msg_controllen = 0;
    } else if (const auto* v4 = std::get_if<in_addr>(&*from)) {
      write(IPPROTO_IP, IP_PKTINFO,
            in_pktinfo{.ipi_ifindex = 0, .ipi_spec_dst = *v4, .ipi_addr = {}});
    } else {
      write(IPPROTO_IPV6, IPV6_PKTINFO,
            in6_pktinfo{.ipi6_addr = std::get<in6_addr>(*from), .ipi6_ifindex = 0});
    }
  }

  msghdr head{};

 private:
  template <typename Info>
  static Info read(cmsghdr* from) {
    Info info;
    std::memcpy(&info, CMSG_DATA(from), sizeof info);
    return info;
  }
  template <typename Info>
  void write(int level, int type, const Info& info) {
    head.msg_controllen = CMSG_SPACE(sizeof info);
    cmsghdr* to = CMSG_FIRSTHDR(&head);
    to->cmsg_level = level;
    to->cmsg_type = type;
    to->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(to), &info, sizeof info);
  }

  iovec part;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> control{};
};

template <typename Address>
Address as(const sockaddr* address) {
  Address copy;
  std::memcpy(&copy, address, sizeof copy);
  return copy;
}

in6_addr group_ipv6() {
  in6_addr group{};
  ::inet_pton(AF_INET6, DatagramSocket::kGroupIpv6, &group);
  return group;
}

in_addr group_ipv4() {
  in_addr group{};
  ::inet_pton(AF_INET, DatagramSocket::kGroupIpv4, &group);
  return group;
}

bool bind_to(int descriptor, bool v6, std::uint16_t port) {
  if (v6) {
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(port);
    return ::bind(descriptor, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0;
  }
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(port);
  return ::bind(descriptor, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0;
}

}  // namespace

core::Result<DatagramAddress> DatagramAddress::parse(const std::string& host, std::uint16_t port) {
  addrinfo wanted{}, *found = nullptr;
  wanted.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  wanted.ai_socktype = SOCK_DGRAM;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found) != 0)
    return core::fail(core::Code::kInvalid, core::printable(host, 100) + " is no IP address");
  DatagramAddress address;
  std::memcpy(&address.bytes_, found->ai_addr, found->ai_addrlen);
  address.size_ = found->ai_addrlen;
  ::freeaddrinfo(found);
  return address;
}

std::string DatagramAddress::host() const {
  std::array<char, NI_MAXHOST> text{};
  if (::getnameinfo(reinterpret_cast<const sockaddr*>(&bytes_), size_, text.data(), text.size(),
                    nullptr, 0, NI_NUMERICHOST) != 0)
    return {};
  return text.data();
}

core::Result<std::unique_ptr<DatagramSocket>> DatagramSocket::open(runtime::Loop& loop,
                                                                   Family family,
                                                                   std::uint16_t port,
                                                                   Receive receive) {
  const bool v6 = family == Family::kIpv6;
  const std::string doing = "opening UDP port " + std::to_string(port);
  const int made = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (made < 0) return core::fail_errno(errno, doing);
  const int on = 1;
  const bool ready =
      (port == 0 || set(made, SOL_SOCKET, SO_REUSEADDR, on)) &&
      (v6 ? set(made, IPPROTO_IPV6, IPV6_V6ONLY, on) &&
                set(made, IPPROTO_IPV6, IPV6_RECVPKTINFO, on)
          : set(made, SOL_SOCKET, SO_BROADCAST, on) && set(made, IPPROTO_IP, IP_PKTINFO, on) &&
                set(made, IPPROTO_IP, IP_MULTICAST_TTL, kGroupHops)) &&
      bind_to(made, v6, port);
  if (!ready) {
    const int why = errno;
    ::close(made);
    return core::fail_errno(why, doing);
  }
  return std::unique_ptr<DatagramSocket>(
      new DatagramSocket(loop, family, made, std::move(receive)));
}

DatagramSocket::DatagramSocket(runtime::Loop& loop, Family family, int descriptor, Receive receive)
    : loop_(loop), family_(family), descriptor_(descriptor), receive_(std::move(receive)) {
  resume();
}

DatagramSocket::~DatagramSocket() {
  watch_.reset();
  ::close(descriptor_);
}

void DatagramSocket::resume() {
  if (watch_) return;
  const int copy = ::fcntl(descriptor_, F_DUPFD_CLOEXEC, 0);  // a watch closes what it has
  if (copy >= 0) watch_ = std::make_unique<runtime::ReadWatch>(loop_, copy, [this] { read(); });
}

void DatagramSocket::read() {
  std::array<char, kBytesMax> buffer;
  for (unsigned i = 0; i < kReadsInARow; ++i) {
    DatagramAddress from;
    Message message(buffer.data(), buffer.size(), from.bytes_, sizeof from.bytes_);
    const ssize_t size = ::recvmsg(descriptor_, &message.head, MSG_TRUNC);
    if (size < 0) return;  // nothing more; an error of an earlier send is over with this read
    if (static_cast<std::size_t>(size) > buffer.size()) continue;
    from.size_ = message.head.msg_namelen;
    from.here_ = message.here();
    if (!receive_({buffer.data(), static_cast<std::size_t>(size)}, from)) {
      watch_.reset();
      return;
    }
  }
}

void DatagramSocket::join_groups() {
  const Interfaces interfaces;
  if (family_ == Family::kIpv4) {
    interfaces.each(AF_INET, [&](const ifaddrs& at) {
      if (!(at.ifa_flags & IFF_MULTICAST)) return;
      ip_mreqn wish{};
      wish.imr_multiaddr = group_ipv4();
      wish.imr_ifindex = static_cast<int>(::if_nametoindex(at.ifa_name));
      set(descriptor_, IPPROTO_IP, IP_ADD_MEMBERSHIP, wish);  // fails where it is in already
    });
    return;
  }
  interfaces.each(AF_INET6, [&](const ifaddrs& at) {
    if (!(at.ifa_flags & IFF_MULTICAST)) return;
    ipv6_mreq wish{};
    wish.ipv6mr_multiaddr = group_ipv6();
    wish.ipv6mr_interface = ::if_nametoindex(at.ifa_name);
    set(descriptor_, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, wish);
  });
}

core::Status DatagramSocket::send(std::string_view bytes, const DatagramAddress& to) {
  sockaddr_storage address = to.bytes_;
  Message message(const_cast<char*>(bytes.data()), bytes.size(), address, to.size_);
  message.set_here(to.here_);
  if (::sendmsg(descriptor_, &message.head, MSG_NOSIGNAL) < 0)
    return core::fail_errno(errno, "sending a datagram to " + to.host());
  return {};
}

std::size_t DatagramSocket::send_around(std::string_view bytes, std::uint16_t port) {
  std::size_t sent = 0;
  std::set<unsigned> groups;  // once an interface, however many addresses it has
  const auto send_to = [&](const auto& address) {
    DatagramAddress to;
    std::memcpy(&to.bytes_, &address, sizeof address);
    to.size_ = sizeof address;
    if (send(bytes, to)) ++sent;
  };
  const Interfaces interfaces;
  interfaces.each(family_ == Family::kIpv4 ? AF_INET : AF_INET6, [&](const ifaddrs& at) {
    const unsigned index = ::if_nametoindex(at.ifa_name);
    if (family_ == Family::kIpv4 && (at.ifa_flags & IFF_BROADCAST) && at.ifa_broadaddr) {
      auto all = as<sockaddr_in>(at.ifa_broadaddr);
      all.sin_port = htons(port);
      send_to(all);
    }
    if (!(at.ifa_flags & IFF_MULTICAST) || !groups.insert(index).second) return;
    if (family_ == Family::kIpv4) {
      ip_mreqn through{};
      through.imr_ifindex = static_cast<int>(index);
      set(descriptor_, IPPROTO_IP, IP_MULTICAST_IF, through);
      sockaddr_in group{};
      group.sin_family = AF_INET;
      group.sin_addr = group_ipv4();
      group.sin_port = htons(port);
      send_to(group);
    } else {
      sockaddr_in6 group{};
      group.sin6_family = AF_INET6;
      group.sin6_addr = group_ipv6();
      group.sin6_port = htons(port);
      group.sin6_scope_id = index;
      send_to(group);
    }
  });
  return sent;
}

}  // namespace muster::net
