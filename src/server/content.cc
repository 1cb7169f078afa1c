// SPDX-License-Identifier: Apache-2.0
#include "server/content.h"

#include "core/log.h"

namespace muster::server {

core::Result<std::unique_ptr<Content>> Content::open(runtime::Loop& loop, const Options& options) {
  MUSTER_ASSIGN(std::shared_ptr<content::Cache> store,
                content::Cache::open_folder({.folder = options.folder,
                                             .bytes_max = options.bytes_max,
                                             .evict = false,
                                             .durable = true}));
  return std::unique_ptr<Content>(new Content(loop, std::move(store), options));
}

Content::Content(runtime::Loop& loop, std::shared_ptr<content::Cache> store, const Options& options)
    : loop_(loop),
      store_(store),
      tasks_(loop, "content"),
      service_(loop, store_, *this, {.rates = {.together = options.gateways_bytes_per_second}},
               [this](const core::ContentId& id, content::Fetcher::Done done) {
                 fetch(id, std::move(done));
               }),
      self_(std::make_shared<Content*>(this)) {}

Content::~Content() {
  *self_ = nullptr;
}

content::ClientId Content::join(link::RegionGateway& gateway) {
  gateways_.emplace(++last_, &gateway);
  return last_;
}

void Content::leave(content::ClientId gateway) {
  gateways_.erase(gateway);
  service_.gone(gateway);
}

void Content::request(content::ClientId gateway, const wire::ContentRequestUp& message) {
  if (!gateways_.contains(gateway)) return;
  if (message.request().digest().size() != core::ContentId::kBytes) return;
  service_.request(gateway, message.request());
}

void Content::fetch(const core::ContentId& id, content::Fetcher::Done done) {
  const auto bring = [](Fetch by, core::ContentId wanted,
                        content::Fetcher::Done tell) -> runtime::Task<void> {
    if (by)
      tell(co_await by(wanted));
    else
      tell(core::fail(core::Code::kNotFound, "there is no object " + wanted.brief() + "…"));
  };
  tasks_.spawn(bring(fetch_, id, std::move(done)));
}

void Content::drained(content::ClientId gateway) {
  if (const auto at = gateways_.find(gateway); at != gateways_.end())
    service_.taken(gateway, at->second->backlog_bytes());
}

// A gateway in this process takes messages, so what is shared between gateways is the
// serialized one, not a frame.
std::string Content::encode(const wire::ContentData& data) {
  wire::ContentDataDown message;
  *message.mutable_data() = data;
  return message.SerializeAsString();
}

void Content::send(content::ClientId gateway, std::string_view bytes) {
  const auto at = gateways_.find(gateway);
  if (at == gateways_.end()) return;
  wire::ContentDataDown message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;  // our own
  at->second->content_data(std::move(message));
  if (at->second->backlog_bytes() > 0) return;  // drained() follows
  loop_.post([self = self_, gateway] {
    if (*self) (*self)->service_.taken(gateway, 0);
  });
}

void Content::stalled(content::ClientId gateway) {
  // Its connection ends by its own silence or by its full queue; it asks again where not.
  core::log(core::Level::kWarn, "server", "a gateway does not take the content it asked for",
            {{"gateway", static_cast<std::int64_t>(gateway)}});
}

}  // namespace muster::server
