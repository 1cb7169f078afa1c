// SPDX-License-Identifier: Apache-2.0
//
// Files as the cache has them: read as a whole through a hash, locked, held.
#pragma once

#include <functional>

#include "content/ports.h"
#include "runtime/descriptor.h"

namespace muster::content::detail {

using runtime::Descriptor;

/// The digest of a whole file from its start, and its size; `each` sees the bytes.
struct Digested {
  ContentId id;
  std::uint64_t size = 0;
};
core::Result<Digested> digest_file(
    int fd, const std::function<core::Status(std::string_view)>& each = nullptr);

/// All of `bytes` at `offset`.
core::Status write_at(int fd, std::string_view bytes, std::uint64_t offset, std::string_view doing);

/// flock() without waiting; false where somebody else holds it.
bool lock_shared(int fd);
bool lock_exclusive(int fd);

/// A verified object by its open file, whose shared lock keeps it from being evicted.
class FileObject final : public Object {
 public:
  FileObject(ContentId id, std::uint64_t size, Descriptor file)
      : id_(id), size_(size), file_(std::move(file)) {}

  const ContentId& id() const override { return id_; }
  std::uint64_t size() const override { return size_; }
  core::Result<std::string> read(std::uint64_t offset, std::size_t bytes) const override;
  core::Status link(const std::filesystem::path& path) const override;

 private:
  ContentId id_;
  std::uint64_t size_;
  Descriptor file_;
};

}  // namespace muster::content::detail
