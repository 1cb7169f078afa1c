// SPDX-License-Identifier: Apache-2.0
//
// MethodRuns does a run of kind method, from the digest in the order to the result
// (docs/formats/method-package.md):
//
//   fetch the manifest · verify the publishing key's signature · choose the implementation
//   for this machine · fetch and lay out its files · start it · read what it said
//
// Nothing of a package is parsed before its signature holds. Which key may sign, the order
// says, which the region's signer vouches for; where this machine has keys of its own, the
// key must be one of those too.
//
// Lives on the agent's loop.
#pragma once

#include <boost/json/object.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/content.h"
#include "core/ids.h"
#include "link/endpoint_runs.h"
#include "methods/command.h"
#include "methods/package.h"

namespace muster::agent {

/// The agent's own next version, as the method kUpdateMethod brings it: the executable of its
/// package is not started as methods are.
struct UpdateOrder {
  std::filesystem::path program;  ///< until forget()
  std::string digest;             ///< SHA-256, hexadecimal
  std::string version;
  bool downgrade = false;
  core::Duration login_within{};
  core::Duration patience{};  ///< of the run
};
inline constexpr std::string_view kUpdateMethod = "muster_agent::update";
inline constexpr std::string_view kUpdateFeature = "self-update";
inline constexpr std::chrono::seconds kLoginWithin{120};  ///< where the order says nothing
inline constexpr std::chrono::hours kLoginWithinMax{1};

class MethodRuns {
 public:
  /// What it tells, also from inside begin() and cancel().
  struct Effects {
    /// Start this process; ended() follows when it has ended.
    std::function<void(core::RunId, methods::Command)> start;
    /// The run is over without a process.
    std::function<void(core::RunId, link::RunResult)> finished;
    /// Update this agent; forget() follows.
    std::function<void(core::RunId, UpdateOrder)> update = {};
  };

  /// `content` is null where this machine cannot keep any. `pinned`: ids of the only
  /// publishing keys to obey; empty: those that orders name. `features`: what this machine
  /// has, asked for each run.
  using Features = std::function<std::vector<std::string>()>;
  MethodRuns(Content* content, std::set<std::string> pinned, Features features, Effects effects);
  ~MethodRuns();
  MethodRuns(const MethodRuns&) = delete;
  MethodRuns& operator=(const MethodRuns&) = delete;

  /// REQUIRES: `invoke` has a method; the run is not known.
  void begin(const wire::Invoke& invoke);
  /// Ends the preparation of a run, which finishes as cancelled. False where there is
  /// none: its process runs, or it is no run of a method.
  bool cancel(core::RunId run, const std::string& reason);
  void cancel_all(const std::string& reason);
  /// Runs without a process so far.
  std::size_t preparing() const { return preparing_; }

  bool has(core::RunId run) const { return runs_.contains(run); }
  /// What it runs, until it has ended. REQUIRES: its process was started.
  const methods::Package& package(core::RunId run) const;
  /// True where this piece of live output may be shown: a result (a JSON object) is not,
  /// it may hold what must not be shown.
  bool may_show(core::RunId run, methods::Stream stream, std::string_view data);
  /// What became of the run, by what its process said. REQUIRES: has(run).
  link::RunResult ended(core::RunId run, methods::Completion completion);
  /// An update is over, one way or the other.
  void forget(core::RunId run);

 private:
  struct Run;

  void verify(core::RunId run, core::Result<std::string> manifest);
  void fetch_files(core::RunId run, Run& held);
  void launch(core::RunId run, core::Result<content::RunFolder> folder);
  void update(core::RunId run, const boost::json::object& arguments);
  void refuse(core::RunId run, std::string_view doing, const core::Error& error);
  void end_without_process(core::RunId run, wire::Outcome outcome, std::string reason);

  Content* const content_;
  const std::set<std::string> pinned_;
  const Features features_;
  const Effects effects_;
  std::map<core::RunId, std::unique_ptr<Run>> runs_;
  std::size_t preparing_ = 0;
};

}  // namespace muster::agent
