// SPDX-License-Identifier: Apache-2.0
//
// CacheFolder is the disk side of Cache: paths, room, eviction, leftovers.
//
// What is counted is only a memory of the disk: wherever the times of change of the two
// folders are not those that we left, somebody else was there and they are read anew.
#pragma once

#include <ctime>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "content/cache.h"
#include "content/detail/object_file.h"

namespace muster::content::detail {

class CacheFolder : public std::enable_shared_from_this<CacheFolder> {
 public:
  explicit CacheFolder(CacheOptions options);

  core::Status prepare();
  core::Result<ObjectPtr> open(const ContentId& id);
  core::Result<std::unique_ptr<Incoming>> begin(const ContentId& id, std::uint64_t total);
  bool has(const ContentId& id) const;
  bool remove(const ContentId& id);
  std::vector<ContentId> list() const;
  CacheStats stats();

  // What an object on its way in says.
  /// It is complete: gives it its name. False: its file was wiped meanwhile.
  core::Result<bool> keep(const ContentId& id, const std::filesystem::path& temporary, int fd);
  void drop(const std::filesystem::path& temporary, std::uint64_t total);
  void count_damaged();

 private:
  struct Found {
    timespec used;
    ContentId id;
    std::uint64_t size = 0;
  };
  struct Times {
    timespec objects{};
    timespec incoming{};
  };

  std::filesystem::path object_path(const ContentId& id) const { return objects_ / id.str(); }
  core::Status make_folders() const;
  core::Result<Descriptor> create(const ContentId& id, std::filesystem::path& path);
  core::Status allocate(int fd, std::uint64_t total);
  core::Status make_room(std::uint64_t total);
  /// Removes the least recently used objects that nobody holds until `bytes` are free'd.
  std::uint64_t evict(std::uint64_t bytes);
  void remove_leftovers();
  void remove_damaged(const ContentId& id);
  void touch(int fd);
  /// Nobody but us has changed the folders since they were read.
  bool undisturbed() const;
  void refresh();
  std::vector<Found> scan();
  Times times() const;
  void remember_times() { seen_ = times(); }

  const CacheOptions options_;
  const std::filesystem::path objects_;
  const std::filesystem::path incoming_;
  mutable std::mutex mutex_;  // of everything below
  CacheStats stats_;          // bytes: with what is being written
  Times seen_;
  timespec last_use_{};
};

}  // namespace muster::content::detail
