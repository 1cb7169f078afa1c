// SPDX-License-Identifier: Apache-2.0
//
// What a machine is and how it does: the part of the status report that hosts and servers share.
// Blocking: it reads /proc, asks file systems how full they are, and systemd which units failed.
#pragma once

#include <boost/json.hpp>

namespace muster::manage {

/// {os, kernel, architecture, processors, boot: {up_s}, load, memory, disks, services}. What
/// cannot be found out is null.
boost::json::object machine_status();

}  // namespace muster::manage
