// SPDX-License-Identifier: Apache-2.0
//
// ContentRelay is a gateway's part in content (docs/protocols/content.md): a cache folder,
// from which its endpoints are served, and the gateways that stand behind it; what is missing
// is fetched from above, once, however many ask.
#pragma once

#include <filesystem>
#include <memory>

#include "content/cache.h"
#include "content/downloader.h"
#include "content/service.h"
#include "gateway/content_rates.h"
#include "link/region_ports.h"

namespace muster::gateway {

struct ContentOptions {
  std::filesystem::path folder{};  ///< may vanish at any time
  std::uint64_t cache_bytes_max = 4ULL << 30;
  ContentRates rates{};
};

struct ContentStats {
  content::RepeaterStats served;    ///< to endpoints
  content::RepeaterStats repeated;  ///< to gateways behind this one
  RatesNow rates;
  content::FetcherStats fetched;
  content::CacheStats cache;
};

/// What the relay needs of the gateway's links.
class ContentLinks {
 public:
  virtual ~ContentLinks() = default;
  /// Passes an encoded ContentData frame on; Service::taken() follows.
  virtual void pass_content(content::ClientId link, std::string_view frame) = 0;
  /// This endpoint takes nothing: end its link.
  virtual void end_stalled(content::ClientId link) = 0;
};

class ContentRelay final : private content::ServicePort, private content::FetcherPort {
 public:
  static core::Result<std::unique_ptr<ContentRelay>> open(runtime::Loop& loop, ContentLinks& links,
                                                          ContentOptions options);
  ~ContentRelay() override;

  // What the links say.
  void request(content::ClientId link, const wire::ContentRequest& request);
  void taken(content::ClientId link, std::size_t bytes_left);
  void gone(content::ClientId link);

  /// The same objects for gateways behind this one, which take turns of their own. Once; `port`
  /// outlives this.
  content::Service& serve_gateways(content::ServicePort& port);

  // What becomes of the server.
  void server_found(link::RegionServer& server);
  void server_lost();
  void receive(const wire::ContentData& data) { downloader_.receive(data); }

  ContentStats stats() const;

 private:
  ContentRelay(runtime::Loop& loop, ContentLinks& links, std::shared_ptr<content::Cache> cache,
               const ContentOptions& options);
  std::string encode(const wire::ContentData& data) override;
  void send(content::ClientId link, std::string_view frame) override;
  void stalled(content::ClientId link) override;
  void request(const wire::ContentRequest& request) override;
  content::Service::Fetch fetch();
  void keep_rates();

  runtime::Loop& loop_;
  ContentLinks& links_;
  const ContentRates rates_;
  RatesNow now_;
  link::RegionServer* server_ = nullptr;
  std::shared_ptr<content::Cache> cache_;
  content::Downloader downloader_;
  content::Service service_;
  std::unique_ptr<content::Service> gateways_;
  runtime::Timer rates_timer_;
};

}  // namespace muster::gateway
