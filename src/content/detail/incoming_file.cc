// SPDX-License-Identifier: Apache-2.0
#include "content/detail/incoming_file.h"

#include "core/assert.h"

namespace muster::content::detail {

IncomingFile::IncomingFile(std::shared_ptr<CacheFolder> folder, const ContentId& id,
                           std::filesystem::path path, Descriptor file, std::uint64_t total)
    : folder_(std::move(folder)),
      id_(id),
      path_(std::move(path)),
      file_(std::move(file)),
      total_(total) {}

IncomingFile::~IncomingFile() {
  if (!path_.empty()) folder_->drop(path_, total_);
}

core::Status IncomingFile::append(std::string_view bytes) {
  if (bytes.size() > total_ - size_)
    return core::fail(core::Code::kLimit, "object " + id_.brief() + " is longer than the " +
                                              std::to_string(total_) + " bytes announced");
  MUSTER_TRY(write_at(file_.get(), bytes, size_, "writing object " + id_.brief()));
  hash_.update(bytes);
  size_ += bytes.size();
  return {};
}

core::Result<ObjectPtr> IncomingFile::finish() {
  MUSTER_ASSERT(file_);
  if (size_ != total_ || hash_.finish() != id_) {
    folder_->count_damaged();
    return core::fail(core::Code::kCorrupt,
                      "what came for object " + id_.brief() + " does not match its digest");
  }
  MUSTER_ASSIGN(const bool kept, folder_->keep(id_, path_, file_.get()));
  (void)kept;  // wiped meanwhile: whoever waits for it gets it, the cache has it no more
  path_.clear();
  return std::make_shared<FileObject>(id_, size_, std::move(file_));
}

}  // namespace muster::content::detail
