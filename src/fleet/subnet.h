// SPDX-License-Identifier: Apache-2.0
//
// Subnet: a range of IP addresses as people write it, "10.1.0.0/16" or "fd00:1::/32".
//
// An IPv4 address that reached us over IPv6 (::ffff:10.1.2.3) is the IPv4 address.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace muster::fleet {

struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};  ///< of IPv4 the first 4
  bool is_v4 = false;

  /// Nothing where `text` is no address. A zone behind '%' is left out.
  static std::optional<IpAddress> parse(std::string_view text);
  std::string str() const;
  auto operator<=>(const IpAddress&) const = default;
};

class Subnet {
 public:
  /// An address alone means itself. kInvalid with a sentence that says what to write: also
  /// where bits are set behind the prefix, since one of the two is a slip.
  static core::Result<Subnet> parse(std::string_view text);

  bool contains(const IpAddress& address) const;
  bool contains(const Subnet& other) const {
    return prefix_ <= other.prefix_ && contains(other.first_);
  }
  std::string str() const;

  /// Addresses that machines may have: of IPv4 without the first and the last, which mean the
  /// network and all of it. Beyond 2^32 the number is cut.
  std::uint64_t machines() const;
  /// The machine's address of that number; `number` < machines().
  IpAddress machine(std::uint64_t number) const;

 private:
  unsigned free_bits() const { return (first_.is_v4 ? 32 : 128) - prefix_; }
  bool has_ends() const { return first_.is_v4 && free_bits() >= 2; }

  IpAddress first_;
  unsigned prefix_ = 0;
};

}  // namespace muster::fleet
