// SPDX-License-Identifier: Apache-2.0
#include "gateway/content_relay.h"

#include "wire/frame.h"

namespace muster::gateway {

core::Result<std::unique_ptr<ContentRelay>> ContentRelay::open(runtime::Loop& loop,
                                                               ContentLinks& links,
                                                               ContentOptions options) {
  MUSTER_ASSIGN(std::shared_ptr<content::Cache> cache,
                content::Cache::open_folder(
                    {.folder = options.folder, .bytes_max = options.cache_bytes_max}));
  return std::unique_ptr<ContentRelay>(new ContentRelay(loop, links, std::move(cache), options));
}

ContentRelay::ContentRelay(runtime::Loop& loop, ContentLinks& links,
                           std::shared_ptr<content::Cache> cache, const ContentOptions& options)
    : links_(links),
      cache_(cache),
      downloader_(loop, *this, *cache_, {.bytes_per_second = options.server_bytes_per_second}),
      service_(loop, cache_, *this, {.bytes_per_second = options.endpoints_bytes_per_second},
               [this](const content::ContentId& id, content::Fetcher::Done done) {
                 downloader_.want(id, {}, content::kUpstreamDeadline, std::move(done));
               }) {}

ContentRelay::~ContentRelay() = default;

void ContentRelay::request(content::ClientId link, const wire::ContentRequest& request) {
  service_.request(link, request);
}

void ContentRelay::taken(content::ClientId link, std::size_t bytes_left) {
  service_.taken(link, bytes_left);
}

void ContentRelay::gone(content::ClientId link) {
  service_.gone(link);
}

void ContentRelay::server_found(link::RegionServer& server) {
  server_lost();  // what was asked for on an older connection is asked for again
  server_ = &server;
  downloader_.connected();
}

void ContentRelay::server_lost() {
  server_ = nullptr;
  downloader_.disconnected();
}

ContentStats ContentRelay::stats() const {
  return {service_.stats(), downloader_.stats(), cache_->stats()};
}

std::string ContentRelay::encode(const wire::ContentData& data) {
  return wire::encode(data);
}

void ContentRelay::send(content::ClientId link, std::string_view frame) {
  links_.pass_content(link, frame);
}

void ContentRelay::stalled(content::ClientId link) {
  links_.end_stalled(link);
}

void ContentRelay::request(const wire::ContentRequest& request) {
  wire::ContentRequestUp message;
  *message.mutable_request() = request;
  server_->content_request(std::move(message));
}

}  // namespace muster::gateway
