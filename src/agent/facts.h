// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "link.pb.h"

namespace muster::agent {

/// What this machine is, from the kernel and /etc/os-release. What cannot be read is
/// left empty. Cheap enough to ask at every login.
wire::Facts gather_facts();

}  // namespace muster::agent
