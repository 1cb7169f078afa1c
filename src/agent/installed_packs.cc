// SPDX-License-Identifier: Apache-2.0
#include "agent/installed_packs.h"

#include "agent/user_request.h"
#include "core/bytes.h"
#include "pack.pb.h"
#include "runtime/file.h"

namespace muster::agent {

std::optional<std::string> installed_version(const std::filesystem::path& state,
                                             const std::string& pack) {
  constexpr std::size_t kNoteBytesMax = 64UL << 20;
  if (!parse_pack_name(pack)) return std::nullopt;
  const auto bytes = runtime::read_file(state / pack / "installed", kNoteBytesMax);
  wire::PackInstalled installed;
  if (!bytes || !installed.ParseFromString(*bytes) || installed.now().version().empty())
    return std::nullopt;
  return core::printable(installed.now().version(), 64);
}

}  // namespace muster::agent
