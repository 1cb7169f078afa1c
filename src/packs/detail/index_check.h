// SPDX-License-Identifier: Apache-2.0
//
// The checks of read_index(), apart because they are many.
#pragma once

#include "packs/index.h"

namespace muster::packs::detail {

/// kInvalid or kLimit with the reason, where installing `index` could do other than it says.
core::Status check_index(const Index& index);

}  // namespace muster::packs::detail
