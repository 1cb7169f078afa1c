// SPDX-License-Identifier: Apache-2.0
#include "runtime/spool.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/assert.h"

namespace muster::runtime {
namespace {

// A file that has no name; where the file system cannot make one, it loses its name at once.
int nameless_file(const std::filesystem::path& folder) {
  const int file = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)) return file;
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  std::string name = (folder / "spool-XXXXXX").string();
  const int named = mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) unlink(name.c_str());
  return named;
}

}  // namespace

Spool::~Spool() {
  if (file_ < 0) return;
  close(file_);
  folder_->bytes_ -= size_;
}

void Spool::stop(std::string why) {
  if (trouble_.empty()) trouble_ = std::move(why);
}

std::size_t Spool::append(std::string_view data) {
  if (!trouble_.empty()) return 0;
  if (file_ < 0) {
    if (!folder_ || size_ + data.size() <= folder_->options_.memory_bytes_max) {
      memory_ += data;
      size_ += data.size();
      return data.size();
    }
    if (!to_disk()) return 0;
  }
  const std::size_t kept = write(data);
  size_ += kept;
  return kept;
}

bool Spool::to_disk() {
  const int file = nameless_file(folder_->options_.folder);
  if (file < 0) {
    stop(std::string("it could not be put on the disk: ") + std::strerror(errno));
    return false;
  }
  file_ = file;
  size_ = 0;
  const std::size_t kept = write(memory_);
  if (kept == memory_.size()) {
    size_ = kept;
    std::string().swap(memory_);
    return true;
  }
  close(std::exchange(file_, -1));  // as it was, in memory
  folder_->bytes_ -= kept;
  size_ = memory_.size();
  return false;
}

// Where the limits and the disk have no room for all, nothing of it is written.
std::size_t Spool::write(std::string_view data) {
  const SpoolOptions& options = folder_->options_;
  struct statvfs disk{};
  if (folder_->bytes_ + data.size() > options.bytes_max) {
    stop("this machine holds " + std::to_string(folder_->bytes_) +
         " bytes of results on its disk already");
    return 0;
  }
  if (fstatvfs(file_, &disk) == 0 &&
      disk.f_bavail * disk.f_frsize < options.free_bytes_min + data.size()) {
    stop("the disk has less than " + std::to_string(options.free_bytes_min >> 20) + " MiB left");
    return 0;
  }
  std::size_t done = 0;
  while (done < data.size()) {
    const ssize_t count =
        pwrite(file_, data.data() + done, data.size() - done, static_cast<off_t>(size_ + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      stop(std::string("the disk took no more: ") + std::strerror(errno));
      break;
    }
    done += static_cast<std::size_t>(count);
  }
  folder_->bytes_ += done;
  return done;
}

std::string Spool::take() {
  MUSTER_ASSERT(in_memory());
  size_ = 0;
  return std::exchange(memory_, {});
}

core::Result<std::string> Spool::read(std::uint64_t offset, std::size_t bytes) const {
  const std::size_t size = std::min<std::uint64_t>(bytes, size_ - std::min(offset, size_));
  if (file_ < 0) return memory_.substr(std::min(offset, size_), size);
  std::string data(size, '\0');
  for (std::size_t done = 0; done < size;) {
    const ssize_t count =
        pread(file_, data.data() + done, size - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return core::fail_errno(errno, "reading a result");
    if (count == 0) return core::fail(core::Code::kIo, "a result's file is shorter than it was");
    done += static_cast<std::size_t>(count);
  }
  return data;
}

}  // namespace muster::runtime
