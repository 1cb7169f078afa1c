// SPDX-License-Identifier: Apache-2.0
//
// Spool is the file behind a queue: what it took is found again when the process restarts.
//
// Items are appended; when all are taken, and when the file has grown far beyond what waits, it
// is written anew under another name and put in its place. Not synced: it survives the process,
// and what a power cut leaves of its end is read as far as it is whole.
//
// Blocking, by writes of at most one item into the page cache. Belongs to one loop.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <string>
#include <vector>

#include "core/result.h"
#include "region.pb.h"

namespace muster::intake {

class Spool {
 public:
  /// Larger files are written anew when at most half of them waits.
  static constexpr std::size_t kCompactBytes = 1024UL * 1024;

  struct Found {
    std::string queue;       ///< 16 bytes: the queue's name, new where there was no file
    std::uint64_t next = 1;  ///< the number of the next item
    std::vector<wire::IntakeItem> items;
  };

  /// Reads what is there, at most `bytes_max`. A file that is none of ours is put aside. Where
  /// nothing can be written, append() tries again.
  static core::Result<Spool> open(std::filesystem::path path, std::size_t bytes_max, Found& found);
  Spool(Spool&& other) noexcept;
  Spool& operator=(Spool&& other) noexcept;
  ~Spool();

  /// Keeps the last of `items`, which are all that wait. An error: nothing of it is there.
  core::Status append(const std::deque<wire::IntakeItem>& items, std::uint64_t next);
  /// Items have left the queue, these are what waits.
  void left(const std::deque<wire::IntakeItem>& items, std::uint64_t next);

 private:
  Spool(std::filesystem::path path, std::string queue)
      : path_(std::move(path)), queue_(std::move(queue)) {}
  core::Status write_anew(const std::deque<wire::IntakeItem>& items, std::uint64_t next);

  std::filesystem::path path_;
  std::string queue_;
  int file_ = -1;
  std::size_t bytes_ = 0;
};

}  // namespace muster::intake
