// SPDX-License-Identifier: Apache-2.0
//
// Bytes of a known size that lie somewhere, and are read by ranges.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/result.h"

namespace muster::core {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual std::uint64_t size() const = 0;
  /// `bytes` bytes from `offset`, fewer only at the end. kIo where they cannot be had any more.
  virtual Result<std::string> read(std::uint64_t offset, std::size_t bytes) const = 0;
};

}  // namespace muster::core
