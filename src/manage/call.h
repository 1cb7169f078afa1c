// SPDX-License-Identifier: Apache-2.0
//
// What a request to the management resource asks for (docs/protocols/management.md), and how it
// is told from a request to the application behind it.
//
// The sign is one header, whatever the method and the address: so no address of an application
// is taken away, and nobody reaches the resource by a link, a form or a redirect. A request that
// has the sign never goes to the application, right or wrong.
//
// Pure: what it reads is hostile until it is read.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "net/http_message.h"

namespace muster::manage {

inline constexpr std::string_view kSign = "muster-management";
inline constexpr std::string_view kSignValue = "1";
/// Ids of the hosts that a call has passed, and how many milliseconds are left for it.
inline constexpr std::string_view kTrail = "muster-trail";
inline constexpr std::string_view kTimeLeft = "muster-time-left";

inline constexpr std::size_t kArgumentsMax = 32;
inline constexpr std::size_t kArgumentBytesMax = 4096;
/// Ways to further hosts that one call may name, and hosts on one way.
inline constexpr std::size_t kViaMax = 16;
inline constexpr std::size_t kDepthMax = 4;
inline constexpr core::Duration kTimeDefault = std::chrono::seconds(20);
inline constexpr core::Duration kTimeMax = std::chrono::minutes(10);

/// Whether the request bears the sign, also misspelt so that an application might read it as that.
bool has_sign(const net::Pairs& headers);

struct Call {
  std::string operation;
  net::Pairs arguments;                       ///< each name once
  std::vector<std::vector<std::string>> via;  ///< ways to further hosts; "*" only as a last step
  std::vector<std::string> trail;
  core::Duration time_left = kTimeDefault;

  std::string argument(std::string_view name) const {
    return std::string(net::find(arguments, name).value_or(""));
  }
};

/// REQUIRES: has_sign(). Looks at method, target and headers alone. kInvalid says what is wrong;
/// kDenied where a browser's page asks.
core::Result<Call> parse_call(const net::Request& request);

/// The target and the headers that make the same call on the next host.
struct Onward {
  std::string target;
  net::Pairs headers;
};
Onward onward(const Call& call, const std::vector<std::vector<std::string>>& via,
              const std::string& own_id, core::Duration time_left);

/// Names of hosts: as those of gateways.
bool is_host_name(std::string_view name);

/// The part of a file that "Range: bytes=…" asks for.
struct Range {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};
/// One range in bytes; none for a header that means something else, which is then passed over as
/// RFC 9110 says. kLimit where it lies behind the end (416).
core::Result<std::optional<Range>> parse_range(std::string_view header, std::uint64_t size);

/// A whole number from 0; kInvalid names `what`.
core::Result<std::uint64_t> parse_number(std::string_view text, std::string_view what);

}  // namespace muster::manage
