// SPDX-License-Identifier: Apache-2.0
#include "manage/audit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace muster::manage {

core::Status AuditFile::open() {
  descriptor_ = runtime::Descriptor(
      ::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!descriptor_) return core::fail_errno(errno, "opening " + file_.string());
  struct stat found{};
  if (::fstat(descriptor_.get(), &found) != 0)
    return core::fail_errno(errno, "reading " + file_.string());
  size_ = static_cast<std::uint64_t>(found.st_size);
  return {};
}

core::Status AuditFile::append(const boost::json::object& line) {
  if (!descriptor_) MUSTER_TRY(open());
  if (size_ >= kFileBytesMax) {
    std::error_code ignored;
    for (int i = kOldFiles; i > 1; --i)
      std::filesystem::rename(file_.string() + "." + std::to_string(i - 1),
                              file_.string() + "." + std::to_string(i), ignored);
    std::filesystem::rename(file_, file_.string() + ".1", ignored);
    MUSTER_TRY(open());
  }
  const std::string text = boost::json::serialize(line) + "\n";
  const ssize_t put = ::write(descriptor_.get(), text.data(), text.size());
  if (put == static_cast<ssize_t>(text.size())) {
    size_ += text.size();
    return {};
  }
  const int why = put < 0 ? errno : ENOSPC;
  descriptor_.reset();  // looked at anew next time: somebody may have moved it
  return core::fail_errno(why, "writing " + file_.string());
}

}  // namespace muster::manage
