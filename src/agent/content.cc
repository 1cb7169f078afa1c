// SPDX-License-Identifier: Apache-2.0
#include "agent/content.h"

#include <algorithm>
#include <optional>

#include "core/clock.h"

namespace muster::agent {
namespace {

using content::ContentId;
using content::ObjectPtr;
using content::RunFolder;

/// Objects that turn out damaged are fetched anew so many times for one preparation.
constexpr int kRepairsMax = 3;

}  // namespace

/// One run's files on their way.
struct Content::Preparation {
  std::vector<NeededFile> files;
  bool other_user = false;
  core::MonoTime deadline;
  Ready ready;
  std::map<ContentId, content::Fetcher::Ticket> downloads;  // under way
  std::map<ContentId, ObjectPtr> held;                      // fetched: used even if wiped meanwhile
  int repairs = 0;
};

/// What was just fetched, else the cache.
class Content::Held final : public content::Store {
 public:
  Held(content::Store& cache, const std::map<ContentId, ObjectPtr>& held)
      : cache_(cache), held_(held) {}
  core::Result<ObjectPtr> open(const ContentId& id) override {
    const auto found = held_.find(id);
    if (found == held_.end()) return cache_.open(id);
    return found->second;
  }
  core::Result<std::unique_ptr<content::Incoming>> begin(const ContentId& id,
                                                         std::uint64_t total) override {
    return cache_.begin(id, total);
  }

 private:
  content::Store& cache_;
  const std::map<ContentId, ObjectPtr>& held_;
};

core::Result<std::unique_ptr<Content>> Content::open(runtime::Loop& loop, ContentOptions options) {
  MUSTER_ASSIGN(auto cache, content::Cache::open_folder({.folder = options.folder / "cache",
                                                         .bytes_max = options.cache_bytes_max}));
  RunFolder::remove_leftovers(options.folder / "runs");
  return std::unique_ptr<Content>(new Content(loop, std::move(cache), options));
}

Content::Content(runtime::Loop& loop, std::unique_ptr<content::Cache> cache,
                 const ContentOptions& options)
    : loop_(loop),
      runs_(options.folder / "runs"),
      cache_(std::move(cache)),
      downloader_(loop, *this, *cache_, {.bytes_per_second = options.bytes_per_second}),
      self_(std::make_shared<Content*>(this)) {}

Content::~Content() {
  *self_ = nullptr;
}

Content::Ticket Content::prepare(std::vector<NeededFile> files, bool other_user,
                                 core::Duration patience, Ready ready) {
  const Ticket ticket = ++last_;
  auto preparation = std::make_unique<Preparation>();
  preparation->files = std::move(files);
  preparation->other_user = other_user;
  preparation->deadline = core::mono_now() + patience;
  preparation->ready = std::move(ready);
  preparations_.emplace(ticket, std::move(preparation));
  loop_.post([self = self_, ticket] {
    if (*self) (*self)->start(ticket);
  });
  return ticket;
}

void Content::cancel(Ticket ticket) {
  const auto at = preparations_.find(ticket);
  if (at == preparations_.end()) return;
  for (const auto& [id, download] : at->second->downloads) downloader_.cancel(download);
  preparations_.erase(at);
}

/// Fetches what the cache has not even by name, all of it at the same time.
void Content::start(Ticket ticket) {
  const auto at = preparations_.find(ticket);
  if (at == preparations_.end()) return;
  for (const NeededFile& file : at->second->files)
    if (!cache_->has(file.id)) fetch(ticket, file.id);
  if (at->second->downloads.empty()) lay_out(ticket);
}

void Content::fetch(Ticket ticket, const ContentId& id) {
  Preparation& preparation = *preparations_.at(ticket);
  if (preparation.downloads.contains(id)) return;
  const auto file = std::ranges::find(preparation.files, id, &NeededFile::id);
  const auto patience = std::max<core::Duration>(preparation.deadline - core::mono_now(), {});
  preparation.downloads[id] = downloader_.want(id, file->size, patience,
                                               [this, ticket, id](core::Result<ObjectPtr> object) {
                                                 fetched(ticket, id, std::move(object));
                                               });
}

void Content::fetched(Ticket ticket, const ContentId& id, core::Result<ObjectPtr> object) {
  const auto at = preparations_.find(ticket);
  if (at == preparations_.end()) return;
  at->second->downloads.erase(id);
  if (!object) return end(ticket, std::unexpected(std::move(object.error())));
  at->second->held[id] = std::move(*object);
  if (at->second->downloads.empty()) lay_out(ticket);
}

void Content::lay_out(Ticket ticket) {
  Preparation& preparation = *preparations_.at(ticket);
  auto folder = RunFolder::make(runs_, preparation.other_user);
  if (!folder) return end(ticket, std::move(folder));
  Held store(*cache_, preparation.held);
  const std::vector<content::LayoutFile> files(preparation.files.begin(), preparation.files.end());
  auto done = content::lay_out(store, folder->path(), files);
  if (done) return end(ticket, std::move(folder));
  const auto& object = done.error().object;
  if (!object || ++preparation.repairs > kRepairsMax)
    return end(ticket, std::unexpected(std::move(done.error().error)));
  preparation.held.erase(*object);
  fetch(ticket, *object);
}

void Content::end(Ticket ticket, core::Result<RunFolder> result) {
  const Ready ready = std::move(preparations_.at(ticket)->ready);
  cancel(ticket);
  ready(std::move(result));
}

void Content::link_open(Send send) {
  send_ = std::move(send);
  downloader_.connected();
}

void Content::link_over() {
  send_ = {};
  downloader_.disconnected();
}

void Content::request(const wire::ContentRequest& request) {
  if (send_) send_(request);
}

}  // namespace muster::agent
