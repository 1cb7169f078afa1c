// SPDX-License-Identifier: Apache-2.0
#include "manage/detail/beneath.h"

#include <fcntl.h>

#include <cerrno>

#include "core/bytes.h"
#include "runtime/system_calls.h"

namespace muster::manage::detail {

using core::Code;
using core::fail;
using runtime::Descriptor;

std::unexpected<core::Error> fail_at(int errno_value, const Place& place) {
  const std::string shown =
      place.root + (place.below.empty() ? "" : "/" + core::printable(place.below, 200));
  switch (errno_value) {
    case ENOENT:
      return fail(Code::kNotFound, "there is no " + shown);
    case ELOOP:
      return fail(Code::kDenied,
                  shown + ": a symbolic link is on the way, and none is followed here");
    case EXDEV:
      return fail(Code::kDenied, shown + " leaves the folder that is offered");
    case ENOTDIR:
      return fail(Code::kInvalid, shown + ": a part of the way is no folder");
    case EISDIR:
      return fail(Code::kInvalid, shown + " is a folder");
    case ENAMETOOLONG:
      return fail(Code::kInvalid, shown + ": the name is too long");
    case ENOSYS:
      return fail(Code::kUnavailable, "file transfer needs Linux 5.6 or newer");
    default:
      return core::fail_errno(errno_value, shown);
  }
}

core::Result<Descriptor> open_beneath(int folder, const Place& place, int flags, bool one_disk) {
  // A link at the end is an answer to who asks about it (O_PATH), and never a folder.
  const int link = (flags & O_DIRECTORY) != 0 ? 0 : O_NOFOLLOW;
  const int opened = runtime::open_beneath(folder, place.below.empty() ? "." : place.below,
                                           flags | link, 0, one_disk);
  if (opened < 0) return fail_at(errno, place);
  return Descriptor(opened);
}

core::Result<Descriptor> open_root(const Root& root) {
  Descriptor folder(::open(root.folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder)
    return core::fail_errno(errno, "opening the folder that is offered as '" + root.name + "'");
  return folder;
}

}  // namespace muster::manage::detail
