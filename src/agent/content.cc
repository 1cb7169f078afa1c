// SPDX-License-Identifier: Apache-2.0
#include "agent/content.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "core/bytes.h"
#include "core/clock.h"

namespace muster::agent {
namespace {

using content::ContentId;
using content::ObjectPtr;
using content::RunFolder;

/// Objects that turn out damaged are fetched anew so many times for one preparation.
constexpr int kRepairsMax = 3;

std::filesystem::path public_runs(const ContentOptions& options) {
  std::error_code failed;
  const auto folder = std::filesystem::absolute(options.folder, failed);
  return options.public_parent /
         ("muster-runs-" + core::to_hex(core::sha256(folder.string()).substr(0, 8)));
}

/// A folder of ours that others may pass through, in a place where anybody may make
/// folders: what is there under its name already may be somebody's trap.
core::Status make_public_folder(const std::filesystem::path& path) {
  if (::mkdir(path.c_str(), 0711) == 0) {
    if (::chmod(path.c_str(), 0711) == 0) return {};
    return core::fail_errno(errno, "setting the mode of " + path.string());
  }
  if (errno != EEXIST) return core::fail_errno(errno, "creating " + path.string());
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) return core::fail_errno(errno, path.string());
  if (S_ISDIR(found.st_mode) && found.st_uid == ::geteuid() && (found.st_mode & 0777) == 0711)
    return {};
  return core::fail(
      core::Code::kDenied,
      path.string() + " is not this agent's folder: somebody else made it; remove it");
}

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

struct Content::Reading {
  ContentId id;
  std::uint64_t size = 0;
  core::MonoTime deadline;
  Done done;
  std::optional<content::Fetcher::Ticket> download;
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
  if (const auto others = public_runs(options);
      std::filesystem::exists(others) && make_public_folder(others))
    RunFolder::remove_leftovers(others);
  return std::unique_ptr<Content>(new Content(loop, std::move(cache), options));
}

Content::Content(runtime::Loop& loop, std::unique_ptr<content::Cache> cache,
                 const ContentOptions& options)
    : loop_(loop),
      runs_(options.folder / "runs"),
      public_runs_(public_runs(options)),
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

Content::Ticket Content::read(const ContentId& id, std::uint64_t size, core::Duration patience,
                              Done done) {
  const Ticket ticket = ++last_;
  readings_.emplace(ticket,
                    Reading{id, size, core::mono_now() + patience, std::move(done), std::nullopt});
  loop_.post([self = self_, ticket] {
    if (*self) (*self)->start_reading(ticket);
  });
  return ticket;
}

void Content::start_reading(Ticket ticket) {
  const auto at = readings_.find(ticket);
  if (at == readings_.end()) return;
  Reading& reading = at->second;
  if (auto object = cache_->open(reading.id)) return end_reading(ticket, std::move(object));
  const auto patience = std::max<core::Duration>(reading.deadline - core::mono_now(), {});
  reading.download = downloader_.want(
      reading.id, reading.size, patience,
      [this, ticket](core::Result<ObjectPtr> object) { end_reading(ticket, std::move(object)); });
}

void Content::end_reading(Ticket ticket, core::Result<ObjectPtr> object) {
  auto found = readings_.extract(ticket);
  if (found.empty()) return;
  const Reading& reading = found.mapped();
  if (!object) return reading.done(std::unexpected(std::move(object.error())));
  if ((*object)->size() != reading.size)
    return reading.done(
        core::fail(core::Code::kCorrupt, "the object is not as large as it was said to be"));
  reading.done((*object)->read(0, reading.size));
}

void Content::cancel(Ticket ticket) {
  if (const auto reading = readings_.extract(ticket); reading && reading.mapped().download)
    downloader_.cancel(*reading.mapped().download);
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
  if (preparation.other_user)
    if (core::Status made = make_public_folder(public_runs_); !made)
      return end(ticket, std::unexpected(std::move(made.error())));
  auto folder =
      RunFolder::make(preparation.other_user ? public_runs_ : runs_, preparation.other_user);
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
