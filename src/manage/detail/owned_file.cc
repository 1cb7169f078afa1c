// SPDX-License-Identifier: Apache-2.0
#include "manage/detail/owned_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/file.h"

namespace muster::manage::detail {

core::Status write_owned_file(const std::filesystem::path& file, std::string_view bytes) {
  const auto folder = file.parent_path();
  const bool there = std::filesystem::exists(folder);
  MUSTER_TRY(runtime::make_private_folder(folder));
  struct stat owner{};
  // A folder that root makes for the service is as much the service's as the one around it.
  const auto& model = there ? folder : folder.parent_path();
  if (::geteuid() != 0 || ::stat(model.c_str(), &owner) != 0)
    return runtime::write_file(file, bytes);
  if (!there && ::lchown(folder.c_str(), owner.st_uid, owner.st_gid) != 0)
    return core::fail_errno(errno, "giving " + folder.string() + " to its user");
  MUSTER_TRY(runtime::write_file(file, bytes));
  if (::lchown(file.c_str(), owner.st_uid, owner.st_gid) != 0)
    return core::fail_errno(errno, "giving " + file.string() + " to its user");
  return {};
}

}  // namespace muster::manage::detail
