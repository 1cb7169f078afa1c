// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <utility>

#include "core/result.h"

namespace muster::store::detail {

/// An exclusive lock on a file beside the database: one server a state folder. The
/// kernel drops it with the process, however that ends; the file stays.
class FileLock {
 public:
  FileLock() = default;
  FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~FileLock();

  /// Does not wait. kConflict, naming `guarded` and the process that has it.
  static core::Result<FileLock> take(const std::filesystem::path& path,
                                     const std::filesystem::path& guarded);

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace muster::store::detail
