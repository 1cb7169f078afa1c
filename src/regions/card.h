// SPDX-License-Identifier: Apache-2.0
//
// Card: how a region introduces itself to another one. Public: its authority's certificate and the
// addresses of its servers, as text that fits an e-mail (docs/protocols/regions.md).
//
// The fingerprint of the authority is what two administrators compare. A wrong address in a card is
// found out by TLS, which accepts nobody but that authority's servers.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "identity/certificate.h"

namespace muster::regions {

struct Card {
  static constexpr std::size_t kTextBytesMax = 32 * 1024;
  static constexpr std::size_t kAddressesMax = 16;
  static constexpr std::size_t kAddressBytesMax = 260;

  std::string name;                    ///< What it calls itself; a suggestion.
  std::vector<std::string> addresses;  ///< "host:port", at least one.
  identity::Certificate authority;

  /// The region's id.
  std::string region() const { return identity_of(); }
  /// SHA-256 of the certificate, 32 raw bytes.
  std::string fingerprint() const { return authority.fingerprint(); }
  std::string str() const;

  /// Foreign text. kInvalid says which line is wrong; members that this version does not know are
  /// passed over.
  static core::Result<Card> parse(std::string_view text);

 private:
  std::string identity_of() const;
};

/// Names of other regions: 1 to 32 of a-z 0-9 -, beginning with a letter, and none of the words
/// that the API uses in their place.
bool is_valid_region_name(std::string_view name);

}  // namespace muster::regions
