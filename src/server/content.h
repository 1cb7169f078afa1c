// SPDX-License-Identifier: Apache-2.0
//
// Content is the region's store of objects, and what gateways get of it
// (docs/protocols/content.md). Whoever publishes puts objects there; nothing is evicted.
//
// store() may be used from any thread; everything else lives on the server's loop.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <unordered_map>

#include "content/cache.h"
#include "content/service.h"
#include "link/region_ports.h"
#include "runtime/loop.h"
#include "runtime/task_group.h"

namespace muster::server {

class Content final : private content::ServicePort {
 public:
  struct Options {
    std::filesystem::path folder{};
    std::uint64_t bytes_max = 0;
    std::uint64_t gateways_bytes_per_second = 0;  ///< to all gateways; 0: no limit
  };

  static core::Result<std::unique_ptr<Content>> open(runtime::Loop& loop, const Options& options);
  ~Content() override;

  content::Cache& store() { return *store_; }
  /// Asked for what the folder lacks; before the first gateway.
  using Fetch = std::function<runtime::Task<core::Result<content::ObjectPtr>>(core::ContentId)>;
  void fetch_by(Fetch fetch) { fetch_ = std::move(fetch); }
  runtime::Task<void> stop() { return tasks_.stop(); }

  /// A gateway is there, until leave(); it is known by this number.
  content::ClientId join(link::RegionGateway& gateway);
  void leave(content::ClientId gateway);
  void request(content::ClientId gateway, const wire::ContentRequestUp& message);
  /// The gateway's connection has room again.
  void drained(content::ClientId gateway);

  content::RepeaterStats stats() const { return service_.stats(); }

 private:
  Content(runtime::Loop& loop, std::shared_ptr<content::Cache> store, const Options& options);
  std::string encode(const wire::ContentData& data) override;
  void send(content::ClientId gateway, std::string_view bytes) override;
  void stalled(content::ClientId gateway) override;
  void fetch(const core::ContentId& id, content::Fetcher::Done done);

  runtime::Loop& loop_;
  std::shared_ptr<content::Cache> store_;
  std::unordered_map<content::ClientId, link::RegionGateway*> gateways_;
  content::ClientId last_ = 0;
  Fetch fetch_;
  runtime::TaskGroup tasks_;
  content::Service service_;
  std::shared_ptr<Content*> self_;  // null once destroyed, for posts that come later
};

}  // namespace muster::server
