// SPDX-License-Identifier: Apache-2.0
//
// An object that is being written into a CacheFolder.
#pragma once

#include <filesystem>
#include <memory>

#include "content/detail/cache_folder.h"
#include "core/sha256.h"

namespace muster::content::detail {

class IncomingFile final : public Incoming {
 public:
  IncomingFile(std::shared_ptr<CacheFolder> folder, const ContentId& id, std::filesystem::path path,
               Descriptor file, std::uint64_t total);
  ~IncomingFile() override;
  IncomingFile(const IncomingFile&) = delete;
  IncomingFile& operator=(const IncomingFile&) = delete;

  core::Status append(std::string_view bytes) override;
  std::uint64_t size() const override { return size_; }
  core::Result<ObjectPtr> finish() override;

 private:
  std::shared_ptr<CacheFolder> folder_;
  ContentId id_;
  std::filesystem::path path_;  // empty once it has its final name
  Descriptor file_;
  std::uint64_t total_;
  std::uint64_t size_ = 0;
  core::Sha256 hash_;
};

}  // namespace muster::content::detail
