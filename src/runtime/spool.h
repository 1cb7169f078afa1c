// SPDX-License-Identifier: Apache-2.0
//
// Spool keeps what a process says: in memory while it is little, else all of it in a file
// that has no name and is gone with the last who holds it, at the latest with this process.
//
// SpoolFolder bounds the files of a process together, and leaves others room on the disk.
// Belongs to one thread; writing blocks as long as the page cache does.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "core/byte_source.h"

namespace muster::runtime {

struct SpoolOptions {
  std::filesystem::path folder{};
  std::size_t memory_bytes_max = 1024 * 1024;        ///< of one spool
  std::uint64_t bytes_max = 4ULL << 30;              ///< of all files together
  std::uint64_t free_bytes_min = 256 * 1024 * 1024;  ///< that others shall find on the disk
};

class SpoolFolder {
 public:
  explicit SpoolFolder(SpoolOptions options) : options_(std::move(options)) {}
  const SpoolOptions& options() const { return options_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  friend class Spool;
  const SpoolOptions options_;
  std::uint64_t bytes_ = 0;
};

class Spool final : public core::ByteSource {
 public:
  /// Without a folder everything stays in memory.
  explicit Spool(std::shared_ptr<SpoolFolder> folder = nullptr) : folder_(std::move(folder)) {}
  ~Spool() override;
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  /// Returns how many of the bytes are kept, from the first. Fewer than all: there is no
  /// room, trouble() says why, and nothing is kept from then on.
  std::size_t append(std::string_view data);
  const std::string& trouble() const { return trouble_; }

  bool in_memory() const { return file_ < 0; }
  /// REQUIRES: in_memory(); the spool is empty then.
  std::string take();

  std::uint64_t size() const override { return size_; }
  core::Result<std::string> read(std::uint64_t offset, std::size_t bytes) const override;

 private:
  bool to_disk();
  std::size_t write(std::string_view data);
  void stop(std::string why);

  std::shared_ptr<SpoolFolder> folder_;
  std::string memory_;
  std::string trouble_;
  std::uint64_t size_ = 0;
  int file_ = -1;
};

}  // namespace muster::runtime
