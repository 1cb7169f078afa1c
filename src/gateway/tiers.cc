// SPDX-License-Identifier: Apache-2.0
#include "gateway/tiers.h"

#include <algorithm>

#include "core/bytes.h"
#include "identity/authority.h"
#include "wire/limits.h"

namespace muster::gateway {
namespace {

using core::Code;
using core::fail;

constexpr std::size_t kSentenceBytesMax = 512;
/// A circle larger than this would be too deep without being one.
constexpr int kNamesMax = static_cast<int>(kTiersMax) + 1;

std::string refusal_of(const wire::RepeatHello& hello, const std::string& self,
                       const Standing& standing, bool allowed, std::size_t held,
                       const std::string& newcomer) {
  const std::string me = "the gateway " + self;
  if (newcomer == self)
    return me + " cannot stand behind itself: --server names a server, or another gateway";
  if (!allowed)
    return me + " lets no gateways stand behind it: start it with --repeat, or name a server";
  if (hello.version() < wire::kVersionOldest || hello.version_oldest() > wire::kVersion)
    return "no common protocol version; update the older of the two";
  if (std::ranges::find(standing.above, newcomer) != standing.above.end())
    return me + " stands behind " + newcomer + " already: they cannot stand behind each other";
  if (!standing.has_server) return me + " has no server itself just now";
  if (standing.above.size() + 1 > kTiersMax)
    return me + " stands behind " + std::to_string(standing.above.size()) +
           " others already: a gateway may stand behind " + std::to_string(kTiersMax) +
           ", no more; name one that is nearer to the server";
  if (held >= kBehindMax)
    return me + " holds as many gateways as it takes (" + std::to_string(kBehindMax) + ")";
  return {};
}

}  // namespace

wire::RepeatWelcome answer_to(const wire::RepeatHello& hello, const std::string& self,
                              const Standing& standing, bool allowed, std::size_t held,
                              const std::string& newcomer) {
  wire::RepeatWelcome welcome;
  welcome.set_version(std::min(hello.version(), wire::kVersion));
  welcome.set_refused(refusal_of(hello, self, standing, allowed, held, newcomer));
  if (welcome.refused().empty()) {
    welcome.add_above(self);
    for (const auto& name : standing.above) welcome.add_above(name);
  } else if (allowed && !standing.has_server) {
    welcome.add_waiting(self);
    for (const auto& name : standing.waiting)
      if (welcome.waiting_size() < kNamesMax) welcome.add_waiting(name);
  }
  return welcome;
}

core::Status check_welcome(const wire::RepeatWelcome& welcome, const std::string& self) {
  if (welcome.above_size() > static_cast<int>(kTiersMax) || welcome.waiting_size() > kNamesMax)
    return fail(Code::kInvalid, "more gateways above than there can be");
  for (const auto* names : {&welcome.above(), &welcome.waiting()})
    for (const auto& name : *names)
      if (!identity::is_valid_name(name))
        return fail(Code::kInvalid, "no gateway's name: " + core::printable(name, 64));
  const auto& waiting = welcome.waiting();
  if (const auto at = std::ranges::find(waiting, self); at != waiting.end()) {
    std::string circle = self;
    for (auto each = waiting.begin(); each <= at; ++each) circle += " -> " + *each;
    return fail(Code::kConflict, "gateways stand behind each other in a circle, " + circle +
                                     ": give one of them a server's address");
  }
  if (!welcome.refused().empty())
    return fail(Code::kDenied, core::printable(welcome.refused(), kSentenceBytesMax));
  if (welcome.version() < wire::kVersionOldest || welcome.version() > wire::kVersion)
    return fail(Code::kInvalid, "no common protocol version; update the older of the two");
  if (welcome.above().empty())
    return fail(Code::kInvalid, "the gateway above does not say who it is");
  if (std::ranges::find(welcome.above(), self) != welcome.above().end())
    return fail(Code::kConflict,
                "the gateway above stands behind this one: they cannot stand "
                "behind each other");
  return {};
}

std::vector<std::string> waiting_of(const wire::RepeatWelcome& refusal, const std::string& self) {
  const auto& names = refusal.waiting();
  return {names.begin(), std::ranges::find(names, self)};
}

}  // namespace muster::gateway
