// SPDX-License-Identifier: Apache-2.0
//
// The console's files, carried inside the program (cmake/embed_console.cmake).
#pragma once

#include <span>
#include <string_view>

namespace muster::server {

struct Asset {
  std::string_view path;  ///< "/assets/index-4f2c….js"
  std::string_view content_type;
  std::string_view etag;  ///< with its quotes
  std::string_view bytes;
};

/// Empty where the program was built without the console.
std::span<const Asset> console_assets();

}  // namespace muster::server
