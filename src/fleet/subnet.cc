// SPDX-License-Identifier: Apache-2.0
#include "fleet/subnet.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "core/bytes.h"

namespace muster::fleet {
namespace {

constexpr std::size_t kAddressBytesMax = 64;
constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/// `address` with only its first `prefix` bits.
IpAddress cut(IpAddress address, unsigned prefix) {
  for (unsigned byte = 0; byte < address.bytes.size(); ++byte) {
    const unsigned bits = prefix > byte * 8 ? std::min(prefix - byte * 8, 8U) : 0;
    address.bytes[byte] &= static_cast<std::uint8_t>(0xff00U >> bits);
  }
  return address;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  text = text.substr(0, text.find('%'));
  if (text.size() > kAddressBytesMax || text.contains('\0')) return std::nullopt;
  const std::string terminated(text);
  IpAddress address;
  if (::inet_pton(AF_INET, terminated.c_str(), address.bytes.data()) == 1) {
    address.is_v4 = true;
    return address;
  }
  if (::inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) != 1) return std::nullopt;
  if (std::equal(kMapped.begin(), kMapped.end(), address.bytes.begin())) {
    IpAddress v4;
    v4.is_v4 = true;
    std::copy_n(address.bytes.begin() + kMapped.size(), 4, v4.bytes.begin());
    return v4;
  }
  return address;
}

std::string IpAddress::str() const {
  char text[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(is_v4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

core::Result<Subnet> Subnet::parse(std::string_view text) {
  const auto wrong = [&](const std::string& why) {
    return core::fail(core::Code::kInvalid, "'" + core::printable(text, 80) + "' " + why);
  };
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address || text.substr(0, slash).contains('%'))
    return wrong("is no subnet: write an address and how many of its bits count, as 10.1.0.0/16");
  Subnet subnet;
  subnet.first_ = *address;
  const unsigned bits = address->is_v4 ? 32 : 128;
  subnet.prefix_ = bits;
  if (slash == text.npos) return subnet;
  const std::string_view number = text.substr(slash + 1);
  const char* const end = number.data() + number.size();
  const auto [at, failed] = std::from_chars(number.data(), end, subnet.prefix_);
  if (number.empty() || failed != std::errc() || at != end || subnet.prefix_ > bits)
    return wrong("has no number of bits behind its '/': 0 to " + std::to_string(bits));
  const IpAddress base = cut(*address, subnet.prefix_);
  if (base != *address)
    return wrong("has bits behind its first " + std::to_string(subnet.prefix_) + "; write " +
                 base.str() + "/" + std::to_string(subnet.prefix_) + ", or more bits");
  return subnet;
}

bool Subnet::contains(const IpAddress& address) const {
  return address.is_v4 == first_.is_v4 && cut(address, prefix_) == first_;
}

std::string Subnet::str() const {
  return first_.str() + "/" + std::to_string(prefix_);
}

std::uint64_t Subnet::machines() const {
  return (1ULL << std::min(free_bits(), 32U)) - (has_ends() ? 2 : 0);
}

IpAddress Subnet::machine(std::uint64_t number) const {
  IpAddress address = first_;
  std::uint64_t rest = number + (has_ends() ? 1 : 0);
  for (std::size_t byte = address.is_v4 ? 4 : 16; byte-- > 0 && rest != 0; rest >>= 8)
    address.bytes[byte] |= static_cast<std::uint8_t>(rest & 0xff);  // there its bits are free
  return address;
}

}  // namespace muster::fleet
