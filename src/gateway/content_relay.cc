// SPDX-License-Identifier: Apache-2.0
#include "gateway/content_relay.h"

#include "wire/frame.h"

namespace muster::gateway {
namespace {

/// A change of rates is noticed so late at most.
constexpr core::Duration kRatesLook = std::chrono::seconds(5);

}  // namespace

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
    : loop_(loop),
      links_(links),
      rates_(options.rates),
      now_(rates_at(rates_, minute_of_day(core::wall_now()))),
      cache_(cache),
      downloader_(loop, *this, *cache_, {.bytes_per_second = now_.upstream}),
      service_(loop, cache_, *this, {.rates = {now_.hosts, now_.each_host}}, fetch()),
      rates_timer_(loop) {
  if (!rates_.sentences().empty()) keep_rates();
}

ContentRelay::~ContentRelay() = default;

content::Service::Fetch ContentRelay::fetch() {
  return [this](const content::ContentId& id, content::Fetcher::Done done) {
    downloader_.want(id, {}, content::kUpstreamDeadline, std::move(done));
  };
}

content::Service& ContentRelay::serve_gateways(content::ServicePort& port) {
  gateways_ = std::make_unique<content::Service>(
      loop_, cache_, port, content::RepeaterOptions{.rates = {now_.gateways, now_.each_gateway}},
      fetch());
  return *gateways_;
}

// Looks again and again rather than for the next change: clocks are put right, and summer ends.
void ContentRelay::keep_rates() {
  rates_timer_.start(kRatesLook, [this] { keep_rates(); });
  const RatesNow now = rates_at(rates_, minute_of_day(core::wall_now()));
  if (now == now_) return;
  now_ = now;
  downloader_.set_rate(now.upstream);
  service_.set_rates({now.hosts, now.each_host});
  if (gateways_) gateways_->set_rates({now.gateways, now.each_gateway});
}

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
  return {service_.stats(), gateways_ ? gateways_->stats() : content::RepeaterStats{}, now_,
          downloader_.stats(), cache_->stats()};
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
