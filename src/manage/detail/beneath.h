// SPDX-License-Identifier: Apache-2.0
//
// The one way from an offered folder to what lies beneath it.
#pragma once

#include "manage/files.h"

namespace muster::manage::detail {

/// `flags`: of open(2); O_CLOEXEC is added. An empty way is the folder itself. kDenied where a
/// symbolic link is on the way or it leaves the folder; kUnavailable where the kernel is older
/// than Linux 5.6. `one_disk`: it crosses no mount either.
core::Result<runtime::Descriptor> open_beneath(int folder, const Place& place, int flags,
                                               bool one_disk = false);
core::Result<runtime::Descriptor> open_root(const Root& root);

/// What an errno means at a place that a caller named.
std::unexpected<core::Error> fail_at(int errno_value, const Place& place);

}  // namespace muster::manage::detail
