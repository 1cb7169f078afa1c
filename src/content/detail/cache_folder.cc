// SPDX-License-Identifier: Apache-2.0
#include "content/detail/cache_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <tuple>

#include "content/detail/incoming_file.h"
#include "core/bytes.h"
#include "core/clock.h"
#include "runtime/file.h"

namespace muster::content::detail {
namespace {

using core::Code;
namespace fs = std::filesystem;

constexpr mode_t kObjectMode = 0400;

bool before(const timespec& a, const timespec& b) {
  return std::tie(a.tv_sec, a.tv_nsec) < std::tie(b.tv_sec, b.tv_nsec);
}

bool same(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

timespec change_of(const fs::path& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mtim : timespec{};
}

/// Calls `each(name, status)` for all that is in a folder; nothing where there is none.
template <typename Each>
void for_each_in(const fs::path& folder, Each each) {
  DIR* const stream = ::opendir(folder.c_str());
  if (stream == nullptr) return;
  while (const dirent* const entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat info{};
    if (::fstatat(::dirfd(stream), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0)
      each(name, info);
  }
  ::closedir(stream);
}

/// Whatever it is.
void remove_anything(const fs::path& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return;
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

Descriptor open_to_read(const fs::path& path) {
  // O_NONBLOCK: somebody may have put a FIFO there.
  return Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
}

bool out_of_descriptors(int cause) {
  return cause == EMFILE || cause == ENFILE || cause == ENOMEM;
}

}  // namespace

CacheFolder::CacheFolder(CacheOptions options)
    : options_(std::move(options)),
      objects_(options_.folder / "objects"),
      incoming_(options_.folder / "incoming") {}

core::Status CacheFolder::make_folders() const {
  MUSTER_TRY(runtime::make_private_folder(options_.folder));
  MUSTER_TRY(runtime::make_private_folder(objects_));
  return runtime::make_private_folder(incoming_);
}

core::Status CacheFolder::prepare() {
  const std::lock_guard lock(mutex_);
  MUSTER_TRY(make_folders());
  remove_leftovers();
  (void)scan();
  remember_times();
  // A smaller limit than last time. What is in use stays.
  if (options_.evict && stats_.bytes > options_.bytes_max) evict(stats_.bytes - options_.bytes_max);
  return {};
}

void CacheFolder::remove_leftovers() {
  for_each_in(incoming_, [&](std::string_view name, const struct stat&) {
    const fs::path path = incoming_ / name;
    const Descriptor file = open_to_read(path);
    // Locked: a living process writes it.
    if (!file || lock_exclusive(file.get())) remove_anything(path);
  });
  for_each_in(objects_, [&](std::string_view name, const struct stat& info) {
    if (!ContentId::parse(name) || !S_ISREG(info.st_mode)) remove_anything(objects_ / name);
  });
}

std::vector<CacheFolder::Found> CacheFolder::scan() {
  std::vector<Found> found;
  stats_.bytes = 0;
  for_each_in(objects_, [&](std::string_view name, const struct stat& info) {
    const auto id = ContentId::parse(name);
    if (!id || !S_ISREG(info.st_mode)) return;
    found.push_back({info.st_mtim, *id, static_cast<std::uint64_t>(info.st_size)});
    stats_.bytes += found.back().size;
  });
  for_each_in(incoming_, [&](std::string_view, const struct stat& info) {
    stats_.bytes += static_cast<std::uint64_t>(info.st_size);
  });
  stats_.objects = found.size();
  return found;
}

CacheFolder::Times CacheFolder::times() const {
  return {.objects = change_of(objects_), .incoming = change_of(incoming_)};
}

bool CacheFolder::undisturbed() const {
  const Times now = times();
  return same(now.objects, seen_.objects) && same(now.incoming, seen_.incoming);
}

void CacheFolder::refresh() {
  const Times now = times();
  if (undisturbed()) return;
  (void)scan();
  seen_ = now;  // as they were before it was read: a change meanwhile is seen next time
}

void CacheFolder::touch(int fd) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  {
    const std::lock_guard lock(mutex_);
    if (!before(last_use_, now)) {
      now = last_use_;
      if (++now.tv_nsec == 1'000'000'000) now = {.tv_sec = now.tv_sec + 1, .tv_nsec = 0};
    }
    last_use_ = now;
  }
  const timespec both[2] = {now, now};
  (void)::futimens(fd, both);  // somebody else's file: then its order is worse, no more
}

core::Result<ObjectPtr> CacheFolder::open(const ContentId& id) {
  const auto miss = [&]() -> core::Result<ObjectPtr> {
    const std::lock_guard lock(mutex_);
    ++stats_.misses;
    return core::fail(Code::kNotFound,
                      "object " + id.brief() + " is not in " + options_.folder.string());
  };
  Descriptor file = open_to_read(object_path(id));
  if (!file) {
    const int cause = errno;
    if (out_of_descriptors(cause)) return core::fail_errno(cause, "opening object " + id.brief());
    if (cause != ENOENT && cause != ENOTDIR) remove_damaged(id);
    return miss();
  }
  // Not locked: it is just being evicted. What is open stays readable.
  (void)lock_shared(file.get());
  struct stat info{};
  const bool plausible = ::fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode) &&
                         static_cast<std::uint64_t>(info.st_size) <= options_.object_bytes_max;
  const auto digested = plausible ? digest_file(file.get()) : Digested{};
  if (!plausible || !digested || digested->id != id) {
    remove_damaged(id);
    return miss();
  }
  touch(file.get());
  const std::lock_guard lock(mutex_);
  ++stats_.hits;
  return std::make_shared<FileObject>(id, digested->size, std::move(file));
}

void CacheFolder::remove_damaged(const ContentId& id) {
  remove_anything(object_path(id));
  count_damaged();
}

void CacheFolder::count_damaged() {
  const std::lock_guard lock(mutex_);
  ++stats_.damaged;
}

std::uint64_t CacheFolder::evict(std::uint64_t bytes) {
  std::vector<Found> found = scan();
  std::ranges::sort(found, before, &Found::used);
  std::uint64_t freed = 0;
  for (const Found& object : found) {
    if (freed >= bytes) break;
    const fs::path path = object_path(object.id);
    const Descriptor file = open_to_read(path);
    if (!file || !lock_exclusive(file.get()) || ::unlink(path.c_str()) != 0) continue;
    freed += object.size;
    stats_.bytes -= object.size;
    --stats_.objects;
    ++stats_.evicted;
  }
  remember_times();
  return freed;
}

core::Status CacheFolder::make_room(std::uint64_t total) {
  const auto largest = std::min(options_.object_bytes_max, options_.bytes_max);
  if (total > largest) {
    const bool mendable = options_.evict && total <= options_.object_bytes_max;
    return core::fail(Code::kInvalid, "an object of " + std::to_string(total) +
                                          " bytes never fits into " + options_.folder.string() +
                                          ", which takes " + std::to_string(largest) +
                                          (mendable ? ": set a larger cache-size" : ""));
  }
  refresh();
  if (stats_.bytes + total <= options_.bytes_max) return {};
  if (options_.evict) evict(stats_.bytes + total - options_.bytes_max);
  if (stats_.bytes + total <= options_.bytes_max) return {};
  return core::fail(Code::kLimit, options_.folder.string() +
                                      " is full: " + std::to_string(stats_.bytes) + " of " +
                                      std::to_string(options_.bytes_max) +
                                      (options_.evict ? " bytes are in use" : " bytes are stored"));
}

core::Result<Descriptor> CacheFolder::create(const ContentId& id, fs::path& path) {
  path = incoming_ / (id.str() + "." + core::to_base32(core::random_bytes(10)));
  for (const bool again : {false, true}) {
    Descriptor file(
        ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kObjectMode));
    if (file) {
      (void)lock_exclusive(file.get());
      return file;
    }
    if (errno != ENOENT || again) break;
    MUSTER_TRY(make_folders());  // wiped
  }
  return core::fail_errno(errno, "creating " + path.string());
}

core::Status CacheFolder::allocate(int fd, std::uint64_t total) {
  if (total == 0) return {};
  const auto size = static_cast<off_t>(total);
  for (;;) {
    if (::fallocate(fd, 0, 0, size) == 0) return {};
    const int cause = errno;
    if (cause == EINTR) continue;
    if (cause == EOPNOTSUPP || cause == ENOSYS) {
      if (::ftruncate(fd, size) == 0) return {};
      return core::fail_errno(errno, "making room in " + options_.folder.string());
    }
    // A full disk: before we fail, what only a cache keeps goes.
    if (cause != ENOSPC || !options_.evict || evict(total) == 0)
      return core::fail_errno(cause, "making room in " + options_.folder.string());
  }
}

core::Result<std::unique_ptr<Incoming>> CacheFolder::begin(const ContentId& id,
                                                           std::uint64_t total) {
  const std::lock_guard lock(mutex_);
  MUSTER_TRY(make_room(total));
  fs::path path;
  MUSTER_ASSIGN(Descriptor file, create(id, path));
  if (auto room = allocate(file.get(), total); !room) {
    remove_anything(path);
    remember_times();
    return std::unexpected(std::move(room.error()));
  }
  stats_.bytes += total;
  remember_times();
  return std::make_unique<IncomingFile>(shared_from_this(), id, std::move(path), std::move(file),
                                        total);
}

core::Result<bool> CacheFolder::keep(const ContentId& id, const fs::path& temporary, int fd) {
  if (options_.durable && ::fsync(fd) != 0) return core::fail_errno(errno, "syncing an object");
  // From writer to holder; in between a starting process may take it for a leftover, which
  // is then a wiped one.
  (void)lock_shared(fd);
  touch(fd);
  const fs::path path = object_path(id);
  const std::lock_guard lock(mutex_);
  const bool countable = undisturbed() && !has(id);
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int cause = errno;
    if (cause == ENOENT && !options_.durable) return false;
    return core::fail_errno(cause, "keeping " + path.string());
  }
  if (options_.durable) {
    const Descriptor folder(::open(objects_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || ::fsync(folder.get()) != 0)
      return core::fail_errno(errno, "syncing " + objects_.string());
  }
  if (countable) {
    ++stats_.objects;
    remember_times();
  }
  return true;
}

void CacheFolder::drop(const fs::path& temporary, std::uint64_t total) {
  const std::lock_guard lock(mutex_);
  const bool countable = undisturbed();
  if (::unlink(temporary.c_str()) != 0 || !countable) return;
  stats_.bytes -= std::min(stats_.bytes, total);
  remember_times();
}

bool CacheFolder::has(const ContentId& id) const {
  struct stat info{};
  return ::lstat(object_path(id).c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
         static_cast<std::uint64_t>(info.st_size) <= options_.object_bytes_max;
}

bool CacheFolder::remove(const ContentId& id) {
  return ::unlink(object_path(id).c_str()) == 0;
}

std::vector<ContentId> CacheFolder::list() const {
  std::vector<ContentId> ids;
  for_each_in(objects_, [&](std::string_view name, const struct stat& info) {
    const auto id = ContentId::parse(name);
    if (id && S_ISREG(info.st_mode)) ids.push_back(*id);
  });
  std::ranges::sort(ids);
  return ids;
}

CacheStats CacheFolder::stats() {
  const std::lock_guard lock(mutex_);
  refresh();
  return stats_;
}

}  // namespace muster::content::detail
