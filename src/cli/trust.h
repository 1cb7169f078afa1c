// SPDX-License-Identifier: Apache-2.0
//
// Settling with a person which authority to trust, by its fingerprint.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/context.h"

namespace muster::cli {

/// Where `muster host` listens unless it is told otherwise.
inline constexpr std::uint16_t kHostPort = 8443;

/// "abcd-efgh-…": groups that eyes can compare.
std::string grouped(const std::string& fingerprint);

/// "box" → "box:8443"; an address with a port, or in brackets, stays.
std::string with_default_port(std::string_view address, std::uint16_t port);

/// Who is to be trusted, in the words of the question.
struct Stranger {
  std::string_view what;        ///< "region"
  std::string_view printed_by;  ///< the commands that print its fingerprint there
  std::string_view options;     ///< that spare the question
};
inline constexpr Stranger kHostToTrust{"host", "`muster host`", "--fingerprint FP"};
inline constexpr Stranger kRegionToTrust{"region", "`muster up` or `muster server`",
                                         "--ca FILE or --fingerprint FP"};

/// The fingerprint (base 32) of the authority to trust at `server`: the given one, else the one
/// that it shows, once a person has agreed. kDenied where nobody is there to ask.
core::Result<std::string> settle_fingerprint(Context& context, const Stranger& who,
                                             const std::string& server,
                                             const std::optional<std::string>& given);

}  // namespace muster::cli
