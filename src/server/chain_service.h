// SPDX-License-Identifier: Apache-2.0
//
// ChainService answers the calls by which a running method starts runs on other hosts and
// learns what came of them (docs/protocols/method-channel.md, docs/chains.md), and cancels what
// a method has started when the method ends.
//
// Deny by default: a call does what the starter of the tree granted, within the rights that the
// starter had then and still has at the moment of the call.
//
// Lives on the server's loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "access/types.h"
#include "access/users.h"
#include "fleet/registry.h"
#include "jobs/chain_trees.h"
#include "runtime/loop.h"
#include "runtime/signal.h"
#include "server/json.h"
#include "server/run_service.h"
#include "store/database.h"

namespace muster::server {

/// Counters since the start, for metrics.
struct ChainStats {
  std::uint64_t started = 0;
  std::uint64_t refused = 0;
  std::uint64_t cancelled = 0;  ///< because what had started them ended
};

class ChainService {
 public:
  using Chained = std::shared_ptr<const jobs::Chain>;
  /// What it needs of the server, so that a test can be one.
  struct Ports {
    /// Orders `request` (a RunRequest) in the name of `by`, as that child.
    std::function<runtime::Task<core::Result<RunService::Created>>(
        access::Principal by, json::object request, std::string key, std::string digest, Chained)>
        order;
    /// The rights that the tree's starter has now, never more than then.
    std::function<runtime::Task<core::Result<access::Principal>>(std::string author, Chained)>
        rights;
  };

  /// Calls that wait for a run's end; further ones are answered at once.
  static constexpr std::size_t kWaitsMax = 200;
  static constexpr std::chrono::milliseconds kWaitMax{20'000};
  /// Bytes of run.result's answer; what is larger is cut, and says so.
  static constexpr std::size_t kResultBytesMax = 24UL * 1024;

  ChainService(runtime::Loop& loop, store::Database& database, const fleet::Registry& registry,
               RunService& runs, Ports ports);
  ~ChainService();

  /// After RunService::restore(): finds the trees that go on, cancels what nobody waits for any
  /// more. Blocking; once.
  core::Status restore();

  static bool knows(std::string_view call);
  /// The answer, JSON. REQUIRES: knows(call), and `run` goes on, on `endpoint`.
  runtime::Task<core::Result<std::string>> answer(core::EndpointId endpoint, core::RunId run,
                                                  std::string call, std::string body);

  const ChainStats& stats() const { return stats_; }

 private:
  using Answer = runtime::Task<core::Result<json::object>>;

  void run_changed(const jobs::Run& run, std::span<const jobs::TargetEvent> targets);
  void cancel(const std::vector<jobs::ChainTrees::Cancel>& cancels);
  bool goes_on(core::RunId run, const core::EndpointId& endpoint);
  Answer start(core::EndpointId endpoint, core::RunId run, json::object body);
  Answer wait(core::EndpointId endpoint, core::RunId run, json::object body);
  Answer result(core::EndpointId endpoint, core::RunId run, json::object body);
  Answer children(core::EndpointId endpoint, core::RunId run);
  /// The run that the body names, if this method started it; else kNotFound.
  runtime::Task<core::Result<jobs::Run>> find_child(core::EndpointId endpoint, core::RunId run,
                                                    std::string id);

  runtime::Loop& loop_;
  store::Database& database_;
  const fleet::Registry& registry_;
  RunService& runs_;
  const Ports ports_;
  jobs::ChainTrees trees_;
  std::shared_ptr<runtime::Signal> news_ = std::make_shared<runtime::Signal>();
  std::size_t waits_ = 0;
  ChainStats stats_;
  std::shared_ptr<ChainService*> self_;  ///< null once destroyed, for posts that come later
};

/// The rights of who started a tree: those of the user now, narrowed by what they were then.
/// kDenied where the user is gone or may not start runs any more.
runtime::Task<core::Result<access::Principal>> starter_rights(access::Users& users,
                                                              std::string author,
                                                              std::shared_ptr<const jobs::Chain>);

}  // namespace muster::server
