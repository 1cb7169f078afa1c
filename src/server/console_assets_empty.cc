// SPDX-License-Identifier: Apache-2.0
#include "server/console_assets.h"
namespace muster::server {
std::span<const Asset> console_assets() {
  return {};
}
}  // namespace muster::server
