// SPDX-License-Identifier: Apache-2.0
//
// MethodFetch lets a simulated endpoint fetch a run's method as a real one does: the manifest,
// its signature, the implementation for this machine, every file that it needs, each held
// against its digest. What was fetched is forgotten at once: each run is a first use.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "content/fetcher.h"
#include "core/ids.h"
#include "link.pb.h"

namespace muster::swarm {

class MethodFetch final : public content::FetcherPort {
 public:
  using Send = std::function<void(const wire::ContentRequest&)>;
  /// Once per begin() that is not cancelled, from receive() or tick() only.
  using Ready = std::function<void(core::RunId, core::Status)>;

  /// `features`: what the simulated machine has.
  MethodFetch(std::vector<std::string> features, Send send, Ready ready, core::MonoTime now);

  /// REQUIRES: `invoke` has a method; the run is not under way.
  void begin(const wire::Invoke& invoke, core::MonoTime now);
  void cancel(core::RunId run);
  void connected(core::MonoTime now) { fetcher_.connected(now); }
  void disconnected() { fetcher_.disconnected(); }
  void receive(const wire::ContentData& data, core::MonoTime now);
  void tick(core::MonoTime now);

  void request(const wire::ContentRequest& request) override { send_(request); }

 private:
  /// Keeps a manifest, because it is read; hashes everything else and lets go of it.
  struct Store final : content::Store {
    core::Result<content::ObjectPtr> open(const core::ContentId& id) override;
    core::Result<std::unique_ptr<content::Incoming>> begin(const core::ContentId& id,
                                                           std::uint64_t total) override;
  };
  struct Run {
    wire::Method method;
    std::vector<content::Fetcher::Ticket> tickets;
    std::size_t missing = 0;  // files
  };

  core::Status want_files(core::RunId run, const content::Object& manifest);
  void arrived(core::RunId run, core::Status status);

  const std::vector<std::string> features_;
  const Send send_;
  const Ready ready_;
  Store store_;
  content::Fetcher fetcher_;
  std::map<core::RunId, Run> runs_;
  core::MonoTime now_;
};

}  // namespace muster::swarm
