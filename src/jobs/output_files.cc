// SPDX-License-Identifier: Apache-2.0
#include "jobs/output_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

namespace muster::jobs {
namespace {

namespace fs = std::filesystem;
using core::Code;

class File {
 public:
  File(const fs::path& path, int flags)
      : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  explicit operator bool() const { return descriptor_ >= 0; }
  int get() const { return descriptor_; }

 private:
  const int descriptor_;
};

core::Status sync_folder(const fs::path& path) {
  const File folder(path, O_RDONLY | O_DIRECTORY);
  if (!folder || ::fsync(folder.get()) != 0)
    return core::fail_errno(errno, "keeping the folder " + path.string());
  return {};
}

core::Status sync_file(const fs::path& path) {
  const File file(path, O_RDONLY);
  if (!file && errno == ENOENT) return {};  // nothing was said on this stream
  if (!file || ::fdatasync(file.get()) != 0)
    return core::fail_errno(errno, "keeping " + path.string());
  return {};
}

}  // namespace

fs::path OutputFiles::file_of(core::RunId run, std::uint32_t slot, wire::Stream stream) const {
  return folder_of(run) /
         (std::to_string(slot) + (stream == wire::STREAM_STDERR ? ".err" : ".out"));
}

core::Status OutputFiles::make_folder(core::RunId run) const {
  const fs::path own = folder_of(run);
  if (::mkdir(own.c_str(), 0700) == 0) return sync_folder(folder_);
  if (errno == EEXIST) return {};
  if (errno != ENOENT) return core::fail_errno(errno, "creating " + own.string());
  if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST)
    return core::fail_errno(errno, "creating " + folder_.string());
  MUSTER_TRY(sync_folder(folder_.parent_path()));
  if (::mkdir(own.c_str(), 0700) != 0) return core::fail_errno(errno, "creating " + own.string());
  return sync_folder(folder_);
}

core::Status OutputFiles::write(const OutputBlock& block) const {
  const fs::path path = file_of(block.run, block.slot, block.stream);
  const File file(path, O_WRONLY | O_CREAT | O_NOFOLLOW);
  if (!file) return core::fail_errno(errno, "writing " + path.string());
  const auto begin = static_cast<off_t>(block.block) * static_cast<off_t>(kOutputBlockBytes);
  for (std::size_t done = 0; done < block.data.size();) {
    const auto wrote = ::pwrite(file.get(), block.data.data() + done, block.data.size() - done,
                                begin + static_cast<off_t>(done));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return core::fail_errno(errno, "writing " + path.string());
    done += static_cast<std::size_t>(wrote);
  }
  // Begun now, so that the sync at the end finds little left to do.
  ::sync_file_range(file.get(), begin, static_cast<off_t>(block.data.size()),
                    SYNC_FILE_RANGE_WRITE);
  return {};
}

core::Status OutputFiles::store(const OutputBatch& output) const {
  std::set<core::RunId> made;
  for (const OutputBlock& block : output.blocks) {
    if (made.insert(block.run).second) MUSTER_TRY(make_folder(block.run));
    MUSTER_TRY(write(block));
  }
  std::set<core::RunId> ended;
  for (const OutputBatch::Whole& whole : output.whole) {
    MUSTER_TRY(sync_file(file_of(whole.run, whole.slot, wire::STREAM_STDOUT)));
    MUSTER_TRY(sync_file(file_of(whole.run, whole.slot, wire::STREAM_STDERR)));
    ended.insert(whole.run);
  }
  for (const core::RunId run : ended) MUSTER_TRY(sync_folder(folder_of(run)));
  return {};
}

core::Result<std::string> OutputFiles::read(core::RunId run, std::uint32_t slot,
                                            wire::Stream stream, std::uint64_t offset,
                                            std::size_t bytes) const {
  const fs::path path = file_of(run, slot, stream);
  const File file(path, O_RDONLY | O_NOFOLLOW);
  if (!file && errno == ENOENT) return core::fail(Code::kNotFound, path.string() + " is gone");
  if (!file) return core::fail_errno(errno, "reading " + path.string());
  std::string read(bytes, '\0');
  for (std::size_t done = 0; done < bytes;) {
    const auto got =
        ::pread(file.get(), read.data() + done, bytes - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return core::fail_errno(errno, "reading " + path.string());
    if (got == 0) return core::fail(Code::kCorrupt, path.string() + " has become shorter");
    done += static_cast<std::size_t>(got);
  }
  return read;
}

std::vector<core::RunId> OutputFiles::runs() const {
  std::vector<core::RunId> found;
  std::error_code failed;
  for (fs::directory_iterator entry(folder_, failed), end; !failed && entry != end;
       entry.increment(failed))
    if (const auto run = core::RunId::parse(entry->path().filename().string()))
      found.push_back(*run);
  return found;
}

void OutputFiles::remove(core::RunId run) const {
  std::error_code ignored;  // what stays is removed the next time
  fs::remove_all(folder_of(run), ignored);
}

}  // namespace muster::jobs
