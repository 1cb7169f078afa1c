// SPDX-License-Identifier: Apache-2.0
//
// PackRequests answers what hosts ask about file packs: which ones may I have, install this one
// (ADR 25). A user of the host asks through its agent, or a method that runs there.
//
// The answer is made for the endpoint of the link's certificate, whatever the question says. An
// installation is a run like any other: signed, in the ledger, by "host:NAME/user:NAME" or
// "host:NAME/run:ID".
//
// Lives on the server's loop.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "content/token_bucket.h"
#include "fleet/registry.h"
#include "server/json.h"
#include "server/pack_rules.h"
#include "server/pack_service.h"
#include "server/run_service.h"

namespace muster::server {

class PackRequests {
 public:
  static constexpr std::string_view kListCall = "packs.list";
  static constexpr std::string_view kGetCall = "packs.get";
  /// Packs in one answer, which must fit into a line of the method channel.
  static constexpr std::size_t kListedMax = 200;
  static constexpr std::size_t kListBytesMax = 48UL * 1024;
  /// What one endpoint may ask: a question costs 1, an order that comes of it 10 more; 60 at
  /// once, then 1 a second.
  static constexpr std::uint64_t kQuestionCost = 1'000;
  static constexpr std::uint64_t kOrderCost = 10'000;
  static constexpr std::uint64_t kCostPerSecond = 1'000;
  static constexpr std::uint64_t kCostAtOnce = 60'000;

  using Order = std::function<runtime::Task<core::Result<RunService::Created>>(
      access::Principal by, json::object request, std::string key, std::string digest,
      core::EndpointId only)>;

  PackRequests(const fleet::Registry& registry, PackService& packs, PackRules& rules, Order order)
      : registry_(registry), packs_(packs), rules_(rules), order_(std::move(order)) {}

  static bool knows(std::string_view call) { return call == kListCall || call == kGetCall; }

  /// `run`: the method's that asks; none: a user's, whose name stands in `body`. REQUIRES: the
  /// endpoint's own gateway has asked for it, and the run goes on there.
  runtime::Task<core::Result<std::string>> answer(core::EndpointId endpoint, core::RunId run,
                                                  std::string call, std::string body);

  /// What this host may have: {packs: [...], more}. kNotFound where it is gone.
  runtime::Task<core::Result<json::object>> list(core::EndpointId endpoint);

 private:
  runtime::Task<core::Result<json::object>> get(core::EndpointId endpoint, core::RunId run,
                                                json::object body);
  runtime::Task<core::Result<std::optional<catalog::Published>>> allowed_version(
      core::EndpointId endpoint, std::string pack, std::string version);
  bool may_ask(const core::EndpointId& endpoint, std::uint64_t cost);

  const fleet::Registry& registry_;
  PackService& packs_;
  PackRules& rules_;
  const Order order_;
  std::map<core::EndpointId, content::TokenBucket> asked_;
};

}  // namespace muster::server
