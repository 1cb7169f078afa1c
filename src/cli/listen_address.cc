// SPDX-License-Identifier: Apache-2.0
#include "cli/listen_address.h"

#include <charconv>

namespace muster::cli {

core::Result<ListenAddress> ListenAddress::parse(const std::string& text) {
  ListenAddress found;
  const std::size_t colon = text.rfind(':');
  const char* const end = text.data() + text.size();
  const char* const port = colon == std::string::npos ? end : text.data() + colon + 1;
  const auto read = std::from_chars(port, end, found.port);
  if (colon == 0 || port == end || read.ec != std::errc() || read.ptr != end)
    return core::fail(core::Code::kInvalid,
                      "write an address and a port, as in "
                      "0.0.0.0:7443, not '" +
                          text + "'");
  found.address = text.substr(0, colon);
  if (found.address.starts_with('[') && found.address.ends_with(']'))
    found.address = found.address.substr(1, found.address.size() - 2);
  return found;
}

}  // namespace muster::cli
