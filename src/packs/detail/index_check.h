// SPDX-License-Identifier: Apache-2.0
//
// The checks of read_outline() and add_chunks(), apart because they are many.
#pragma once

#include "packs/index.h"

namespace muster::packs::detail {

// Each: kInvalid or kLimit with the reason, where installing `index` could do other than it says.

/// Containers and tables; returns how many chunks there are.
core::Result<std::uint32_t> check_containers(const Index& index);
/// All but containers and chunks.
core::Status check_outline(const Index& index);
/// Of an index with chunks: that each file is as large as its chunks are.
core::Status check_files(const Index& index);

}  // namespace muster::packs::detail
