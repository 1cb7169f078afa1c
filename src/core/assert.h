// SPDX-License-Identifier: Apache-2.0
//
// MUSTER_ASSERT is always on, aborts, and never depends on input: what the world
// can cause is a Result.
#pragma once

namespace muster::core {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);
}

#define MUSTER_ASSERT(condition) \
  (static_cast<bool>(condition)  \
       ? void(0)                 \
       : ::muster::core::assertion_failed(#condition, __FILE__, __LINE__))
