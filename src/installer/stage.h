// SPDX-License-Identifier: Apache-2.0
//
// Stage makes files of a pack's index in folders where nobody else looks: from chunks that
// lie on this machine already, and from containers that are fetched.
//
// What an earlier attempt has left there is used as far as it fits, so a transfer that broke
// goes on where it stood. Every chunk is hashed when it is taken and every file when it is
// complete; then it gets its owner and mode. Nothing is synced. Blocking.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "installer/folder.h"
#include "packs/index.h"

namespace muster::installer {

/// Where containers come from.
class Containers {
 public:
  virtual ~Containers() = default;
  /// A file with the container's bytes; its chunks are hashed by who reads them.
  virtual core::Result<runtime::Descriptor> fetch(const packs::Container& container) = 0;
  /// The bytes of a table of chunks; who takes them hashes them.
  virtual core::Result<std::string> fetch_table(const packs::Table& table) = 0;
  /// The container is not needed any more.
  virtual void release(const packs::Container& container) = 0;
};

struct StageCounts {
  std::uint64_t bytes = 0;    ///< of files
  std::uint64_t kept = 0;     ///< were there from an earlier attempt
  std::uint64_t reused = 0;   ///< taken from this machine's files
  std::uint64_t fetched = 0;  ///< of containers
  std::uint64_t files = 0;
};

/// Whose a file is to be; kNotFound where this machine has no such user or group.
struct Account {
  uid_t uid = 0;
  gid_t gid = 0;
};
core::Result<Account> account_of(const packs::Entry& entry);

/// True where this very file, folder or link is there, with its owner and mode. Hashes it.
core::Result<bool> is_there(const Place& place, const packs::Entry& entry);

class Stage {
 public:
  struct Port {
    Containers& containers;
    std::function<void(std::uint64_t done, std::uint64_t all)> progress;
    /// True: give up.
    std::function<bool()> stopped;
  };

  Stage(const packs::Index& index, Port port) : index_(index), port_(std::move(port)) {}

  /// `entry` of the index becomes `path` below `folder`, which outlives this.
  void add(const packs::Entry& entry, const Folder& folder, std::string path);
  /// A file that may hold chunks that are needed: as `entry` of an older index says.
  void add_source(const packs::Index& of, const packs::Entry& entry, const Folder& folder,
                  std::string path);
  /// Makes it all. kUnavailable: the disk is full; kCorrupt, kCancelled.
  core::Status fill();
  const StageCounts& counts() const { return counts_; }

 private:
  struct Item {
    const packs::Entry* entry;
    const Folder* folder;
    std::string path;
  };
  struct Spot {
    std::size_t item;
    std::uint64_t offset;
  };
  struct Source {
    const Folder* folder;
    std::string path;
    std::uint64_t offset;
  };

  core::Status check_room() const;
  core::Status prepare(std::size_t item);
  core::Status prepare_file(std::size_t item);
  core::Status reuse();
  core::Status fetch();
  core::Status fetch_container(std::uint32_t container, const std::vector<std::uint32_t>& chunks);
  core::Status put(std::uint32_t chunk, std::string_view bytes);
  core::Status finish(const Item& item);
  core::Status finish_file(const Item& item, const Account& account);
  core::Status check_stopped() const;
  void told(std::uint64_t bytes);

  const packs::Index& index_;
  const Port port_;
  std::vector<Item> items_;
  std::unordered_map<core::ContentId, Source> sources_;
  std::map<std::uint32_t, std::vector<Spot>> missing_;  // by chunk
  StageCounts counts_;
  std::uint64_t done_ = 0;
  // The file that was written last: chunks of one file come one after the other.
  std::size_t open_item_ = SIZE_MAX;
  runtime::Descriptor open_file_;
};

}  // namespace muster::installer
