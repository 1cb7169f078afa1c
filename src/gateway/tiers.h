// SPDX-License-Identifier: Apache-2.0
//
// Who may stand behind whom (docs/adr/0024). A gateway lets others stand behind it while it has
// a server itself; so no circle comes about, since the first gateway of one has nobody who lets
// it. What remains is to say so: who is refused for want of a server is told who waits for whom.
//
// Pure functions over what the two gateways tell each other.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "region.pb.h"

namespace muster::gateway {

/// Gateways that one may stand behind, counted up to the server.
inline constexpr std::size_t kTiersMax = 4;
/// Gateways that stand behind one, with those behind these.
inline constexpr std::size_t kBehindMax = 256;

/// Where a gateway stands.
struct Standing {
  bool has_server = false;
  std::vector<std::string> above = {};  ///< while it has one: up to it, its own upper one first
  /// While it has none: the gateways that it asked last and that have none either, in a row.
  std::vector<std::string> waiting = {};
};

/// What `self`, which stands so and lets others stand behind it if `allowed`, answers to the
/// hello of the gateway `newcomer`; `held`: how many it holds already.
wire::RepeatWelcome answer_to(const wire::RepeatHello& hello, const std::string& self,
                              const Standing& standing, bool allowed, std::size_t held,
                              const std::string& newcomer);

/// That the gateway above welcomes `self`; kDenied with its sentence, kConflict for a circle,
/// kInvalid for what no gateway says.
core::Status check_welcome(const wire::RepeatWelcome& welcome, const std::string& self);

/// Of a refusal: who waits for whom, to be told on to who asks `self`.
std::vector<std::string> waiting_of(const wire::RepeatWelcome& refusal, const std::string& self);

}  // namespace muster::gateway
