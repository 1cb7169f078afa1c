// SPDX-License-Identifier: Apache-2.0
//
// Calls of the kernel that have to be made more than once: it was interrupted, or did a part.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "core/result.h"

namespace muster::runtime {

/// Opens what lies at `path` beneath the open folder `from`, by openat2(2): nothing on the way
/// leads out of it, and no symbolic link is followed. `flags`: of open(2), O_CLOEXEC is added;
/// `mode`: with O_CREAT; `one_disk`: no mount is crossed either.
/// Returns a descriptor, or -1 with errno: ELOOP a link, EXDEV it leads out, ENOSYS the kernel is
/// older than Linux 5.6, EAGAIN names on the way changed all the time.
int open_beneath(int from, const std::string& path, int flags, mode_t mode = 0,
                 bool one_disk = false);

/// All of `bytes`, to where `fd` stands; `path` is for the error.
core::Status write_all(int fd, std::string_view bytes, const std::filesystem::path& path);

}  // namespace muster::runtime
