// SPDX-License-Identifier: Apache-2.0
//
// The text of a join token: mjt1.<id>.<secret>.<fingerprint of the authority>.
//
// The fingerprint lets a new machine verify the server before it says the secret.
// Parts are base 32: 5, 20 and 32 bytes.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace muster::identity {

struct JoinToken {
  static constexpr std::size_t kTextBytesMax = 160;
  static constexpr std::size_t kIdBytes = 5;
  static constexpr std::size_t kSecretBytes = 20;

  std::string id;              ///< As text, lower case.
  std::string secret;          ///< Raw bytes.
  std::string ca_fingerprint;  ///< Raw bytes; empty in the short form that goes over the wire.

  /// A new token for the authority with this fingerprint (32 raw bytes).
  static JoinToken make(std::string_view ca_fingerprint);

  /// Accepts both forms and white space around them. kInvalid; the message tells apart: empty, not
  /// a join token (and which other token it is), of a newer version, cut short, a
  /// damaged part.
  static core::Result<JoinToken> parse(std::string_view text);

  std::string str() const;
  /// Without the fingerprint, as a request for enrolment carries it.
  std::string short_form() const;
};

}  // namespace muster::identity
