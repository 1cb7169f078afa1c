// SPDX-License-Identifier: Apache-2.0
//
// Cache keeps objects as files named by their digests, within a limit of bytes. On an
// endpoint and a gateway everything in it may vanish or rot at any moment, also by
// somebody's `rm -rf` while it is in use: what is opened is hashed first, what does not
// match is removed and counts as missing. A server's store is the same class with
// `evict` off and `durable` on.
//
//   objects/<64 hex>                 complete, mode 0400; the time of change is the last use
//   incoming/<64 hex>.<random>       being written, locked by who writes it
//
// - An object appears under its name complete, by rename. What a crash leaves in incoming/
//   is removed at the next open(); a file that a living process writes is locked and stays.
// - A held Object has a shared lock on its file, so that no process evicts it. Unlinked
//   or not, its bytes stay readable until it is let go.
// - Several processes may share a folder. The disk is the truth; each notices the others'
//   changes when it needs room. Two that fill it in the same instant may exceed the limit
//   by what they are writing, until the next begin().
// - Only ids make paths, so no name from outside ever does.
//
// Blocking (files, hashing): large objects are for a worker thread. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "content/limits.h"
#include "content/ports.h"

namespace muster::content {

struct CacheOptions {
  std::filesystem::path folder{};
  std::uint64_t bytes_max = 1ULL << 30;  ///< objects and what is being written, together
  std::uint64_t object_bytes_max = kObjectBytesMax;
  /// Make room by removing what was used least recently; else the cache gets full.
  bool evict = true;
  /// finish() returns after the disk has it.
  bool durable = false;
};

/// Counters since the start, but for `objects` and `bytes`, which are as of now.
struct CacheStats {
  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t damaged = 0;  ///< found and removed
  std::uint64_t evicted = 0;
};

namespace detail {
class CacheFolder;
}

class Cache final : public Store {
 public:
  /// Makes the folder where missing, removes what a crash left, makes room if needed.
  static core::Result<std::unique_ptr<Cache>> open_folder(CacheOptions options);
  ~Cache() override;

  core::Result<ObjectPtr> open(const ContentId& id) override;
  core::Result<std::unique_ptr<Incoming>> begin(const ContentId& id, std::uint64_t total) override;

  /// Keeps bytes that are here already, or a file. Nothing is written where the object is
  /// there and undamaged.
  core::Result<ObjectPtr> put(std::string_view bytes);
  core::Result<ObjectPtr> put_file(const std::filesystem::path& file);

  /// A file of this name and a plausible size is there; it was not hashed.
  bool has(const ContentId& id) const;
  /// True if there was one. Who holds it keeps it.
  bool remove(const ContentId& id);
  std::vector<ContentId> list() const;
  CacheStats stats() const;

 private:
  explicit Cache(std::shared_ptr<detail::CacheFolder> folder);
  std::shared_ptr<detail::CacheFolder> folder_;
};

}  // namespace muster::content
