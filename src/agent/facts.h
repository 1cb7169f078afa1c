// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "link.pb.h"

namespace muster::agent {

/// What this machine is, from the kernel and /etc/os-release. What cannot be read is
/// left empty. Cheap enough to ask at every login.
/// `updates_itself`: it does what an order to update itself says.
wire::Facts gather_facts(bool updates_itself = false);

}  // namespace muster::agent
