// SPDX-License-Identifier: Apache-2.0
//
// Small files of a host's state folder, which commands write and the running host reads.
#pragma once

#include <filesystem>
#include <string_view>

#include "core/result.h"

namespace muster::manage::detail {

/// As runtime::write_file, with mode 0600; the folder is made where it is missing. Where root
/// writes into the folder of a service's user, the file is that user's.
core::Status write_owned_file(const std::filesystem::path& file, std::string_view bytes);

}  // namespace muster::manage::detail
