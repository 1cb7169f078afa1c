// SPDX-License-Identifier: Apache-2.0
#include "content/cache.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "content/detail/cache_folder.h"

namespace muster::content {

core::Result<std::unique_ptr<Cache>> Cache::open_folder(CacheOptions options) {
  auto folder = std::make_shared<detail::CacheFolder>(std::move(options));
  MUSTER_TRY(folder->prepare());
  return std::unique_ptr<Cache>(new Cache(std::move(folder)));
}

Cache::Cache(std::shared_ptr<detail::CacheFolder> folder) : folder_(std::move(folder)) {}
Cache::~Cache() = default;

core::Result<ObjectPtr> Cache::open(const ContentId& id) {
  return folder_->open(id);
}

core::Result<std::unique_ptr<Incoming>> Cache::begin(const ContentId& id, std::uint64_t total) {
  return folder_->begin(id, total);
}

core::Result<ObjectPtr> Cache::put(std::string_view bytes) {
  const ContentId id = ContentId::of(bytes);
  if (folder_->has(id))
    if (auto object = folder_->open(id)) return object;
  MUSTER_ASSIGN(const auto incoming, folder_->begin(id, bytes.size()));
  MUSTER_TRY(incoming->append(bytes));
  return incoming->finish();
}

core::Result<ObjectPtr> Cache::put_file(const std::filesystem::path& file) {
  const std::string doing = "reading " + file.string();
  const detail::Descriptor source(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info{};
  if (!source || ::fstat(source.get(), &info) != 0) return core::fail_errno(errno, doing);
  if (!S_ISREG(info.st_mode))
    return core::fail(core::Code::kInvalid, file.string() + " is not a regular file");
  MUSTER_ASSIGN(const auto digested, detail::digest_file(source.get()));
  if (folder_->has(digested.id))
    if (auto object = folder_->open(digested.id)) return object;
  MUSTER_ASSIGN(const auto incoming, folder_->begin(digested.id, digested.size));
  MUSTER_TRY(detail::digest_file(source.get(),
                                 [&](std::string_view bytes) { return incoming->append(bytes); }));
  auto object = incoming->finish();
  if (!object && object.error().code == core::Code::kCorrupt)
    return core::fail(core::Code::kConflict, file.string() + " was changed while it was read");
  return object;
}

bool Cache::has(const ContentId& id) const {
  return folder_->has(id);
}

bool Cache::remove(const ContentId& id) {
  return folder_->remove(id);
}

std::vector<ContentId> Cache::list() const {
  return folder_->list();
}

CacheStats Cache::stats() const {
  return folder_->stats();
}

}  // namespace muster::content
