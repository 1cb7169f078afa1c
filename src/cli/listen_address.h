// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"

namespace muster::cli {

/// What --listen says.
struct ListenAddress {
  std::string address;
  std::uint16_t port = 7443;

  /// "0.0.0.0:7443", "[::]:7443"; port 0 for any. kInvalid with an example.
  static core::Result<ListenAddress> parse(const std::string& text);
};

}  // namespace muster::cli
