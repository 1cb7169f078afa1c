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
  std::string_view gzip;  ///< the same, packed; empty where that would not help
};

/// Empty where the program was built without the console.
std::span<const Asset> console_assets();

/// Whether an Accept-Encoding header (RFC 9110, 12.5.3) takes gzip.
bool accepts_gzip(std::string_view header);

}  // namespace muster::server
